"""A screen in a browser has no terminal to hang up: it notices itself that it is alone."""

import os
import threading
import time
from collections.abc import Callable

from loopviz.clock import SECOND, monotonic_ns

__all__ = ["watch"]

STUCK_NS = 30 * SECOND
"""Nobody has taken what we write for so long: the browser has gone, and the server did not say."""


def watch(seen_ns: Callable[[], int], leave: Callable[[], object]) -> None:
    """Call `leave`, from a thread of its own, when the server that started us has gone.

    `seen_ns`: when the last frame was made; if that is long ago we end at once (the guard tidies
    up), for then the loop hangs in a write.
    """
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
            if monotonic_ns() - seen_ns() > STUCK_NS:
                os._exit(1)
        leave()

    threading.Thread(target=look, name="loopviz-orphan", daemon=True).start()
