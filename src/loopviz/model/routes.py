"""What the load saw, route by route. Latency counts from the scheduled time."""

import re
from collections import Counter, deque
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
        self._done = Series()  # done -> latency, in the order of ends
        self._newest: deque[tuple[int, int, int]] = deque(maxlen=50_000)
        """Scheduled, latency, late: exact; the histograms take over when there are more."""
        self._latency_all = Histogram()
        self._late_all = Histogram()

    def add(self, sample: Sample) -> None:
        latency = sample.done_ns - sample.scheduled_ns
        if 200 <= sample.status < 400:
            self.ok += 1
        else:
            self.errors[_NAMED.get(sample.status, str(sample.status))] += 1
        if sample.status == LEFT:
            return  # it would have taken longer, who knows how long
        late = sample.sent_ns - sample.scheduled_ns
        self._newest.append((sample.scheduled_ns, latency, late))
        self._latency_all.add(np.array([latency]))
        self._late_all.add(np.array([late]))
        self._done.extend(np.array([sample.done_ns]), np.array([latency]))

    def forget_before(self, time: int) -> None:
        """Drop what was done before `time` from `recent`; totals and `between` stay."""
        self._done.forget_before(time)

    def recent(self, since: int) -> Quantiles:
        """Latency of what was done since then."""
        return quantiles(self._done.since(since))

    def between(self, start: int, end: int) -> NDArray[np.int64]:
        """Latencies of what was scheduled in [start, end), among the last 50,000."""
        picked = [latency for scheduled, latency, _ in self._newest if start <= scheduled < end]
        return np.array(picked, np.int64)

    def latency(self) -> Quantiles:
        """Latency of all that came back, or failed, over the whole run; not of who left."""
        return self._whole(1, self._latency_all)

    def late(self) -> Quantiles:
        """How late the load sent, against its own schedule."""
        return self._whole(2, self._late_all)

    def _whole(self, column: int, everything: Histogram) -> Quantiles:
        if len(self._newest) == self._newest.maxlen:
            return everything.quantiles()
        return quantiles(np.array([row[column] for row in self._newest], np.int64))


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
