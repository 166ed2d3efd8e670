"""The snapshot of the current moment. Its costly parts are refreshed at intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.model.phases.phases import Phases
from loopviz.model.snapshot import (
    Comparison,
    CounterValue,
    Finding,
    Health,
    JobStats,
    LoopDistributions,
    LoopStats,
    Mark,
    OrphanInfo,
    Quantiles,
    RequestInfo,
    ResourceInfo,
    RouteInfo,
    Snapshot,
    StallInfo,
    TaskTable,
    Track,
)
from loopviz.model.snapshot.build import SnapshotBuilder
from loopviz.model.snapshot.window import Window
from loopviz.model.state.counters import Counters
from loopviz.model.state.history import KEEP_NS
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import ongoing, open_stall
from loopviz.model.state.routes import Routes
from loopviz.model.state.seconds import Seconds
from loopviz.model.state.trace import Trace
from loopviz.model.stats.histogram import quantiles
from loopviz.model.stats.series import Series

__all__ = ["RECENT_NS", "Present"]

RECENT_NS = 5 * SECOND
"""The span of the figures called recent."""
_FIGURES_NS, _FACTS_NS = 100 * MS, 200 * MS
"""How often figures and facts are refreshed; a person cannot read faster."""
_LATE_NS = 50 * MS
"""How long facts may be delayed, so that one frame does not pay for both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """The part of a snapshot that is refreshed ten times a second."""

    at_ns: int = -SECOND
    lag: Quantiles = field(default_factory=Quantiles)
    ready_delay: Quantiles = field(default_factory=Quantiles)
    utilization: float = 0.0
    routes: tuple[RouteInfo, ...] = ()
    resources: tuple[ResourceInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """The part that is refreshed five times a second."""

    at_ns: int = -SECOND
    findings: tuple[Finding, ...] = ()
    phase_ns: int = 0
    """When the current phase began."""
    comparison: Comparison | None = None
    counters: tuple[CounterValue, ...] = ()
    tasks: TaskTable = field(default_factory=TaskTable)
    jobs: tuple[JobStats, ...] = ()
    incidents: tuple[StallInfo, ...] = ()
    whole: LoopDistributions = field(default_factory=LoopDistributions)
    before: LoopDistributions | None = None


class Present:
    """Makes the snapshots of one model, a frame at a time."""

    def __init__(
        self,
        *,
        trace: Trace,
        loop: LoopTimes,
        routes: Routes,
        counters: Counters,
        seconds: Seconds,
        phases: Phases,
        builder: SnapshotBuilder,
        findings: Callable[[int], tuple[Finding, ...]],
    ) -> None:
        """`findings` returns those of a moment, worst first."""
        self._trace, self._loop, self._routes = trace, loop, routes
        self._counters, self._seconds, self._phases = counters, seconds, phases
        self._builder, self._findings = builder, findings
        self._figures = _Figures()
        self._facts = _Facts()
        self._window = Window(builder.requests.ended)
        self._phase_before: tuple[tuple[int, int], LoopDistributions] | None = None

    def snapshot(
        self, now: int, window_ns: int, marks: Iterable[Mark], health: Health, oldest_ns: int
    ) -> Snapshot:
        """See `Model.snapshot`."""
        self._refresh(now)
        start, figures, facts = now - window_ns, self._figures, self._facts
        orphans = self._builder.requests.orphans(start, now)
        return Snapshot(
            now_ns=now,
            recent_ns=RECENT_NS,
            loop=self._loop_stats(start, now),
            requests=self._requests(start, now, orphans),
            orphans=orphans,
            routes=figures.routes,
            marks=tuple(mark for mark in marks if mark.at_ns >= start),
            findings=facts.findings,
            comparison=facts.comparison,
            health=health,
            tasks=facts.tasks,
            resources=figures.resources,
            jobs=facts.jobs,
            incidents=facts.incidents,
            counters=facts.counters,
            oldest_ns=oldest_ns,
            overview=self._seconds.overview(),
        )

    def stop(self) -> None:
        """Nothing will change any more: the next snapshot is of all that there was."""
        self._figures, self._facts = _Figures(), _Facts()

    def distributions(self, now: int) -> LoopDistributions:
        """See `Model.distributions`."""
        on = ongoing(self._trace, self._loop, self._routes, now)
        return self._loop.distributions(on.ready_delay, on.callback, on.iteration, on.lag)

    def _loop_stats(self, start: int, now: int) -> LoopStats:
        trace, loop, figures = self._trace, self._loop, self._figures
        stalls = [stall.info(now) for stall in trace.stalls.since(start)]
        stall = open_stall(trace, self._routes, now)
        if stall is not None:
            stalls.append(stall.info(now))
        return LoopStats(
            busy=_track(loop.busy, start, now, loop.busy_until(now)),
            lag=_track(loop.lag, start),
            stalls=tuple(stalls),
            running=trace.running(now),
            lag_recent=figures.lag,
            ready_delay_recent=figures.ready_delay,
            utilization_recent=figures.utilization,
            callbacks=loop.callbacks,
            iterations=loop.iterations,
            gc=trace.pauses.stats(),
            coverage=trace.coverage,
            ready_delay=_track(loop.ready_delay, start),
            callback=_track(loop.callback, start),
            iteration=_track(loop.iteration, start),
            whole=self._facts.whole,
            before=self._facts.before,
        )

    def _requests(
        self, start: int, now: int, orphans: tuple[OrphanInfo, ...]
    ) -> tuple[RequestInfo, ...]:
        requests, infos = self._trace.requests, self._builder.requests
        finished = requests.finished
        others = [infos.open(request, now) for request in requests.open.values()]
        others += infos.with_orphans(orphans, start, now)
        return self._window.show(finished, finished.place(start), finished.newest, others)

    def _refresh(self, now: int) -> None:
        """Refreshes the parts that are due; both in one frame only after a pause."""
        figures = now - self._figures.at_ns >= _FIGURES_NS
        if figures:
            self._figures = self._new_figures(now)
        due = now - self._facts.at_ns >= _FACTS_NS + (_LATE_NS if figures else 0)
        if due or self._facts.phase_ns != self._phases.since_ns:
            self._facts = self._new_facts(now)

    def _new_figures(self, now: int) -> _Figures:
        since, loop = now - RECENT_NS, self._loop
        on = ongoing(self._trace, loop, self._routes, now)
        return _Figures(
            at_ns=now,
            lag=quantiles(np.append(loop.lag.since(since), on.lag)),
            ready_delay=quantiles(np.append(loop.ready_delay.since(since), on.ready_delay)),
            utilization=self._utilization(since, now),
            routes=self._routes.snapshot(since),
            resources=self._builder.resources(now, now - KEEP_NS),
        )

    def _new_facts(self, now: int) -> _Facts:
        comparison = self._phases.compare(now)
        return _Facts(
            at_ns=now,
            findings=self._findings(now),
            phase_ns=self._phases.since_ns,
            comparison=comparison,
            counters=self._counted(comparison, now),
            tasks=self._builder.tasks(now),
            jobs=self._builder.jobs(),
            incidents=tuple(incident.stall.info(now) for incident in self._trace.incidents.all()),
            whole=self.distributions(now),
            before=self._before(),
        )

    def _counted(self, comparison: Comparison | None, now: int) -> tuple[CounterValue, ...]:
        """The counters of the moment of which the verdict is: neither may know more."""
        if comparison is None:
            return self._counters.snapshot(now - RECENT_NS, now)
        until = comparison.at_ns
        return self._counters.snapshot(max(until - RECENT_NS, comparison.counted_ns), until)

    def _before(self) -> LoopDistributions | None:
        """The phase before this one; computed once, since its values are forgotten."""
        phase = self._phases.measured_before
        if phase is None:
            return None
        if self._phase_before is None or self._phase_before[0] != phase:
            self._phase_before = phase, self._loop.between(*phase)
        return self._phase_before[1]

    def _utilization(self, since: int, now: int) -> float:
        loop = self._loop
        if not len(loop.busy):
            return 0.0
        track = _track(loop.busy, since, now, loop.busy_until(now))
        since = max(since, int(track.times_ns[0]))
        at = np.interp([since, now], track.times_ns, track.values)
        return float(at[1] - at[0]) / max(now - since, 1)


def _track(series: Series, since: int, now: int = 0, value: int = 0) -> Track:
    """The series from the last entry before `since`; with `now`, it goes on to `value` then."""
    first = max(int(np.searchsorted(series.times, since)) - 1, 0)
    times, values = series.times[first:], series.values[first:]
    if not now:
        return Track(times_ns=times, values=values)
    return Track(times_ns=np.append(times, now), values=np.append(values, value))
