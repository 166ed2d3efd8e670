"""The model: batches of events and load samples in, an immutable snapshot out."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND
from loopviz.model.events import EVENT_TYPE, rows
from loopviz.model.findings import Rules
from loopviz.model.names import Naming
from loopviz.model.phases.measure import Meter
from loopviz.model.phases.phases import Phases
from loopviz.model.snapshot import (
    Comparison,
    CounterValue,
    Finding,
    Health,
    IncidentInfo,
    JobStats,
    LoopStats,
    Mark,
    Quantiles,
    ResourceInfo,
    RouteInfo,
    Snapshot,
    Spreads,
    StallInfo,
    TaskTable,
    Track,
)
from loopviz.model.snapshot.build import SnapshotBuilder
from loopviz.model.snapshot.past import Past
from loopviz.model.snapshot.window import Window
from loopviz.model.state.counters import Counters
from loopviz.model.state.dispatch import handlers, text_of
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing, ongoing, open_stall
from loopviz.model.state.routes import Names, Route, Routes
from loopviz.model.state.seconds import Seconds
from loopviz.model.state.trace import Trace
from loopviz.model.stats.histogram import quantiles
from loopviz.model.stats.series import Series
from loopviz.wire.events import Kind
from loopviz.wire.samples import Sample

__all__ = ["Model"]

RECENT_NS = 5 * SECOND
KEEP_NS = 65 * SECOND
HELD_NS = 30 * SECOND
"""What is kept of the newest while something is held: memory has its bounds."""
_AFTER_NS = 10 * SECOND
"""So long after the moment in which it is held requests may end that are held, too."""
_FORGET_NS = 10 * SECOND
"""What is older than is to be kept is dropped this often."""
_FIGURES_NS, _FACTS_NS = 100 * MS, 200 * MS
"""How often figures, and what is told in words, are made anew; a person cannot read faster."""
_LATE_NS = 50 * MS
"""Words may come so much later, so that a frame has not both to make."""


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
        worker: int = 1,
    ) -> None:
        """What is told of the run: routes with their rates, the right fixes, best first.

        `answers` has for each fix the rules that it is suggested for (none: for all); `counters`
        come as `Counters` takes them. The models of one run's workers share their `lanes`.
        """
        self.naming = naming or Naming()
        self.loop = LoopTimes()
        self.rules = Rules(self.naming, self.loop)
        names = Names(name for name, _ in routes)
        self.seconds = Seconds()
        self.trace = Trace(handlers, self.naming, self.rules, lanes, names, self.seconds)
        self.rules.watch(self.trace)
        self.views = SnapshotBuilder(self.trace, self.naming)
        self.views.requests.worker = worker
        self.routes = Routes([Route(name, rps) for name, rps in routes])
        self.rules.knows(load=self.routes)
        self.counters = Counters(counters)
        meter = Meter(self.routes, self.loop, self.trace, self.counters, self.naming)
        self.phases = Phases(meter, self.counters)
        self._fixes = tuple(fixes)
        """Those that may be suggested, best first."""
        self._answers = {fix: rules for fix, rules in (answers or {}).items() if rules}
        self._marks: deque[Mark] = deque(maxlen=500)
        self._events = self._dropped = self._lost_strings = 0
        self._failed_hooks: list[str] = []
        self._began = self._newest = self._stopped = 0
        self._forgotten = 0
        self._holds = False
        self._figures = _Figures()
        self._facts = _Facts()
        self._window = Window(self.views.requests.ended)
        self._past = Past(self.trace, self.loop, self.routes, self.counters, self.views)
        self._phase_before: tuple[tuple[int, int], Spreads] | None = None
        self.trace.on(Kind.MARK, self._on_mark)
        self.trace.on(Kind.HOOK_FAILED, self._on_hook_failed)
        self.trace.on(Kind.COUNTER, self._on_counter)

    def feed(self, records: NDArray[np.void], strings: Sequence[str]) -> None:
        """A batch of the loop's ring, in its order. Feed the aux ring's batch first."""
        if not len(records):
            return
        self._events += len(records)
        self._began = self._began or int(records["at"][0])
        self._newest = max(self._newest, int(records["at"][-1]))
        self._forgotten = self._forgotten or self._newest
        for part in self.rules.seconds(records):
            self.loop.feed(part)
            self.trace.feed(rows(part), strings)
        self._take_incidents()
        self.seconds.note(self._newest, self.loop)
        self.phases.note(self._newest)
        keep = HELD_NS if self._holds else KEEP_NS
        if self._newest - self._forgotten > keep + _FORGET_NS:
            self._forgotten = self._newest - keep
            self._forget(self._forgotten)

    def feed_aux(self, records: NDArray[np.void], strings: Sequence[str]) -> None:
        """A batch of the aux ring: samples, marks, failed hooks, what workers do."""
        self._events += len(records)
        self.trace.feed_aux(rows(records), strings)

    def feed_load(
        self,
        samples: Sequence[Sample],
        sent: Sequence[int],
        in_flight: Sequence[int],
        shed: Sequence[int],
        waiting: Iterable[tuple[int, int]] = (),
        outcomes: Iterable[tuple[int, int, int]] = (),
        at_ns: int = 0,
    ) -> None:
        """What the load has seen up to `at_ns` (0: not known); counts are totals, one per route.

        `waiting`: route and scheduled time of all requests that have had no answer for half a
        second. `outcomes`: route, status and number of requests whose samples were dropped.
        """
        self.routes.feed(samples, sent, in_flight, shed, waiting, outcomes)
        self.routes.as_of_ns = at_ns

    def mark(self, at: int, text: str) -> None:
        """`fix:KEY=on`, `fix:KEY=off`, `load:FACTOR`, `baseline`; `scenario:ID` begins all anew.

        `routes:GET /a, GET /b`: those that the app has; that is no change, and not shown.
        """
        kind, _, detail = text.partition(":")
        if kind == "fix":
            key, _, state = detail.partition("=")
            self.phases.switch(key, at, on=state == "on")
            self._marks.append(Mark(at, "fix", f"{key} {state}"))
        elif kind == "load":
            self.routes.factor = float(detail)
            self.phases.load(self.routes.factor, at)
            self._marks.append(Mark(at, "load", f"load ×{float(detail):g}"))
        elif kind == "routes":
            self.rules.knows(routes=detail.split(", "))
        elif kind == "scenario":
            self.loop.begin()
            self.rules.begin()
            self.trace.begin(at)
            self.phases.begin(at, self.routes.factor)
            self._marks.append(Mark(at, "scenario", detail))
        elif kind == "baseline":
            self.phases.pin(at)
            self._marks.append(Mark(at, "baseline", kind))

    def stop(self, at: int) -> None:
        """The target is gone; nothing is known from then on."""
        self._stopped = at
        if self.seen:
            stopped = np.array([(at, 0, 0, 0, Kind.STOPPED)], EVENT_TYPE)
            self.loop.feed(stopped)
            self.trace.stop(at)
            self._take_incidents(at_once=True)
            self.rules.look()

    def lost(self, records: int, at: int) -> None:
        """The loop's ring overran us: so many records are missing before the next batch."""
        self._dropped += records
        self.loop.gap()
        self.trace.gap(at or self._newest)
        self._marks.append(Mark(at or self._newest, "gap", f"{records} events lost"))

    def lost_aux(self, records: int) -> None:
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
        self._look(now)
        figures, facts, trace = self._figures, self._facts, self.trace
        stalls = [stall.view(now) for stall in trace.stalls.since(start)]
        held = open_stall(trace, self.routes, now)
        if held is not None:
            stalls.append(held.view(now))
        finished = trace.requests.finished
        going_on = [self.views.requests.open(r, now) for r in trace.requests.open.values()]
        first, last = finished.place(start), finished.newest
        return Snapshot(
            now,
            RECENT_NS,
            LoopStats(
                _track(self.loop.busy, start, now, self.loop.busy_until(now)),
                _track(self.loop.lag, start),
                tuple(stalls),
                trace.running(now),
                figures.lag,
                figures.ready_delay,
                figures.utilization,
                self.loop.callbacks,
                self.loop.iterations,
                trace.pauses.view(),
                trace.coverage,
                _track(self.loop.ready_delay, start),
                _track(self.loop.callback, start),
                _track(self.loop.iteration, start),
                facts.whole,
                facts.before,
            ),
            self._window.show(finished, first, last, going_on),
            figures.routes,
            tuple(mark for mark in self._marks if mark.at_ns >= start),
            facts.findings,
            facts.comparison,
            self.health(),
            facts.tasks,
            figures.resources,
            facts.jobs,
            facts.incidents,
            figures.counters,
            (),
            self.oldest_ns,
            self.seconds.view(),
        )

    def past(self, held: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """`held`, with all that belongs to a time as it was from `start_ns` to `end_ns`.

        Requests are cut at the end: one that ended later is open. Before `oldest_ns` there is only
        what incidents have kept. Findings, tasks and jobs stay as they are in `held`, resources too
        but for how much is in use, and who waits.
        """
        return self._past.picture(held, start_ns, end_ns, self._marks, self.oldest_ns)

    def hold(self, since_ns: int) -> None:
        """Keep in detail what was from then on; 0: let it go.

        For good until then: what was up to a few seconds from now, of tracks up to now. Of what
        follows, the last `HELD_NS`, and 45,000 requests at most; before it there may be a hole.
        """
        finished, stalls = self.trace.requests.finished, self.trace.stalls
        tracks = [*self.loop.tracks, *self.counters.tracks]
        tracks += [route.done for route in self.routes.routes]
        self._holds = since_ns > 0
        if self._holds:
            finished.hold(since_ns - _FORGET_NS, self._newest + _AFTER_NS)
            stalls.hold()
            for track in tracks:
                track.hold()
        else:
            finished.release()
            stalls.release()
            for track in tracks:
                track.release()

    @property
    def oldest_ns(self) -> int:
        """See `Snapshot.oldest_ns`."""
        return max(self._began, self.trace.requests.finished.oldest_ns)

    def incident(self, start_ns: int) -> IncidentInfo | None:
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

    def ongoing(self, now: int) -> Ongoing:
        """What has begun and not ended at `now`."""
        return ongoing(self.trace, self.loop, self.routes, now)

    def spreads(self, now: int) -> Spreads:
        """What the loop is measured by since the run began, with what goes on at `now`."""
        on = self.ongoing(now)
        return self.loop.spreads(on.ready_delay, on.callback, on.iteration, on.lag)

    def findings(self, now: int = 0) -> tuple[Finding, ...]:
        """Worst first: errors, then by how long others waited, then by time held.

        What goes on counts up to `now`, or to the newest event; to its end, if the target is gone.
        """
        found = self.rules.findings(self._suggestion, self._stopped or max(now, self._newest))
        return tuple(
            sorted(found, key=lambda f: (f.severity != "error", -f.victim_wait_ns, -f.total_ns))
        )

    def _on_mark(self, at: int, _a: int, _task_id: int, b: int, strings: Sequence[str]) -> None:
        self.mark(at, text_of(strings, b))

    def _on_hook_failed(
        self, _at: int, _a: int, _task_id: int, b: int, strings: Sequence[str]
    ) -> None:
        self._failed_hooks.append(text_of(strings, b))

    def _on_counter(
        self, at: int, value: int, _task_id: int, key: int, strings: Sequence[str]
    ) -> None:
        self.counters.set(at, text_of(strings, key), value)

    def _suggestion(self, rule: str) -> str:
        """The first right fix that answers the rule, unless one that does is on already."""
        fitting = [fix for fix in self._fixes if rule in self._answers.get(fix, (rule,))]
        if any(fix in self.phases.fixes for fix in fitting):
            return ""
        return fitting[0] if fitting else ""

    def _look(self, now: int) -> None:
        """Make anew what is due; both parts in one frame only if it is the first for a while."""
        age = now - self._facts.at_ns
        figures = now - self._figures.at_ns >= _FIGURES_NS
        if figures:
            since, on = now - RECENT_NS, self.ongoing(now)
            self._figures = _Figures(
                now,
                quantiles(np.append(self.loop.lag.since(since), on.lag)),
                quantiles(np.append(self.loop.ready_delay.since(since), on.ready_delay)),
                self._utilization(since, now),
                self.routes.views(since),
                self.views.resources(now, now - KEEP_NS),
                self.counters.views(since),
            )
        if age >= _FACTS_NS + (_LATE_NS if figures else 0):
            self._facts = _Facts(
                now,
                self.findings(now),
                self.phases.compare(now),
                self.views.tasks(now),
                self.views.jobs(),
                tuple(incident.stall.view(now) for incident in self.trace.incidents.all()),
                self.spreads(now),
                self._before(),
            )

    def _before(self) -> Spreads | None:
        """Of the phase before this one; made once, since its values are forgotten."""
        phase = self.phases.measured_before
        if phase is None:
            return None
        if self._phase_before is None or self._phase_before[0] != phase:
            self._phase_before = phase, self.loop.between(*phase)
        return self._phase_before[1]

    def _utilization(self, since: int, now: int) -> float:
        track = _track(self.loop.busy, since, now, self.loop.busy_until(now))
        if not len(self.loop.busy):
            return 0.0
        since = max(since, int(track.times_ns[0]))
        at = np.interp([since, now], track.times_ns, track.values)
        return float(at[1] - at[0]) / max(now - since, 1)

    def _take_incidents(self, *, at_once: bool = False) -> None:
        trace = self.trace
        trace.incidents.take(self._newest, trace.requests, trace.stalls, self.loop, at_once=at_once)

    def _forget(self, before: int) -> None:
        self.loop.forget_before(before)
        self.trace.forget_before(before)
        for route in self.routes.routes:
            route.forget_before(before)
        self.counters.forget_before(before)


@dataclass(frozen=True, slots=True)
class _Figures:
    """The part of a snapshot that is made ten times a second."""

    at_ns: int = -SECOND
    lag: Quantiles = field(default_factory=Quantiles)
    ready_delay: Quantiles = field(default_factory=Quantiles)
    utilization: float = 0.0
    routes: tuple[RouteInfo, ...] = ()
    resources: tuple[ResourceInfo, ...] = ()
    counters: tuple[CounterValue, ...] = ()


@dataclass(frozen=True, slots=True)
class _Facts:
    """The part that is made five times a second."""

    at_ns: int = -SECOND
    findings: tuple[Finding, ...] = ()
    comparison: Comparison | None = None
    tasks: TaskTable = field(default_factory=TaskTable)
    jobs: tuple[JobStats, ...] = ()
    incidents: tuple[StallInfo, ...] = ()
    whole: Spreads = field(default_factory=Spreads)
    before: Spreads | None = None


def _track(series: Series, since: int, now: int = 0, value: int = 0) -> Track:
    """The series from the last entry before `since`; with `now`, it goes on to `value` then."""
    first = max(int(np.searchsorted(series.times, since)) - 1, 0)
    times, values = series.times[first:], series.values[first:]
    if not now:
        return Track(times, values)
    return Track(np.append(times, now), np.append(values, value))
