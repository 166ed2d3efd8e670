"""The model: batches of events and load samples in, an immutable snapshot out."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND
from loopviz.model.compare import Phases
from loopviz.model.counters import Counters
from loopviz.model.events import EVENT_TYPE, rows
from loopviz.model.findings import Rules
from loopviz.model.histogram import quantiles
from loopviz.model.lanes import Lanes
from loopviz.model.loop import LoopTimes
from loopviz.model.places import Naming
from loopviz.model.routes import Names, Route, Routes
from loopviz.model.series import Series
from loopviz.model.snapshot import (
    Comparison,
    CounterView,
    Finding,
    Health,
    IncidentView,
    JobsView,
    LoopView,
    Mark,
    Quantiles,
    ResourceView,
    RouteView,
    Snapshot,
    StallView,
    TasksView,
    Track,
)
from loopviz.model.trace import Trace
from loopviz.model.views import Views
from loopviz.wire.control import Sample
from loopviz.wire.events import Kind

__all__ = ["Model"]

RECENT_NS = 5 * SECOND
KEEP_NS = 65 * SECOND
_FORGET_NS = 10 * SECOND
"""What is older than `KEEP_NS` is dropped this often."""
_SLOWLY_NS = 100 * MS
"""Quantiles and comparisons are computed this often; a person cannot read faster."""


class Model:
    """One run. Feed it in the order in which things come; ask for a snapshot at any time."""

    def __init__(
        self,
        routes: Sequence[tuple[str, float]] = (),
        fixes: Sequence[str] = (),
        naming: Naming | None = None,
        answers: Mapping[str, Sequence[str]] | None = None,
        counters: Iterable[tuple[str, str, bool]] = (),
        lanes: Lanes | None = None,
    ) -> None:
        """What is told of the run: routes with their rates, the right fixes, best first.

        `answers` has for each fix the rules that it is suggested for (none: for all); `counters`
        come as `Counters` takes them. The models of one run's workers share their `lanes`.
        """
        self.naming = naming or Naming()
        self.loop = LoopTimes()
        self.rules = Rules(self.naming, self.loop)
        names = Names(name for name, _ in routes)
        self.trace = Trace(self.naming, self.rules, lanes, names)
        self.rules.watch(self.trace)
        self.views = Views(self.trace, self.naming)
        self.routes = Routes([Route(name, rps) for name, rps in routes])
        self.rules.knows(load=self.routes)
        self.phases = Phases()
        self.counters = Counters(counters)
        self._fixes = tuple(fixes)
        """Those that may be suggested, best first."""
        self._answers = {fix: rules for fix, rules in (answers or {}).items() if rules}
        self._marks: deque[Mark] = deque(maxlen=500)
        self._events = self._dropped = self._lost_strings = 0
        self._failed_hooks: list[str] = []
        self._newest = 0
        self._forgotten = 0
        self._slow = _Slow()

    def feed(self, records: NDArray[np.void], strings: Sequence[str]) -> None:
        """A batch of the loop's ring, in its order. Feed the side ring's batch first."""
        if not len(records):
            return
        self._events += len(records)
        self._newest = max(self._newest, int(records["at"][-1]))
        self._forgotten = self._forgotten or self._newest
        for part in self.rules.seconds(records):
            self.loop.feed(part)
            self.trace.feed(rows(part), strings)
        self.trace.incidents.take(self._newest, self.trace.requests, self.trace.stalls)
        if self._newest - self._forgotten > KEEP_NS + _FORGET_NS:
            self._forgotten = self._newest - KEEP_NS
            self._forget(self._forgotten)

    def feed_side(self, records: NDArray[np.void], strings: Sequence[str]) -> None:
        """A batch of the side ring: samples, marks, failed hooks, what workers do."""
        self._events += len(records)
        for row in rows(records):
            at, a, _who, b, kind = row
            text = strings[b] if b < len(strings) else ""
            if kind == Kind.STALL:
                self.trace.samples.add(a, text, strings, at)
            elif kind == Kind.MARK:
                self.mark(at, text)
            elif kind == Kind.HOOK_FAILED:
                self._failed_hooks.append(text)
            elif kind == Kind.COUNTER:
                self.counters.told(at, text, a)
            else:
                self.trace.feed_other(row, text)

    def feed_load(
        self,
        samples: Sequence[Sample],
        sent: Sequence[int],
        in_flight: Sequence[int],
        shed: Sequence[int],
    ) -> None:
        """What the load has seen; counts are totals, one per route."""
        self.routes.feed(samples, sent, in_flight, shed)

    def mark(self, at: int, text: str) -> None:
        """`fix:KEY=on`, `fix:KEY=off`, `load:FACTOR`; `scenario:ID` begins all counts anew.

        `routes:GET /a, GET /b`: those that the app has; that is no change, and not shown.
        """
        kind, _, detail = text.partition(":")
        if kind == "fix":
            key, _, state = detail.partition("=")
            self.phases.switch(key, at, on=state == "on")
            self._marks.append(Mark(at, "fix", f"{key} {state}"))
        elif kind == "load":
            self.routes.factor = float(detail)
            self.phases.begin(at)
            self._marks.append(Mark(at, "load", f"load ×{float(detail):g}"))
        elif kind == "routes":
            self.rules.knows(routes=detail.split(", "))
        elif kind == "scenario":
            self.loop.begin()
            self.rules.begin()
            self.trace.begin(at)
            self.phases.begin(at)
            self._marks.append(Mark(at, "scenario", detail))

    def stop(self, at: int) -> None:
        """The target is gone; nothing is known from then on."""
        if self.seen:
            stopped = np.array([(at, 0, 0, 0, Kind.STOPPED)], EVENT_TYPE)
            self.loop.feed(stopped)
            self.trace.stop(at)
            self.rules.look()

    def lost(self, records: int, at: int) -> None:
        """The loop's ring overran us: so many records are missing before the next batch."""
        self._dropped += records
        self.loop.gap()
        self.trace.gap(at or self._newest)
        self._marks.append(Mark(at or self._newest, "gap", f"{records} events lost"))

    def lost_side(self, records: int) -> None:
        """So many samples and marks are missing."""
        self._dropped += records
        if records:
            self.trace.jobs.gap(self._newest)

    def lost_strings(self, count: int) -> None:
        """So many names did not fit into the rings' string regions, in all."""
        self._lost_strings = count

    @property
    def seen(self) -> bool:
        """Whether any event has come at all."""
        return self._newest > 0

    def snapshot(self, now: int, window_ns: int) -> Snapshot:
        """The picture at `now`, with `window_ns` of history in detail."""
        start = now - window_ns
        if now - self._slow.at_ns >= _SLOWLY_NS:
            self._slow = self._compute_slowly(now)
        slow, trace = self._slow, self.trace
        stalls = [stall.view(now) for stall in trace.stalls.since(start)]
        open_stall = trace.open_stall(now)
        if open_stall is not None:
            stalls.append(open_stall.view(now))
        view = self.views.request
        requests = [view(request) for request in trace.requests.within(start)]
        requests += [view(request, now) for request in trace.requests.open.values()]
        requests.sort(key=lambda request: request.number)
        return Snapshot(
            now,
            RECENT_NS,
            LoopView(
                _track(self.loop.busy, start, now, self.loop.busy_until(now)),
                _track(self.loop.lag, start),
                tuple(stalls),
                trace.running(now),
                slow.lag,
                slow.ready_delay,
                slow.utilization,
                self.loop.callbacks,
                self.loop.iterations,
                trace.pauses.view(),
                trace.level,
            ),
            tuple(requests),
            slow.routes,
            tuple(mark for mark in self._marks if mark.at_ns >= start),
            slow.findings,
            slow.comparison,
            self.health(),
            slow.tasks,
            slow.resources,
            slow.jobs,
            slow.incidents,
            slow.counters,
        )

    def past(self, held: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """`held`, with all that belongs to a time as it was from `start_ns` to `end_ns`."""
        requests = [r for r in held.requests if r.end_ns > start_ns and r.start_ns < end_ns]
        return replace(held, now_ns=end_ns, requests=tuple(requests))

    def hold(self, since_ns: int) -> None:
        """Keep in detail what was from then on, as far as memory allows; 0: let it go."""

    def incident(self, start_ns: int) -> IncidentView | None:
        """What was kept around the stall that started then; None if nothing was."""
        for incident in self.trace.incidents.all():
            if incident.stall.start_ns == start_ns:
                return self.views.incident(incident, self._newest)
        return None

    def health(self) -> Health:
        """How well the loop was seen."""
        return Health(
            self._events,
            self._dropped,
            self._lost_strings,
            tuple(self._failed_hooks),
            self._newest,
        )

    def findings(self) -> tuple[Finding, ...]:
        """Worst first: errors, then by how long others waited, then by time held."""
        found = self.rules.findings(self._suggestion, self._newest)
        return tuple(
            sorted(found, key=lambda f: (f.severity != "error", -f.victim_wait_ns, -f.total_ns))
        )

    def _suggestion(self, rule: str) -> str:
        """The first right fix that answers the rule, unless one that does is on already."""
        fitting = [fix for fix in self._fixes if rule in self._answers.get(fix, (rule,))]
        if any(fix in self.phases.fixes for fix in fitting):
            return ""
        return fitting[0] if fitting else ""

    def _compute_slowly(self, now: int) -> "_Slow":
        since = now - RECENT_NS
        return _Slow(
            now,
            quantiles(self.loop.lag.since(since)),
            quantiles(self.loop.ready_delay.since(since)),
            self._utilization(since, now),
            self.routes.views(since),
            self.findings(),
            self.phases.compare(self.routes, now),
            self.views.tasks(now),
            self.views.resources(now, now - KEEP_NS),
            self.views.jobs(),
            tuple(incident.stall.view(now) for incident in self.trace.incidents.all()),
            self.counters.views(since),
        )

    def _utilization(self, since: int, now: int) -> float:
        track = _track(self.loop.busy, since, now, self.loop.busy_until(now))
        if not len(self.loop.busy):
            return 0.0
        since = max(since, int(track.times_ns[0]))
        at = np.interp([since, now], track.times_ns, track.values)
        return float(at[1] - at[0]) / max(now - since, 1)

    def _forget(self, before: int) -> None:
        self.loop.forget_before(before)
        self.trace.forget_before(before)
        for route in self.routes.routes:
            route.forget_before(before)
        self.counters.forget_before(before)


@dataclass(frozen=True, slots=True)
class _Slow:
    """The part of a snapshot that is computed ten times a second."""

    at_ns: int = 0
    lag: Quantiles = field(default_factory=Quantiles)
    ready_delay: Quantiles = field(default_factory=Quantiles)
    utilization: float = 0.0
    routes: tuple[RouteView, ...] = ()
    findings: tuple[Finding, ...] = ()
    comparison: Comparison | None = None
    tasks: TasksView = field(default_factory=TasksView)
    resources: tuple[ResourceView, ...] = ()
    jobs: tuple[JobsView, ...] = ()
    incidents: tuple[StallView, ...] = ()
    counters: tuple[CounterView, ...] = ()


def _track(series: Series, since: int, now: int = 0, value: int = 0) -> Track:
    """The series from the last entry before `since`; with `now`, it goes on to `value` then."""
    first = max(int(np.searchsorted(series.times, since)) - 1, 0)
    times, values = series.times[first:], series.values[first:]
    if not now:
        return Track(times, values)
    return Track(np.append(times, now), np.append(values, value))
