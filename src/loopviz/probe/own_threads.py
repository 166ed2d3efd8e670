"""Threads of loopviz in the watched process: `threading` does not count them among the app's."""

import _thread
from collections.abc import Callable

__all__ = ["ids", "start"]

ids: set[int] = set()
"""Of those that run."""


def start(run: Callable[[], None]) -> _thread.LockType:
    """Run that in a thread of its own; the lock is released when it ends.

    Raises RuntimeError if the system gives no more threads. The end of the process does not wait.
    """
    ended = _thread.allocate_lock()
    ended.acquire()

    def follow() -> None:
        me = _thread.get_ident()
        ids.add(me)
        try:
            run()
        finally:
            ids.discard(me)
            ended.release()

    _thread.start_new_thread(follow, ())
    return ended
