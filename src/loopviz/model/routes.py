"""What the load saw, route by route. Latency counts from the scheduled time."""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from loopviz.model.histogram import Histogram, quantiles
from loopviz.model.series import Series
from loopviz.model.snapshot import Quantiles, RouteView
from loopviz.wire.control import CONNECTION, LEFT, TIMEOUT, Sample

__all__ = ["Names", "Route", "Routes"]

_NAMED = {TIMEOUT: "timeout", CONNECTION: "connection", LEFT: "left"}
_EXACT = 50_000
"""Samples of a route that are kept one by one, the newest; beyond, there are histograms."""
_COLUMNS = 4


class Names:
    """What requests are called on the screen: as the load calls its routes."""

    def __init__(self, routes: Iterable[str] = ()) -> None:
        names = [(unquote(route), route) for route in routes]
        self._exact = dict(names)
        self._numbered = [
            (re.compile(re.escape(path).replace(r"\{n\}", r"\d+")), route)
            for path, route in names
            if "{n}" in path
        ]

    def of(self, path: str) -> str | None:
        """The load's name for a request to `METHOD /path`; None if no such request is the load's.

        `POST /pay/17` is `POST /pay/{n}`, if that is what the load sends.
        """
        name = self._exact.get(path)
        if name is None:
            for pattern, route in self._numbered:
                if pattern.fullmatch(path):
                    return route
        return name


class Route:
    """One route's samples, by the time at which they were scheduled."""

    def __init__(self, name: str, rps: float) -> None:
        self.name = name
        self.rps = rps
        self.sent = 0
        self.in_flight = 0
        self.shed = 0
        self.ok = 0
        self.errors: Counter[str] = Counter()
        self.done = Series()  # done -> latency, in the order of ends
        self._newest = array("q")
        """Of each sample: scheduled, latency, late, and 1 if it failed. Up to twice as many as are
        kept, so that forgetting costs next to nothing."""
        self._latency_all = Histogram()
        self._late_all = Histogram()

    def add(self, sample: Sample) -> None:
        latency = sample.done_ns - sample.scheduled_ns
        failed = not 200 <= sample.status < 400
        if not failed:
            self.ok += 1
        else:
            self.errors[_NAMED.get(sample.status, str(sample.status))] += 1
        if sample.status == LEFT:
            return  # it would have taken longer, who knows how long
        late = sample.sent_ns - sample.scheduled_ns
        self._newest.extend((sample.scheduled_ns, latency, late, failed))
        if len(self._newest) >= 2 * _EXACT * _COLUMNS:
            del self._newest[: -_EXACT * _COLUMNS]
        self._latency_all.note(latency)
        self._late_all.note(late)
        self.done.extend(np.array([sample.done_ns]), np.array([latency]))

    def forget_before(self, time: int) -> None:
        """Drop what was done before `time` from `recent`; totals and `between` stay."""
        self.done.forget_before(time)

    def recent(self, since: int, until: int | None = None) -> Quantiles:
        """Latency of what was done since then, up to now or `until` then."""
        if until is None:
            return quantiles(self.done.since(since))
        times, latencies = self.done.between(since, until)
        return quantiles(latencies[int(np.searchsorted(times, since)) :])

    def between(self, start: int, end: int) -> tuple[NDArray[np.int64], int]:
        """Latencies of what was scheduled in [start, end), and how many of these failed.

        Of the last 50,000 at least.
        """
        table = self._table()
        picked = table[(table[:, 0] >= start) & (table[:, 0] < end)]
        return picked[:, 1], int(picked[:, 3].sum())

    def latency(self) -> Quantiles:
        """Latency of all that came back, or failed, over the whole run; not of who left."""
        return self._whole(1, self._latency_all)

    def late(self) -> Quantiles:
        """How late the load sent, against its own schedule."""
        return self._whole(2, self._late_all)

    def _whole(self, column: int, everything: Histogram) -> Quantiles:
        table = self._table()
        if everything.count > len(table):
            return everything.quantiles()
        return quantiles(table[:, column])

    def _table(self) -> NDArray[np.int64]:
        """A row for each sample that is kept, in the order of their ends."""
        return np.array(self._newest, np.int64).reshape(-1, _COLUMNS)


@dataclass(slots=True)
class Routes:
    """All the routes of a load, in its order."""

    routes: list[Route]
    factor: float = 1.0

    def feed(
        self,
        samples: Sequence[Sample],
        sent: Sequence[int],
        in_flight: Sequence[int],
        shed: Sequence[int],
    ) -> None:
        """What came from the load since the last time."""
        for sample in samples:
            self.routes[sample.route].add(sample)
        for route, count, now, refused in zip(self.routes, sent, in_flight, shed, strict=True):
            route.sent, route.in_flight, route.shed = count, now, refused

    def views(self, since: int) -> tuple[RouteView, ...]:
        return tuple(
            RouteView(
                route.name,
                route.rps * self.factor,
                route.sent,
                route.ok,
                dict(route.errors) | ({"shed": route.shed} if route.shed else {}),
                route.in_flight,
                route.recent(since),
            )
            for route in self.routes
        )
