"""Measures what the loop's thread and the other threads spend their time on."""

import sys
import threading
import time
from typing import NamedTuple

from loopviz.clock import Clock
from loopviz.probe.kernel import CoreTime, KernelThread, Sleep

__all__ = ["LoopThread", "Spent", "ThreadEndedError", "ThreadTimes"]


class ThreadEndedError(Exception):
    """The loop's thread has ended."""


class Spent(NamedTuple):
    """How the loop's thread spent the time between two looks at it."""

    since_ns: int
    until_ns: int
    cpu_ns: int
    others_ns: int
    """CPU time of all other threads of the process."""
    queued_ns: int
    """How long it could run and had no core, of waits that have ended. They may have begun before.
    """
    slices: int
    """How often it got a core."""
    known: bool
    """False where the kernel does not tell: on macOS, without `/proc`."""

    @property
    def asleep_ns(self) -> int:
        """How long it neither ran nor waited for a core: it slept in a system call."""
        return max(self.until_ns - self.since_ns - self.cpu_ns - self.queued_ns, 0)

    def as_for_gil(self, switch_interval_s: float) -> bool:
        """True if it may have waited for the GIL while it slept.

        A thread that waits for the GIL wakes up after each switch interval; one that is blocked in
        a system call does not. And another thread computes, as far as the machine lets it.
        """
        wakes = self.asleep_ns <= 2e9 * switch_interval_s * (self.slices + 1)
        return self.known and wakes and self.asleep_ns <= 8 * max(self.others_ns, self.queued_ns)

    def after(self, older: "Spent | None") -> "Spent":
        """The time from the beginning of the older one to the end of this one."""
        if older is None:
            return self
        return Spent(
            since_ns=older.since_ns,
            until_ns=self.until_ns,
            cpu_ns=older.cpu_ns + self.cpu_ns,
            others_ns=older.others_ns + self.others_ns,
            queued_ns=older.queued_ns + self.queued_ns,
            slices=older.slices + self.slices,
            known=older.known and self.known,
        )


class LoopThread:
    """The loop's thread: what its time went into, and whether it waits for the GIL."""

    def __init__(self, thread_id: int, clock: Clock) -> None:
        """Raises ThreadEndedError if the thread has ended, as `look` does."""
        get_clock_id = getattr(time, "pthread_getcpuclockid", None)  # not on macOS
        self._clock_id = get_clock_id(thread_id) if get_clock_id else None
        self._clock = clock
        self._kernel = KernelThread(_native_id(thread_id))
        self._last = self._read()

    def look(self) -> Spent:
        """What it did since the last look. Raises ThreadEndedError."""
        last, now = self._last, self._read()
        self._last = now
        cpu = now.cpu_ns - last.cpu_ns
        waits, before = now.waits, last.waits
        known = waits is not None and before is not None
        return Spent(
            since_ns=last.at_ns,
            until_ns=now.at_ns,
            cpu_ns=cpu,
            others_ns=now.process_ns - last.process_ns - cpu,
            queued_ns=waits.queued_ns - before.queued_ns if waits and before else 0,
            slices=waits.slices - before.slices if waits and before else 0,
            known=known,
        )

    def sleeps(self) -> Sleep | None:
        """What it sleeps in; None if it does not."""
        return self._kernel.sleeps()

    def close(self) -> None:
        self._kernel.close()

    def _read(self) -> "_Reading":
        try:
            cpu = 0 if self._clock_id is None else time.clock_gettime_ns(self._clock_id)
        except OSError as error:
            raise ThreadEndedError from error
        return _Reading(self._clock(), cpu, time.process_time_ns(), self._kernel.core_waits())


class _Reading(NamedTuple):
    at_ns: int
    cpu_ns: int
    process_ns: int
    waits: CoreTime | None


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


def _native_id(thread_id: int) -> int | None:
    """The kernel's id of a Python thread; None if it is not known."""
    if threading.get_ident() == thread_id:
        return threading.get_native_id()
    found = (thread for thread in threading.enumerate() if thread.ident == thread_id)
    return next((thread.native_id for thread in found), None)
