"""Measures one phase of a comparison, from the model's parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.names import Naming
from loopviz.model.phases.confidence import Interval, intervals
from loopviz.model.phases.types import LoopFigures, ResourceFigures
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
OPEN_NS = 10 * SECOND
"""A request that has been open for longer no longer delays the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePhase:
    """A route in one phase: latencies with their intervals (`confidence.SHARES`), errors, pace."""

    latency: Quantiles
    intervals: tuple[Interval, ...]
    buckets: Buckets
    errors: int
    rps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFigures:
    """All figures of a phase, by name."""

    lasted_ns: int
    routes: dict[str, RoutePhase]
    loop: LoopFigures
    resources: dict[str, tuple[int, ResourceFigures]]
    """By name: the capacity, and the figures."""
    counters: dict[str, tuple[int, float]]
    """By key: by how much it grew, and by how much a second."""


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
        )

    def _busiest(self) -> list[ResourceGroup]:
        groups = [group for group in self._trace.resources.groups.values() if not group.anonymous]
        groups.sort(key=lambda group: (-group.shown.max_waiting, -group.shown.max_in_use))
        return groups[:MOST]

    def _route(self, route: Route, start_ns: int, end_ns: int) -> RoutePhase:
        """Up to the oldest open request: of those after it, only the fast ones were answered."""
        until_ns = min(end_ns, self._all_answered(route.name, end_ns))
        latencies, errors = route.between(start_ns, until_ns)
        return RoutePhase(
            latency=quantiles(latencies),
            intervals=intervals(latencies),
            buckets=_buckets(latencies),
            errors=errors,
            rps=len(latencies) * SECOND / max(until_ns - start_ns, 1),
        )

    def _all_answered(self, name: str, end_ns: int) -> int:
        """Up to when all requests of the route have been answered."""
        began = (r.start_ns for r in self._trace.requests.open.values() if r.route == name)
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
