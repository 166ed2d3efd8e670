"""Measures how the loop's thread and the other threads share the process's CPU time."""

import sys
import threading
import time

from loopviz.clock import Clock

__all__ = ["CpuShares", "ThreadEndedError", "ThreadTimes"]


class ThreadEndedError(Exception):
    """The loop's thread has ended."""


class CpuShares:
    """The CPU time since the last `note`, of the loop's thread and of all others.

    Raises ThreadEndedError once the loop's thread has ended.
    """

    def __init__(self, thread_id: int, clock: Clock) -> None:
        get_clock_id = getattr(time, "pthread_getcpuclockid", None)  # not on macOS
        self._clock_id = get_clock_id(thread_id) if get_clock_id else None
        self._clock = clock
        self._noted = self._read()

    def note(self) -> None:
        """Restart the measurement."""
        self._noted = self._read()

    def starved(self) -> bool:
        """True if the loop's thread had less than half a core, and the others more than that."""
        if self._clock_id is None:
            return False
        wall, loop, process = (
            now - then for now, then in zip(self._read(), self._noted, strict=True)
        )
        return loop < wall / 2 < process - loop

    def _read(self) -> tuple[int, int, int]:
        try:
            loop = 0 if self._clock_id is None else time.clock_gettime_ns(self._clock_id)
        except OSError as error:
            raise ThreadEndedError from error
        return self._clock(), loop, time.process_time_ns()


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
