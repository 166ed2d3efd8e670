"""Measures what the loop's thread spends its time on."""

import threading
import time
from typing import NamedTuple

from loopviz.clock import MS, Clock
from loopviz.probe.kernel import CoreTime, KernelThread, Sleep

__all__ = ["NOTABLE_NS", "LoopThread", "Position", "Spent", "ThreadEndedError"]


NOTABLE_NS = 1 * MS
"""Shorter waits for a core or the GIL are not recorded; they may be counted some looks later."""


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

    One that has not ended looks like sleep, unless the thread is known to sleep now.
    """
    slices: int
    """How often it got a core."""
    known: bool
    """False where the kernel does not tell: on macOS, without `/proc`."""

    @property
    def asleep_ns(self) -> int:
        """How long it neither ran nor waited for a core: it slept in a system call."""
        return max(self.until_ns - self.since_ns - self.cpu_ns - self.queued_ns, 0)

    def with_stolen(self, stolen_ns: int) -> "Spent":
        """The same, if that much of it was taken from the thread: it counts as queued."""
        most = self.until_ns - self.since_ns - self.queued_ns
        return self._replace(queued_ns=self.queued_ns + max(min(stolen_ns, most), 0))

    @property
    def others_compute(self) -> bool:
        """True if other threads computed while it slept, as far as the machine let them."""
        return self.asleep_ns <= 8 * max(self.others_ns, self.queued_ns)

    def for_gil_ns(self, switch_interval_s: float) -> int:
        """How much of its sleep may have been a wait for the GIL: all or nothing."""
        may = self.known and self.others_compute and self.wakes_up(switch_interval_s)
        return self.asleep_ns if may else 0

    def wakes_up(self, switch_interval_s: float) -> bool:
        """True if its sleep was as short as that of a thread that waits for the GIL.

        Such a thread wakes up after each switch interval; one that is blocked in a system call does
        not.
        """
        return self.asleep_ns <= 2e9 * switch_interval_s * (self.slices + 1)

    @property
    def had_core(self) -> bool:
        """True if it certainly had a core: then all its waits from before are over.

        A thread gets a core once for each slice, and may keep it for the next look.
        """
        return self.slices > 0 or self.cpu_ns >= NOTABLE_NS

    def and_queued(self, queued_ns: int) -> "Spent":
        """The same, if it waited for a core for that much more of the time."""
        return self._replace(queued_ns=self.queued_ns + queued_ns)

    def after(self, older: "Spent") -> "Spent":
        """The time from the beginning of the older one to the end of this one."""
        return Spent(
            since_ns=older.since_ns,
            until_ns=self.until_ns,
            cpu_ns=older.cpu_ns + self.cpu_ns,
            others_ns=older.others_ns + self.others_ns,
            queued_ns=older.queued_ns + self.queued_ns,
            slices=older.slices + self.slices,
            known=older.known and self.known,
        )


class Position(NamedTuple):
    """The clocks of the loop's thread when it was looked at."""

    at_ns: int
    cpu_ns: int
    process_ns: int
    """The CPU time of the whole process."""
    off_core_ns: int
    """How long the thread has had no core since its waits were last read."""
    waits: CoreTime | None
    """Its waits when they were last read; None: the kernel does not tell."""


class LoopThread:
    """The loop's thread: what its time went into, and whether it waits for the GIL."""

    def __init__(self, thread_id: int, clock: Clock) -> None:
        """Raises ThreadEndedError if the thread has ended, as `look` does."""
        get_clock_id = getattr(time, "pthread_getcpuclockid", None)  # not on macOS
        self.clock_id = get_clock_id(thread_id) if get_clock_id else None
        """Of its CPU clock; None: there is none."""
        self._clock = clock
        self.kernel = KernelThread(_native_id(thread_id))
        self.last = Position(*self._read(), 0, self.kernel.core_waits())
        """Where the last look found it. The next one counts from there."""
        self.before_last = self.last

    def look(self, *, exact: bool = False) -> Spent:
        """What it did since the last look. Raises ThreadEndedError.

        Its waits are read if it is to be `exact`, or once it has been off its core for
        `NOTABLE_NS`: that costs more than all the rest. Until then they are 0, and are in the next
        look that reads them.
        """
        last = self.last
        until, cpu, process = self._read()
        on_core, waits = cpu - last.cpu_ns, last.waits
        queued = slices = 0
        off_core = last.off_core_ns + until - last.at_ns - on_core
        if exact or off_core >= NOTABLE_NS:
            off_core = 0
            if last.waits is not None and (waits := self.kernel.core_waits()) is not None:
                queued = waits.queued_ns - last.waits.queued_ns
                slices = waits.slices - last.waits.slices
        self.before_last, self.last = last, Position(until, cpu, process, off_core, waits)
        others = process - last.process_ns - on_core
        return Spent(last.at_ns, until, on_core, others, queued, slices, waits is not None)

    def sleeps(self) -> Sleep | None:
        """What it sleeps in; None if it does not."""
        return self.kernel.sleeps()

    def close(self) -> None:
        self.kernel.close()

    def _read(self) -> tuple[int, int, int]:
        """The time, and the CPU time of the thread and of the process."""
        try:
            cpu = 0 if self.clock_id is None else time.clock_gettime_ns(self.clock_id)
        except OSError as error:
            raise ThreadEndedError from error
        return self._clock(), cpu, time.process_time_ns()


def _native_id(thread_id: int) -> int | None:
    """The kernel's id of a Python thread; None if it is not known."""
    if threading.get_ident() == thread_id:
        return threading.get_native_id()
    found = (thread for thread in threading.enumerate() if thread.ident == thread_id)
    return next((thread.native_id for thread in found), None)
