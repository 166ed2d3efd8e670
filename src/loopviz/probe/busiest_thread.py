"""Finds the thread that computes while the loop's thread waits for the GIL."""

import sys
import threading
import time
from types import FrameType

from loopviz.probe import own_threads
from loopviz.probe.cpu_time import NOTABLE_NS
from loopviz.probe.places import Places
from loopviz.probe.stacks import Stack, stack_frames, stack_of
from loopviz.wire.events import OWN

__all__ = ["BusiestThread", "ThreadTimes"]

_WAITS = (
    "threading.py",
    "queue.py",
    "selectors.py",
    "concurrent/futures/thread.py",
    "socket.py",
    "asyncio/selector_events.py",
)
"""Files of a waiting thread's innermost frame; such a thread does not compute."""


class BusiestThread:
    """The one that has had the most CPU time since `note` was called."""

    def __init__(self, places: Places) -> None:
        self._places, self._times = places, ThreadTimes()

    def note(self) -> None:
        """Restart the measurement."""
        self._times.note()

    def stack(self, frames: dict[int, FrameType], loop_thread: int) -> Stack:
        """The stack of the busiest thread, except the loop's; of one of loopviz's, its name.

        If none computes, the watchdog, whose thread calls this, had the GIL, and no core.
        """
        most, busiest, found, seen = -1, threading.main_thread(), None, 0
        unknown = set(frames) - {loop_thread, threading.get_ident()} - own_threads.ids
        for thread in threading.enumerate():
            unknown.discard(thread.ident or 0)
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.ident == loop_thread:
                continue
            used = self._times.used(thread)  # the frame does not show a wait in C code
            seen = max(seen, used)
            if frame.f_code.co_filename.endswith(_WAITS):
                continue
            if used > most and (used >= NOTABLE_NS or not _is_own(thread)):
                most, busiest, found = used, thread, frame
        if found is not None and _is_own(busiest):
            return _own(busiest.name)
        if found is None and seen < NOTABLE_NS and not unknown:
            return _own("loopviz watchdog")
        return stack_of(self._places, stack_frames(found))


class ThreadTimes:
    """The CPU time since the last `note`, of each thread; 0 where it is unknown (macOS)."""

    def __init__(self) -> None:
        self._noted: dict[threading.Thread, int] = {}

    def note(self) -> None:
        """Restart the measurement."""
        self._noted = {thread: _cpu_time_ns(thread) for thread in threading.enumerate()}

    def used(self, thread: threading.Thread) -> int:
        """CPU time in nanoseconds; of a thread started since the last `note`, all of it."""
        return _cpu_time_ns(thread) - self._noted.get(thread, 0)


def _cpu_time_ns(thread: threading.Thread) -> int:
    """A thread's CPU time, by its kernel id: `pthread_getcpuclockid` may crash if it has ended."""
    if sys.platform != "linux" or thread.native_id is None:
        return 0
    try:
        return time.clock_gettime_ns(~thread.native_id << 3 | 6)  # glibc's formula for a clock's id
    except OSError:
        return 0


def _own(name: str) -> Stack:
    return Stack([f"\t{OWN}\t0\t{name}"], 0)


def _is_own(thread: threading.Thread) -> bool:
    return thread.name.startswith("loopviz ")
