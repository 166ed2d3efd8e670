"""The load's routes and their samples. Latency counts from the scheduled time."""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from loopviz.model.snapshot import LOAD_BUSY, LOAD_LATE_NS, Quantiles, RouteInfo
from loopviz.model.stats.histogram import Histogram, quantiles
from loopviz.model.stats.series import Series
from loopviz.wire.samples import CONNECTION, LEFT, NO_EVENT, TIMEOUT, Sample

__all__ = ["FIGURES", "Latency", "Route", "RouteNames", "Routes", "scaled"]

_NAMED = {TIMEOUT: "timeout", CONNECTION: "connection", LEFT: "left", NO_EVENT: "no event"}
_EXACT = 50_000
"""How many of its newest samples a route keeps; beyond, there are histograms."""
_COLUMNS = 4
_NUMBER = r"(?:\d+|\{…\})"
"""What may stand for `{n}`. After a thousand different paths the probe writes numbers as `{…}`."""
REFUSALS = (429, 503)
"""Statuses with which an app sheds load on purpose."""
PER_MILLE = 1_000
FIGURES = ("p50", "p90", "p99", "max")


class RouteNames:
    """The load's names for requests, as the screen shows them."""

    def __init__(self, routes: Iterable[str] = ()) -> None:
        self.set(routes)

    def set(self, routes: Iterable[str]) -> None:
        """Takes the names, in the place of earlier ones."""
        names = [(unquote(route), route) for route in routes]
        self._exact = dict(names)
        self._numbered = [
            (re.compile(re.escape(path).replace(r"\{n\}", _NUMBER)), route)
            for path, route in names
            if "{n}" in path
        ]

    def of(self, path: str) -> str | None:
        """The load's name for a request to `METHOD /path`; None if no such request is the load's.

        `POST /pay/17` and `POST /pay/{…}` are `POST /pay/{n}`, if that is what the load sends.
        """
        name = self._exact.get(path)
        if name is None:
            for pattern, route in self._numbered:
                if pattern.fullmatch(path):
                    return route
        return name


class Latency(NamedTuple):
    """Latencies in which a request without an answer counts with its age."""

    quantiles: Quantiles
    at_least: tuple[str, ...] = ()
    """The names of those that are lower bounds (`FIGURES`): they reach into such ages."""


class Route:
    """One route's samples, by the time at which they were scheduled."""

    def __init__(self, name: str, rps: float, clients: int = 0, seen_as: str = "") -> None:
        """As in `RouteRow`."""
        self.name, self.seen_as = name, seen_as
        self.rps, self.clients = rps, clients
        self.sent = 0
        self.in_flight = 0
        self.shed = 0
        self.ok = 0
        self.errors: Counter[str] = Counter()
        self.waiting: list[int] = []
        """When the requests that have been in flight for half a second or more were scheduled."""
        self.done = Series()  # done -> latency, in the order of ends
        self.late = Series()  # done -> late
        self._newest = array("q")
        """For each sample: scheduled, latency, late, status. Up to twice as many as are kept, so
        that forgetting is cheap."""
        self._latency_all = Histogram()
        self._late_all = Histogram()

    def add(self, samples: Sequence[Sample]) -> None:
        """Takes samples in the order of their ends."""
        for sample in samples:
            self.count(sample.status)
        # one that has left would have taken longer, who knows how long
        known = [sample[1:] for sample in samples if sample.status != LEFT]
        if not known:
            return
        scheduled, sent, done, status, unread = np.array(known, np.int64).T
        latency, late = done - scheduled, sent - scheduled + unread
        self._newest.frombytes(np.column_stack((scheduled, latency, late, status)).tobytes())
        if len(self._newest) >= 2 * _EXACT * _COLUMNS:
            del self._newest[: -_EXACT * _COLUMNS]
        for histogram, values in ((self._latency_all, latency), (self._late_all, late)):
            for value in values.tolist():
                histogram.note(value)
        self.done.extend(done, latency)
        self.late.extend(done, late)

    def count(self, status: int, times: int = 1) -> None:
        """Counts `times` requests with that status."""
        if 200 <= status < 400:
            self.ok += times
        else:
            self.errors[_NAMED.get(status, str(status))] += times

    def forget_before(self, time: int) -> None:
        """Drops what was done before `time` from `recent`; totals and `between` keep it."""
        self.done.forget_before(time)
        self.late.forget_before(time)

    def recent(self, since: int, until: int | None = None) -> Quantiles:
        """Latency of what was done since `since`, up to now or `until`."""
        return quantiles(_values(self.done, since, until))

    def late_recent(self, since: int, until: int | None = None) -> int:
        """How late the load sent what was done from `since` to `until`, in the median."""
        late = _values(self.late, since, until)
        return int(np.median(late)) if len(late) else 0

    def between(self, start: int, end: int) -> tuple[NDArray[np.int64], int]:
        """Latencies of what was scheduled in [start, end), and how many of these failed.

        At least the last 50,000 samples are known.
        """
        table = self._table()
        picked = table[(table[:, 0] >= start) & (table[:, 0] < end)]
        return picked[:, 1], int(((picked[:, 3] < 200) | (picked[:, 3] >= 400)).sum())

    def broken(self, start: int, end: int) -> int:
        """How many of what was scheduled in [start, end) failed, and were not merely refused."""
        table = self._table()
        status = table[(table[:, 0] >= start) & (table[:, 0] < end), 3]
        return int((((status < 200) | (status >= 400)) & ~np.isin(status, REFUSALS)).sum())

    def answered(self, start: int, end: int) -> int:
        """How many responses came in [start, end), whatever their status."""
        table = self._table()
        done = table[:, 0] + table[:, 1]
        return int(((done >= start) & (done < end) & (table[:, 3] > 0)).sum())

    def latency(self) -> Quantiles:
        """Latency of all requests that were answered or failed over the whole run."""
        return self._whole(1, self._latency_all)

    def latency_until(self, now: int) -> Latency:
        """The same, with the ages of the requests that are in flight at `now`."""
        if not self.waiting:
            return Latency(self.latency())
        ages = now - np.array(self.waiting, np.int64)
        table, everything = self._table(), self._latency_all
        youngest = int(ages.min())
        if everything.count > len(table):
            found = everything.and_also(ages).quantiles()
            youngest -= youngest // 32  # as exact as the bins
        else:
            found = quantiles(np.append(table[:, 1], ages))
        figures = ((name, getattr(found, f"{name}_ns")) for name in FIGURES)
        return Latency(found, tuple(name for name, ns in figures if ns >= youngest))

    def late_sends(self) -> Quantiles:
        """How late the load was, in sending and in reading the answer."""
        return self._whole(2, self._late_all)

    def _whole(self, column: int, everything: Histogram) -> Quantiles:
        table = self._table()
        if everything.count > len(table):
            return everything.quantiles()
        return quantiles(table[:, column])

    def _table(self) -> NDArray[np.int64]:
        """The samples that are kept, in the order of their ends."""
        return np.array(self._newest, np.int64).reshape(-1, _COLUMNS)


def _values(series: Series, since: int, until: int | None) -> NDArray[np.int64]:
    """The values from `since` on, up to now or `until`; of the past, also retained ones."""
    if until is None:
        return series.since(since)
    times, values = series.between(since, until)
    return values[int(np.searchsorted(times, since)) :]


@dataclass(slots=True)
class Routes:
    """All the routes of a load, in its order."""

    routes: list[Route]
    factor: float = 1.0
    as_of_ns: int = 0
    """Up to when the load has reported on its requests; 0: not known."""
    busy: Series = field(default_factory=Series)
    """Time of a report → the share of the time before it in which the load was busy (‰)."""
    busy_sum: int = 0
    reports: int = 0

    @property
    def busy_share(self) -> float:
        """The share of the whole run in which the load was busy."""
        return self.busy_sum / self.reports / PER_MILLE if self.reports else 0.0

    def feed(
        self,
        samples: Sequence[Sample],
        sent: Sequence[int],
        in_flight: Sequence[int],
        shed: Sequence[int],
        waiting: Iterable[tuple[int, int]] = (),
        outcomes: Iterable[tuple[int, int, int]] = (),
        busy: float = 0.0,
        at_ns: int = 0,
    ) -> None:
        """Takes what has come from the load; see `Model.feed_load`."""
        if at_ns:
            share = round(busy * PER_MILLE)
            self.busy.extend(np.array([at_ns]), np.array([share]))
            self.busy_sum, self.reports = self.busy_sum + share, self.reports + 1
        self.as_of_ns = at_ns
        for place, route in enumerate(self.routes):
            route.add([sample for sample in samples if sample.route == place])
        for number, status, count in outcomes:
            self.routes[number].count(status, count)
        for route in self.routes:
            route.waiting = []
        for number, scheduled_ns in waiting:
            self.routes[number].waiting.append(scheduled_ns)
        for route, count, now, refused in zip(self.routes, sent, in_flight, shed, strict=True):
            route.sent, route.in_flight, route.shed = count, now, refused

    def waiting_since(self, start_ns: int) -> list[tuple[str, int]]:
        """Requests due from `start_ns` on that still have no answer: route, scheduled time."""
        return [
            (route.name, scheduled_ns)
            for route in self.routes
            for scheduled_ns in route.waiting
            if scheduled_ns >= start_ns
        ]

    def snapshot(self, since: int) -> tuple[RouteInfo, ...]:
        busy = self.busy_recent(since)
        return tuple(
            RouteInfo(
                route=route.name,
                offered_rps=route.rps * self.factor,
                sent=route.sent,
                ok=route.ok,
                errors=dict(route.errors) | ({"shed": route.shed} if route.shed else {}),
                in_flight=route.in_flight,
                latency_recent=route.recent(since),
                late_recent_ns=route.late_recent(since),
                clients=scaled(route.clients, self.factor),
                seen_as=route.seen_as,
                load_busy=busy,
            )
            for route in self.routes
        )

    def at_limit(self, start: int, end: int) -> bool:
        """Whether the load was what the figures of that time show; see `RouteInfo.at_limit`."""
        late = max((route.late_recent(start, end) for route in self.routes), default=0)
        return late >= LOAD_LATE_NS or self.busy_recent(start, end) >= LOAD_BUSY

    def busy_recent(self, since: int, until: int | None = None) -> float:
        """The share of that time in which the load had no moment to spare."""
        shares = _values(self.busy, since, until)
        return float(shares.mean()) / PER_MILLE if len(shares) else 0.0

    def forget_before(self, time: int) -> None:
        """As `Route.forget_before`, of all."""
        self.busy.forget_before(time)
        for route in self.routes:
            route.forget_before(time)


def scaled(clients: int, factor: float) -> int:
    """How many clients there are at that factor."""
    return max(1, round(clients * factor)) if clients and factor else 0
