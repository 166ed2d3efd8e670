"""The arrival schedule: when each request is due, fixed in advance by a seed.

Pure: no clock and no I/O. Times are integer nanoseconds since the load's start. A schedule has two
parts: the arrivals of each route, at the scenario's rate (`arrivals`), and one tempo for all of
them (`ArrivalSchedule`): at factor 2 schedule time passes twice as fast, at factor 0 it stands
still, and an arrival is due when schedule time reaches it.

The seed determines everything random: when an arrival is due, and which client leaves when.
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import count, repeat
from typing import NamedTuple

from loopviz.clock import SECOND
from loopviz.lab.catalogue import LoadInfo

__all__ = ["Arrival", "ArrivalSchedule", "arrivals"]


class Arrival(NamedTuple):
    """One request that is due. An arrival of several copies is as many of these in a row."""

    offset_ns: int
    """When it is due, since the load's start."""
    route: int
    """The index of its route."""
    number: int
    """The number of earlier arrivals of the route; replaces `{n}` in it."""
    leaves_s: float | None = None
    """How long after sending the request the client leaves; None: it stays."""


def arrivals(route: LoadInfo, seed: int, nth: int = 0) -> Iterator[int]:
    """The route's arrivals at its own rate, ascending and without end (none at 0 rps).

    The same seed and route give the same arrivals on every machine and in every process, whatever
    other routes there are; of those with the same name, each `nth` has its own. Constant arrivals
    start at a phase of their own, so that several such routes do not hit the target at the same
    instants.
    """
    if route.rps <= 0:
        return
    rng = _chance(seed, route, nth)
    if route.arrivals == "constant":
        phase = rng.random()
        for number in count():
            yield round((phase + number) / route.rps * SECOND)
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
        """`end_ns`: no arrivals are due from then on, counted from the load's start."""
        names = [route.route for route in routes]
        self._routes = [(route, names[:i].count(route.route)) for i, route in enumerate(routes)]
        self._seed = seed
        self._arrivals = heapq.merge(
            *(
                zip(arrivals(route, seed, nth), repeat(i), count())
                for i, (route, nth) in enumerate(self._routes)
            )
        )
        self._next = next(self._arrivals, None)
        self._factor = factor
        self._end_ns = end_ns
        self._changed_ns = 0  # when the factor last changed …
        self._reached_ns = 0  # … and how far schedule time had come by then

    @property
    def next_ns(self) -> int | None:
        """When the next arrival is due at the present factor; None while paused or at the end."""
        if self._next is None or self._factor <= 0:
            return None
        to_go_ns = max(0, self._next[0] - self._reached_ns)
        at_ns = self._changed_ns + round(to_go_ns / self._factor)
        return at_ns if self._end_ns is None or at_ns < self._end_ns else None

    def due(self, now_ns: int) -> Iterator[Arrival]:
        """Take every arrival that is due by `now_ns`, in order."""
        while (at_ns := self.next_ns) is not None and at_ns <= now_ns:
            assert self._next is not None
            _, route, number = self._next
            for copy in range(self._routes[route][0].copies):
                yield Arrival(at_ns, route, number, self._leaves_s(route, number, copy))
            self._next = next(self._arrivals, None)

    def set_factor(self, factor: float, now_ns: int) -> None:
        """From `now_ns` on, arrivals are `factor` times as frequent; the present gap shrinks, too.

        Take what is due first: an arrival that is overdue would be moved to `now_ns`.
        """
        if factor == self._factor:
            return
        self._reached_ns += round((now_ns - self._changed_ns) * self._factor)
        self._changed_ns = now_ns
        self._factor = factor

    def _leaves_s(self, route: int, number: int, copy: int) -> float | None:
        load, nth = self._routes[route]
        if not load.leaves:
            return None
        chance = _chance(self._seed, load, nth, "leaves", number, copy)
        return chance.uniform(0, load.leaves_within_s) if chance.random() < load.leaves else None


def _chance(seed: int, route: LoadInfo, nth: int, *what: object) -> random.Random:
    """The random numbers of a route; the same for the same arguments on every machine."""
    words = [seed, route.route, *([nth] if nth or what else []), *what]
    return random.Random(" ".join(map(str, words)))  # noqa: S311 (a schedule, not a secret)
