"""What fills the overview of the long run."""

from array import array

import numpy as np

from loopviz.clock import SECOND
from loopviz.model.snapshot.overview import Overview
from loopviz.model.state.loop import LoopTimes

__all__ = ["Seconds"]

_KEPT = 4 * 3600
"""Seconds at least; up to a half more, so that forgetting costs nothing."""
_EVER = 1 << 62


class Seconds:
    """Fills an overview: what ends is counted at once, the loop's figures when a second is over."""

    def __init__(self) -> None:
        self._start = self._over = 0
        """The first second, and the first that is not over; 0: nothing was recorded yet."""
        self._columns = [array("q") for _ in range(5)]
        self._busy, self._lag, self._held, self._requests, self._slowest = self._columns
        self._made = Overview()

    def request(self, end_ns: int, lasted_ns: int) -> None:
        """A request ended."""
        at = self._index(end_ns // SECOND)
        if at >= 0:
            self._requests[at] += 1
            self._slowest[at] = max(self._slowest[at], lasted_ns)

    def stall(self, start_ns: int, end_ns: int) -> None:
        """A callback held the loop."""
        self._index((end_ns - 1) // SECOND)
        for second in range(start_ns // SECOND, (end_ns - 1) // SECOND + 1):
            at = self._index(second)
            if at >= 0:
                self._held[at] = max(self._held[at], end_ns - start_ns)

    def note(self, now_ns: int, loop: LoopTimes) -> None:
        """Time goes on; what the loop did is known up to then."""
        now = now_ns // SECOND
        if not self._start:
            self._index(now)
        while self._over < now:
            start, end = self._over * SECOND, (self._over + 1) * SECOND
            at = self._index(self._over)
            self._busy[at] = _busy(loop, start, end, now_ns)
            times, lags = loop.lag.between(start, end - 1)
            lags = lags[int(np.searchsorted(times, start)) :]
            self._lag[at] = int(lags.max()) if len(lags) else 0
            self._over += 1

    def view(self) -> Overview:
        """All seconds that are over; the same again until one more is."""
        count = self._over - self._start
        if count != len(self._made.busy_ns) or self._made.start_s != self._start:
            columns = (np.array(column[:count], np.int64) for column in self._columns)
            self._made = Overview(self._start, *columns)
        return self._made

    def _index(self, second: int) -> int:
        """The place of that second, which may be the first one, or new; negative: it is too old."""
        if not self._start:
            self._start = self._over = second
        at = second - self._start
        if at >= _KEPT * 3 // 2:
            gone = min(at - _KEPT + 1, self._over - self._start)
            for column in self._columns:
                del column[:gone]
            self._start += gone
            at -= gone
        more = at + 1 - len(self._busy)
        if more > 0:
            for column in self._columns:
                column.extend([0] * more)
        return at


def _busy(loop: LoopTimes, start: int, end: int, now: int) -> int:
    """How long it was busy in that time, which is over."""
    times, values = loop.busy.between(start, _EVER)
    if not len(times):
        return 0
    times, values = np.append(times, now), np.append(values, loop.busy_until(now))
    before, after = np.interp((start, end), times, values)
    return int(after - before)
