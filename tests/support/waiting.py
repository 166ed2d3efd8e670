"""Waiting for what happens in another thread or process."""

import time


def wait_until(condition, timeout_s=15.0, what="it"):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")
