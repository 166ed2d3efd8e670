"""Incidents: stalls, with the second before and after, that are kept for good."""

import heapq
from collections import deque

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.snapshot.types import NOTHING, Track
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.request import Request
from loopviz.model.state.requests import Requests
from loopviz.model.state.stalls import Stall, Stalls

__all__ = ["Incident", "Incidents"]

_AROUND_NS = SECOND
_REQUESTS = 200
"""How many requests an incident keeps, those nearest to the stall."""
_ENTRIES = 1000
"""How many entries of each track an incident keeps."""


class Incident:
    """A stall, with the requests, stalls and tracks around it."""

    __slots__ = ("busy", "lag", "requests", "stall", "stalls")

    def __init__(self, stall: Stall, stalls: list[Stall], requests: list[Request]) -> None:
        self.stall = stall
        self.stalls = stalls
        self.requests = requests
        """Requests that were open then may have ended since."""
        self.busy = self.lag = NOTHING
        """The tracks as in `LoopStats`, with very many entries thinned out."""

    def keep(self, loop: LoopTimes) -> None:
        """Copies its part of the loop's tracks."""
        self.busy, self.lag = (
            _thinned(*series.between(*self.window)) for series in (loop.busy, loop.lag)
        )

    @property
    def window(self) -> tuple[int, int]:
        """The time from a second before to a second after the stall."""
        return self.stall.start_ns - _AROUND_NS, self.stall.end_ns + _AROUND_NS

    def distance(self, request: Request) -> int:
        """Nanoseconds between the request and the stall; 0: they overlap."""
        stall = self.stall
        return max(request.start_ns - stall.end_ns, stall.start_ns - request.end_ns, 0)


class Incidents:
    """The worst and the latest incidents; each is taken a second after its stall has ended."""

    def __init__(self, keep: int = 50) -> None:
        self._keep = keep
        self.begin()

    def begin(self) -> None:
        """Forgets all of them."""
        self._latest: deque[Incident] = deque(maxlen=self._keep)
        self._worst: list[tuple[int, int, Incident]] = []  # a heap, the least of them first
        self._pending: deque[Stall] = deque(maxlen=500)

    def stall(self, stall: Stall) -> None:
        """A stall has ended."""
        self._pending.append(stall)

    def take(
        self,
        now: int,
        requests: Requests,
        stalls: Stalls,
        loop: LoopTimes,
        *,
        at_once: bool = False,
    ) -> None:
        """Takes the incidents that are due; `at_once`: all, since no events will follow."""
        pending = self._pending
        while pending and (at_once or pending[0].end_ns + _AROUND_NS <= now):
            self._take(pending.popleft(), requests, stalls).keep(loop)

    def all(self) -> list[Incident]:
        """All incidents, oldest first."""
        kept = {incident.stall.start_ns: incident for *_, incident in self._worst}
        kept |= {incident.stall.start_ns: incident for incident in self._latest}
        return [kept[start] for start in sorted(kept)]

    def _take(self, stall: Stall, requests: Requests, stalls: Stalls) -> Incident:
        incident = Incident(stall, [], [])
        start, end = incident.window
        incident.stalls = stalls.overlapping(start, end)[::-1]
        near = [r for r in requests.within(start) if r.start_ns < end]
        near += [r for r in requests.open.values() if r.start_ns < end]
        if len(near) > _REQUESTS:
            near = heapq.nsmallest(_REQUESTS, near, key=incident.distance)
        incident.requests = sorted(near, key=lambda request: request.number)
        self._latest.append(incident)
        item = stall.end_ns - stall.start_ns, stall.start_ns, incident
        if len(self._worst) < self._keep:
            heapq.heappush(self._worst, item)
        elif item[0] > self._worst[0][0]:
            heapq.heapreplace(self._worst, item)
        return incident


def _thinned(times: NDArray[np.int64], values: NDArray[np.int64]) -> Track:
    """A copy of at most `_ENTRIES` entries: the largest of each piece, at the time of its last."""
    piece = -(-len(times) // _ENTRIES)
    if piece <= 1:
        return Track(times_ns=times.copy(), values=values.copy())
    starts = np.arange(0, len(times), piece)
    ends = np.append(starts[1:], len(times)) - 1
    return Track(times_ns=times[ends], values=np.maximum.reduceat(values, starts))
