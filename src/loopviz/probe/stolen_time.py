"""Time that no thread of this process got, and that no queue for a core accounts for.

A hypervisor takes cores away: Linux counts that for each core, as *steal*. A process may be
stopped, or frozen by its control group: then a timer fires late.
"""

import os
import sys
import threading

from loopviz.clock import MS
from loopviz.probe.cpu_time import Spent
from loopviz.probe.kernel import CoreTime, File, KernelThread, core_waits

if sys.platform == "linux":
    from resource import RUSAGE_THREAD, getrusage

__all__ = ["StolenTime", "steal_ns"]

_LATE_NS = 10 * MS
"""A look that is late by less is not looked into: steal is counted in units of 10 ms."""
_REFRESH_NS = 1000 * MS
"""Interval at which steal is read while there is none. While there is some, each look reads it."""
_BYTES = 1 << 16
"""Enough for 500 cores."""


class StolenTime:
    """What was taken from the loop's thread between two looks of the watchdog, its own thread.

    Nothing is known on other systems than Linux, or where `/proc` is closed.
    """

    def __init__(self, loop: KernelThread) -> None:
        self._loop = loop
        self._stat = File("/proc/stat", _BYTES)
        self._schedstat = File(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._steal, self._waits = self._stat.read(), core_waits(self._schedstat.read())
        self._read_at, self._steals = 0, False
        self._ever = steal_ns(self._steal) > 0
        """Whether any was stolen since the machine was started: most have no hypervisor."""
        self._slept = _sleeps_so_far()

    def taken_ns(self, late_ns: int, spent: Spent) -> int:
        """How much was taken since the last look, of which the watchdog came so late."""
        late, now = late_ns >= _LATE_NS, spent.until_ns
        slept, self._slept = self._slept, _sleeps_so_far()
        waits, self._waits = self._waits, core_waits(self._schedstat.read())
        stolen = 0
        if self._steals or (late and self._ever) or now - self._read_at >= _REFRESH_NS:
            stolen = self._stolen_ns()
            since, self._read_at, self._steals = self._read_at, now, stolen > 0
            unexplained_ns = spent.asleep_ns - spent.others_ns if late else 0
            stolen = _within(stolen, since, spent, unexplained_ns)
        if late and spent.asleep_ns >= _LATE_NS:
            stopped = self._stopped_ns(late_ns, waits, self._slept - slept)
            stolen = max(stolen, min(stopped, spent.asleep_ns))
        return stolen

    @property
    def steals(self) -> bool:
        """True while a hypervisor takes cores away: then each look has to ask."""
        return self._steals

    def slept(self, times: int) -> None:
        """The watchdog has slept so often without a look."""
        self._slept += times

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        self._schedstat.close()
        self._stat.close()

    def _stolen_ns(self) -> int:
        """What a hypervisor took from the core of the loop's thread since this was last asked."""
        before, self._steal = self._steal, self._stat.read()
        if steal_ns(self._steal) <= steal_ns(before):
            return 0
        self._ever = True
        core = self._loop.core()
        return 0 if core is None else max(steal_ns(self._steal, core) - steal_ns(before, core), 0)

    def _stopped_ns(self, late_ns: int, before: CoreTime | None, wakes: int) -> int:
        """How much later the watchdog came than a core and the GIL would have let it.

        `before`: its own waits for a core up to the last look. Who waits for the GIL wakes up after
        each switch interval, and may then wait for a core.
        """
        if before is None or self._waits is None:
            return 0
        queued_ns = self._waits.queued_ns - before.queued_ns
        for_gil_ns = int(wakes * 1e9 * sys.getswitchinterval())
        stopped_ns = late_ns - queued_ns - for_gil_ns
        return stopped_ns if stopped_ns >= _LATE_NS else 0


def _within(stolen_ns: int, read_at: int, spent: Spent, unexplained_ns: int) -> int:
    """How much of what was stolen since `read_at` was so in the time of the look, the end of that.

    Its part of the time, unless more cannot have been before it, or nothing else explains what the
    thread did then: most kernels leave what is stolen out of its CPU time.
    """
    before_ns, lasted_ns = spent.since_ns - read_at, spent.until_ns - spent.since_ns
    if before_ns <= 0:
        return stolen_ns
    share_ns = stolen_ns * lasted_ns // (before_ns + lasted_ns)
    return max(share_ns, stolen_ns - before_ns, min(stolen_ns, unexplained_ns))


def _sleeps_so_far() -> int:
    """How often this thread has gone to sleep."""
    return getrusage(RUSAGE_THREAD).ru_nvcsw if sys.platform == "linux" else 0


def steal_ns(stat: bytes, core: int | None = None) -> int:
    """The steal that `/proc/stat` counts for one core, or for all; 0: not known."""
    name = b"cpu" if core is None else b"cpu%d" % core
    for line in stat.splitlines():
        fields = line.split()
        if fields[:1] == [name] and len(fields) > 8 and fields[8].isdigit():
            return int(fields[8]) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
        if not line.startswith(b"cpu"):
            break
    return 0
