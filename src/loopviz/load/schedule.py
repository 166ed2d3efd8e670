"""The arrival schedule: when each request is due, fixed in advance by a seed.

Pure: no clock and no I/O. Times are integer nanoseconds since the load's start. Two things make
the schedule. Each route's own arrivals, at the rate the scenario asks for (`arrivals`). And one
tempo for all of them: at factor 2 schedule time passes twice as fast, at factor 0 it stands
still, and an arrival comes when schedule time gets to it (`ArrivalSchedule`).
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from loopviz.catalogue import LoadInfo
from loopviz.clock import SECOND

__all__ = ["Arrival", "ArrivalSchedule", "arrivals"]


class Arrival(NamedTuple):
    """One request that is due."""

    offset_ns: int
    """When, since the load's start."""
    route: int
    """Which, as an index into the load's routes."""


def arrivals(route: LoadInfo, seed: int) -> Iterator[int]:
    """The route's arrivals at its own rate, ascending and without end (none at 0 rps).

    The same seed and route give the same arrivals on every machine and in every process, whatever
    other routes there are. Constant arrivals start at a phase of their own, so that several such
    routes do not hit the target at the same instants.
    """
    if route.rps <= 0:
        return
    rng = random.Random(f"{seed} {route.route}")  # noqa: S311 (a schedule, not a secret)
    if route.arrivals == "constant":
        phase = rng.random()
        count = 0
        while True:
            yield round((phase + count) / route.rps * SECOND)
            count += 1
    at_s = 0.0
    while True:
        at_s += rng.expovariate(route.rps)
        yield round(at_s * SECOND)


class ArrivalSchedule:
    """All routes' arrivals in order, under a rate factor that may change while they go on.

    The same seed and the same changes at the same offsets give the same arrivals.
    """

    def __init__(
        self,
        routes: Sequence[LoadInfo],
        seed: int,
        factor: float = 1.0,
        end_ns: int | None = None,
    ) -> None:
        """`end_ns`: no arrivals from there on, counted from the load's start."""
        streams = [zip(arrivals(x, seed), repeat(i)) for i, x in enumerate(routes)]
        self._arrivals = heapq.merge(*streams)
        self._next = next(self._arrivals, None)
        self._factor = factor
        self._end_ns = end_ns
        self._changed_ns = 0  # when the factor last changed …
        self._reached_ns = 0  # … and how far schedule time had come by then

    @property
    def next_ns(self) -> int | None:
        """When the next arrival is due, if the factor stays; None at a pause or the end."""
        if self._next is None or self._factor <= 0:
            return None
        to_go_ns = max(0, self._next[0] - self._reached_ns)
        at_ns = self._changed_ns + round(to_go_ns / self._factor)
        return at_ns if self._end_ns is None or at_ns < self._end_ns else None

    def due(self, now_ns: int) -> Iterator[Arrival]:
        """Take every arrival that is due by `now_ns`, in order."""
        while (at_ns := self.next_ns) is not None and at_ns <= now_ns:
            assert self._next is not None
            yield Arrival(at_ns, self._next[1])
            self._next = next(self._arrivals, None)

    def set_factor(self, factor: float, now_ns: int) -> None:
        """From `now_ns` on, arrivals come `factor` times as often; what is left of a gap shrinks.

        Take what is due first: an arrival that is overdue would be moved to `now_ns`.
        """
        if factor == self._factor:
            return
        self._reached_ns += round((now_ns - self._changed_ns) * self._factor)
        self._changed_ns = now_ns
        self._factor = factor
