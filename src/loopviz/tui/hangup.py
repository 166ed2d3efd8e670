"""Notices that nobody looks any more, where no signal says so; from a thread, the loop may hang.

A browser has no terminal to hang up; a terminal that is not ours to control sends no SIGHUP, and
Textual would read its end for ever.
"""

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable

from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine.terminal import INPUT_FD

__all__ = ["is_terminal_gone", "watch_server", "watch_terminal"]

CHECK_INTERVAL_S = 0.5

STUCK_WRITE_NS = 30 * SECOND
"""No output was taken for this long: the browser has gone, and the server did not report it."""

EXIT_TIMEOUT_S = 3.0
"""How long the loop may take to leave. Then the process exits: the loop hangs in a write."""


def watch_server(seen_ns: Callable[[], int], leave: Callable[[], object]) -> None:
    """Call `leave`, from a thread of its own, when the server that started us has gone.

    `seen_ns`: when the last frame was made; if that is long ago we end at once (the guard tidies
    up), for then the loop hangs in a write.
    """
    parent = os.getppid()

    def gone() -> bool:
        if monotonic_ns() - seen_ns() > STUCK_WRITE_NS:
            os._exit(1)
        return os.getppid() != parent

    _watch(gone, leave)


def watch_terminal(leave: Callable[[], object]) -> None:
    """Call `leave`, from a thread of its own, when the terminal has gone."""
    _watch(is_terminal_gone, leave)


def is_terminal_gone() -> bool:
    """Whether the terminal that keys are read from was closed at its other end."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(INPUT_FD, 0)  # POLLHUP is reported even if no event is asked for
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _watch(gone: Callable[[], bool], leave: Callable[[], object]) -> threading.Thread:
    def watch() -> None:
        while not gone():
            time.sleep(CHECK_INTERVAL_S)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            leave()
        time.sleep(EXIT_TIMEOUT_S)
        os._exit(1)

    thread = threading.Thread(target=watch, name="loopviz-orphan", daemon=True)
    thread.start()
    return thread
