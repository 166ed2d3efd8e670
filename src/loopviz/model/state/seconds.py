"""The figures of each second, which make the overview."""

from array import array

import numpy as np

from loopviz.clock import SECOND
from loopviz.model.snapshot.overview import Overview
from loopviz.model.state.loop import LoopTimes

__all__ = ["Seconds"]

_KEPT = 4 * 3600
"""How many seconds are kept at least; up to half as many more, so that forgetting is cheap."""
_EVER = 1 << 62


class Seconds:
    """Fills an overview: requests and stalls as they end, the loop's figures by the second."""

    def __init__(self) -> None:
        self._start = self._over = 0
        """The first second, and the first that has not ended; 0: no event has come."""
        self._columns = [array("q") for _ in range(5)]
        self._busy, self._lag, self._stall_max, self._requests, self._slowest = self._columns
        self._made = Overview()

    def begin(self) -> None:
        """Forgets requests and stalls."""
        for column in (self._stall_max, self._requests, self._slowest):
            column[:] = array("q", bytes(column.itemsize * len(column)))

    def request(self, end_ns: int, lasted_ns: int) -> None:
        """A request ended."""
        at = self._index(end_ns // SECOND)
        if at >= 0:
            self._requests[at] += 1
            self._slowest[at] = max(self._slowest[at], lasted_ns)

    def stall(self, start_ns: int, end_ns: int) -> None:
        """A callback blocked the loop."""
        self._index((end_ns - 1) // SECOND)
        for second in range(start_ns // SECOND, (end_ns - 1) // SECOND + 1):
            at = self._index(second)
            if at >= 0:
                self._stall_max[at] = max(self._stall_max[at], end_ns - start_ns)

    def note(self, now_ns: int, loop: LoopTimes) -> None:
        """Time goes on: what the loop did is known up to `now_ns`."""
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

    def overview(self) -> Overview:
        """All seconds that have ended; the same object until one more has."""
        count = self._over - self._start
        if count != len(self._made.busy_ns) or self._made.start_s != self._start:
            busy, lag, stall_max, requests, slowest = (
                np.array(column[:count], np.int64) for column in self._columns
            )
            self._made = Overview(
                start_s=self._start,
                busy_ns=busy,
                lag_max_ns=lag,
                stall_max_ns=stall_max,
                requests=requests,
                slowest_ns=slowest,
            )
        return self._made

    def _index(self, second: int) -> int:
        """The index of that second, which is added if it is new; negative: it is too old."""
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
    """How long the loop was busy in that time, which has ended."""
    times, values = loop.busy.between(start, _EVER)
    if not len(times):
        return 0
    times, values = np.append(times, now), np.append(values, loop.busy_until(now))
    before, after = np.interp((start, end), times, values)
    return int(after - before)
