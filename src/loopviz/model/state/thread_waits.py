"""Waits of the loop's thread within callbacks: for a core, or for the GIL."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS
from loopviz.wire.events import WAITED_UNIT_NS

__all__ = ["LATE_NS", "CoreWaits", "Idle", "ReachedLimit", "ThreadWaits"]

LATE_NS = 200 * MS
"""A wait is known at the watchdog's next look: 10 ms later as a rule, more on a busy machine."""
_KEPT = 5000
Ints = NDArray[np.int64]
Idle = Callable[[int, int], int]
"""How long the loop was idle from one time to another."""


class _Waited(NamedTuple):
    """Waits that ended from `since_ns` to `at_ns`."""

    since_ns: int
    at_ns: int
    waited_ns: int

    @property
    def begins_ns(self) -> int:
        """The earliest at which the first may have begun."""
        return min(self.since_ns, self.at_ns - self.waited_ns)


class ReachedLimit(NamedTuple):
    """The CPU limit that was reached, and in how many of how many periods."""

    cores: str
    setting: str
    periods: int
    reached: int


class ThreadWaits:
    """How long the loop's thread waited for one thing, as the watchdog measured it at its looks.

    What was waited from one look to the next counts evenly for the time in which the loop was busy.
    """

    def __init__(self, idle: Idle) -> None:
        self._idle = idle
        self._last: deque[_Waited] = deque(maxlen=_KEPT)
        self.total_ns = 0
        """Since `begin`."""

    def begin(self) -> None:
        """Starts the total anew."""
        self.total_ns = 0

    def add(self, at: int, since: int, units: int) -> None:
        """QUEUED or WAITED_FOR_GIL."""
        if units:
            self._last.append(_Waited(since, at, units * WAITED_UNIT_NS))
            self.total_ns += units * WAITED_UNIT_NS

    @property
    def last_ns(self) -> int:
        """When the last wait was measured; 0: never."""
        return self._last[-1].at_ns if self._last else 0

    def within(self, start_ns: int, end_ns: int) -> int:
        """About how long the thread waited in that interval, in which the loop was busy."""
        starts, ends = np.array([start_ns]), np.array([end_ns])
        return int(self.within_each(starts, ends)[0])

    def at_least_within(self, start_ns: int, end_ns: int) -> int:
        """How long the thread certainly waited in that interval, however the waits are spread.

        For a callback in which it was seen to sleep: the waits measured with that sleep may have
        been before or after the callback, even while the loop was idle, and are no excuse for it.
        """
        total = 0
        for waited in reversed(self._last):
            if waited.at_ns <= start_ns:
                break
            begin, end = waited.begins_ns, waited.at_ns
            overlap = min(end_ns, end) - max(start_ns, begin)
            total += max(waited.waited_ns - (end - begin - max(overlap, 0)), 0)
        return min(total, end_ns - start_ns)

    def within_each(self, starts: Ints, ends: Ints) -> Ints:
        """As `within`, of several intervals."""
        totals: Ints = np.zeros(len(starts), np.int64)
        first = int(starts.min()) if len(starts) else 0
        for waited in reversed(self._last):
            if waited.at_ns <= first:
                break
            begin, end = waited.begins_ns, waited.at_ns
            overlap = np.maximum(np.minimum(ends, end) - np.maximum(starts, begin), 0)
            busy = max(end - begin - self._idle(begin, end), waited.waited_ns, 1)
            totals += overlap * waited.waited_ns // busy
        within: Ints = np.minimum(totals, ends - starts)
        return within


class CoreWaits(ThreadWaits):
    """Its waits for a core, and the CPU limit that it reached."""

    def __init__(self, idle: Idle) -> None:
        super().__init__(idle)
        self.measured = False
        """Whether the kernel tells how long its threads wait for a core."""
        self.limit: ReachedLimit | None = None
        self._throttled: deque[int] = deque(maxlen=_KEPT)

    def begin(self) -> None:
        super().begin()
        self.limit = None

    def add(self, at: int, since: int, units: int) -> None:
        self.measured = True
        super().add(at, since, units)

    def throttled(self, at: int, periods: int, reached: int, text: str) -> None:
        """THROTTLED."""
        cores, _, setting = text.partition("\t")
        if self.limit is not None and self.limit.setting == setting:
            periods, reached = periods + self.limit.periods, reached + self.limit.reached
        self.limit = ReachedLimit(cores, setting, periods, reached)
        self._throttled.append(at)

    def was_throttled(self, start_ns: int, end_ns: int) -> bool:
        """Whether the limit was reached in that interval, or so shortly after that it may have."""
        for at in reversed(self._throttled):
            if at < start_ns:
                return False
            if at <= end_ns + LATE_NS:
                return True
        return False
