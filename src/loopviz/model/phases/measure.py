"""Measures one phase of a comparison, from the model's parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.names import Naming
from loopviz.model.phases.confidence import Interval, intervals
from loopviz.model.snapshot.comparison import LoopFigures, ResourceFigures
from loopviz.model.snapshot.types import EDGES_NS, Buckets, Quantiles
from loopviz.model.state.counters import Counters
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import ongoing
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.routes import Route, Routes
from loopviz.model.state.trace import Trace
from loopviz.model.state.usage import EVERY_NS, Usage
from loopviz.model.stats.histogram import quantiles
from loopviz.model.stats.series import Series
from loopviz.wire.events import Kind

__all__ = ["Meter", "PhaseFigures", "RoutePhase"]

Ints = NDArray[np.int64]

MOST = 40
"""How many resources are compared, those with the longest queues first."""
LEVEL_NS = 2 * SECOND
"""A level is the mean of so much time at the end of a phase."""
OPEN_NS = 10 * SECOND
"""A request that has been open for longer no longer delays the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePhase:
    """A route in one phase: latencies with their intervals (`confidence.SHARES`), errors, pace."""

    latency: Quantiles
    intervals: tuple[Interval, ...]
    buckets: Buckets
    errors: int
    broken: int
    """Errors that are no refusals."""
    rps: float
    """Responses a second, whenever their requests were due."""
    answered: int
    """How many these were."""
    open: int
    """Requests of the phase without a response."""
    oldest_ns: int
    """How long the oldest of these has waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFigures:
    """All figures of a phase, by name."""

    lasted_ns: int
    at_limit: bool
    """The load was at its limit, and is what the latencies show; see `RouteInfo.at_limit`."""
    routes: dict[str, RoutePhase]
    loop: LoopFigures
    resources: dict[str, tuple[int, ResourceFigures]]
    """By name: the capacity, and the figures."""
    counters: dict[str, tuple[int, float]]
    """By key: by how much it grew, and by how much a second."""
    values: dict[str, int]
    """The counters' values at the end, by key."""
    levels: dict[str, tuple[float, float]]
    """By kind of resource: in use and waiting at the end, of the one that has the most."""


class Meter:
    """Measures any stretch of the last minute."""

    def __init__(
        self, routes: Routes, loop: LoopTimes, trace: Trace, counters: Counters, naming: Naming
    ) -> None:
        self._routes, self._loop, self._trace = routes, loop, trace
        self._counters, self._naming = counters, naming
        self._usage = Usage()

    def begin(self) -> None:
        """Starts anew: earlier notes do not count."""
        self._usage.begin()

    def note(self, at_ns: int, *, now: bool = False) -> None:
        """Time goes on. `now`: a phase begins or ends here."""
        if now or at_ns - self._usage.noted_ns >= EVERY_NS:
            self._usage.note(at_ns, self._trace.resources.groups.values())

    def measure(self, start_ns: int, end_ns: int) -> PhaseFigures:
        """The figures of that time; requests count by when they were scheduled."""
        lasted = max(end_ns - start_ns, 0)
        return PhaseFigures(
            lasted_ns=lasted,
            at_limit=self._routes.at_limit(start_ns, end_ns),
            routes={
                route.name: self._route(route, start_ns, end_ns) for route in self._routes.routes
            },
            loop=self._loop_figures(start_ns, end_ns),
            resources={
                group.display(self._naming): (
                    group.capacity,
                    self._usage.between(group, start_ns, end_ns),
                )
                for group in self._busiest()
            },
            counters={
                key: (grew, grew * SECOND / max(lasted, 1))
                for key, grew in self._counters.grown(start_ns, end_ns).items()
            },
            values=self._counters.at(end_ns),
            levels=self._levels(start_ns, end_ns),
        )

    def samples(self, start_ns: int, end_ns: int) -> int:
        """How many requests that were due in that time have a latency, of the busiest route."""
        counts = (len(r.between(start_ns, end_ns)[0]) for r in self._routes.routes)
        return max(counts, default=0)

    def open_before(self, at_ns: int) -> int:
        """How many requests that began before `at_ns` have no response yet."""
        requests = self._trace.requests.open.values()
        seen = sum(r.start_ns < at_ns for r in requests if not r.lasts)
        sent = sum(due < at_ns for r in self._routes.routes for due in r.waiting)
        return max(seen, sent)

    def _levels(self, start_ns: int, end_ns: int) -> dict[str, tuple[float, float]]:
        levels: dict[str, tuple[float, float]] = {}
        since = max(start_ns, end_ns - LEVEL_NS)
        for group in self._trace.resources.groups.values():
            found = self._usage.between(group, since, end_ns)
            most = levels.get(group.kind.id, (0.0, 0.0))
            levels[group.kind.id] = max(most[0], found.in_use), max(most[1], found.waiting)
        return levels

    def _busiest(self) -> list[ResourceGroup]:
        groups = [group for group in self._trace.resources.groups.values() if not group.anonymous]
        groups.sort(key=lambda group: (-group.shown.max_waiting, -group.shown.max_in_use))
        return groups[:MOST]

    def _route(self, route: Route, start_ns: int, end_ns: int) -> RoutePhase:
        """Up to the oldest open request: of those after it, only the fast ones were answered."""
        until_ns = min(end_ns, self._all_answered(route, end_ns))
        latencies, errors = route.between(start_ns, until_ns)
        answered = route.answered(start_ns, end_ns)
        unanswered = [due for due in route.waiting if start_ns <= due < end_ns]
        return RoutePhase(
            latency=quantiles(latencies),
            intervals=intervals(latencies),
            buckets=_buckets(latencies),
            errors=errors,
            broken=route.broken(start_ns, until_ns),
            rps=answered * SECOND / max(end_ns - start_ns, 1),
            answered=answered,
            open=len(unanswered),
            oldest_ns=end_ns - min(unanswered, default=end_ns),
        )

    def _all_answered(self, route: Route, end_ns: int) -> int:
        """Up to when all requests of the route have been answered."""
        requests = self._trace.requests.open.values()
        began = [r.start_ns for r in requests if r.route == route.name and not r.lasts]
        began += route.waiting  # which the loop may not have read
        return min((at for at in began if at >= end_ns - OPEN_NS), default=end_ns)

    def _loop_figures(self, start_ns: int, end_ns: int) -> LoopFigures:
        loop = self._loop
        on = ongoing(self._trace, loop, self._routes, end_ns)
        stalls = [
            stall
            for stall in self._trace.stalls.overlapping(start_ns, end_ns)
            if start_ns <= stall.start_ns
        ]
        if on.stall is not None and start_ns <= on.stall.start_ns:
            stalls.append(on.stall)
        return LoopFigures(
            utilization=_share(loop, start_ns, end_ns),
            lag=quantiles(np.append(_within(loop.lag, start_ns, end_ns), on.lag)),
            ready_delay=quantiles(
                np.append(_within(loop.ready_delay, start_ns, end_ns), on.ready_delay)
            ),
            stalls=len(stalls),
            stalled_ns=sum((stall.end_ns or end_ns) - stall.start_ns for stall in stalls),
            victims=sum(stall.victims for stall in stalls),
        )


def _within(series: Series, start_ns: int, end_ns: int) -> Ints:
    first, last = np.searchsorted(series.times, (start_ns, end_ns))
    return series.values[first:last]


def _share(loop: LoopTimes, start_ns: int, end_ns: int) -> float:
    """Utilization, with what still runs; time before the first record does not count."""
    times, values = loop.busy.times, loop.busy.values
    if not len(times):
        return 0.0
    start = max(start_ns, int(times[0]))
    last = max(int(times[-1]), loop.last_at)
    if loop.last_kind != Kind.STOPPED:
        last = max(last, end_ns - 1)
    times, values = np.append(times, last + 1), np.append(values, loop.busy_until(last + 1))
    end = min(end_ns, last + 1)
    if end <= start:
        return 0.0
    busy = np.interp((start, end), times, values)
    return float(busy[1] - busy[0]) / (end - start)


def _buckets(values: Ints) -> Buckets:
    if not len(values):
        return ()
    places = np.searchsorted(EDGES_NS, values, side="right")
    return tuple(np.bincount(places, minlength=len(EDGES_NS) + 1).tolist())
