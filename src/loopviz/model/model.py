"""The model: batches of events and load samples in, an immutable snapshot out."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.events import EVENT_TYPE, rows
from loopviz.model.findings.rule_set import RuleSet
from loopviz.model.findings.suggestions import Suggestions
from loopviz.model.names import Naming
from loopviz.model.phases.measure import Meter
from loopviz.model.phases.metric import Metric
from loopviz.model.phases.phases import Phases
from loopviz.model.snapshot import (
    Finding,
    Health,
    IncidentInfo,
    LoopDistributions,
    Mark,
    RequestInfo,
    Snapshot,
)
from loopviz.model.snapshot.build import SnapshotBuilder
from loopviz.model.snapshot.critical_path import CriticalPath
from loopviz.model.snapshot.findings import worst_first
from loopviz.model.snapshot.past import Past
from loopviz.model.snapshot.present import Present
from loopviz.model.snapshot.wait_tree import WaitTree
from loopviz.model.state.counters import Counters
from loopviz.model.state.dispatch import handlers, text_of
from loopviz.model.state.event_log import EventLog
from loopviz.model.state.history import History
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing, ongoing
from loopviz.model.state.routes import Route, RouteNames, Routes
from loopviz.model.state.said import SaidTable
from loopviz.model.state.seconds import Seconds
from loopviz.model.state.steps import Steps
from loopviz.model.state.trace import Trace
from loopviz.model.state.worker_records import WorkerRecords
from loopviz.wire.events import Kind
from loopviz.wire.samples import RouteRow, Sample

__all__ = ["Model"]

_BEFORE_NS, _AFTER_NS = 1 * SECOND, 2 * SECOND
"""What of the time around a request may say what it waited for, and what woke it."""
_MARKS = 500
"""How many marks are kept of changes, and how many of what the program said."""


class Model:
    """One run. Feed it in the order in which things come; ask for a snapshot at any time."""

    def __init__(
        self,
        routes: Sequence[tuple[str, float] | RouteRow] = (),
        fixes: Sequence[str] = (),
        naming: Naming | None = None,
        answers: Mapping[str, Sequence[str]] | None = None,
        counters: Iterable[tuple[str, str, bool]] = (),
        lanes: Lanes | None = None,
        worker: int = 1,
        headline: str = "",
    ) -> None:
        """Takes the load's routes as `Route` does, and the fixes that are right, best first.

        `answers` has for each fix the rules that it is suggested for; `counters` come as
        `Counters` takes them, `headline` as `Metric.of` does. The models of one run's workers
        share their `lanes`.
        """
        self.naming = naming or Naming()
        self.loop = LoopTimes()
        rows = [RouteRow(*route) for route in routes]
        self.routes = Routes([Route(*row) for row in rows])
        self.counters = Counters(counters)
        self.seconds = Seconds()
        self.rules = RuleSet(self.naming, self.loop, self.routes)
        self._names = names = RouteNames(row.seen_as or row.name for row in rows)
        self.trace = Trace(
            handlers, self.naming, self.rules, lanes, names, self.seconds, self.loop.idle_ns_between
        )
        self.rules.attach(self.trace)
        self._worker_records = WorkerRecords()
        meter = Meter(self.routes, self.loop, self.trace, self.counters, self.naming)
        self.phases = Phases(meter, self.counters, self.findings, Metric.of(headline))
        self.builder = SnapshotBuilder(self.trace, self.naming, self.rules.awaits_at)
        self.builder.requests.worker = worker
        self._suggestions = Suggestions(fixes, answers or {})
        self._marks: deque[Mark] = deque(maxlen=_MARKS)
        self._said: deque[Mark] = deque(maxlen=_MARKS)
        self._fresh: deque[Mark] = deque(maxlen=_MARKS)
        self.said = SaidTable()
        self._events = self._dropped = self._lost_strings = self._stopped = 0
        self._failed_hooks: list[str] = []
        self._log = EventLog()
        self._history = History(self.trace, self.loop, self.routes, self.counters)
        self._present = Present(
            trace=self.trace,
            loop=self.loop,
            routes=self.routes,
            counters=self.counters,
            seconds=self.seconds,
            phases=self.phases,
            builder=self.builder,
            findings=self.findings,
        )
        self._past = Past(self.trace, self.loop, self.routes, self.counters, self.builder)
        self.trace.on(Kind.MARK, self._on_mark)
        self.trace.on(Kind.HOOK_FAILED, self._on_hook_failed)
        self.trace.on(Kind.COUNTER, self._on_counter)

    # ---- what comes in

    def feed(
        self, records: NDArray[np.void], strings: Sequence[str], until_ns: int | None = None
    ) -> None:
        """Takes a batch of the loop's ring. Feed the aux ring's batch first.

        It has all records up to `until_ns`; None: up to the aux ring's last.
        """
        self._events += len(records)
        if len(records):
            self._log.add(records)
            self._history.extend(int(records["at"][0]), int(records["at"][-1]))
            for part in self.rules.by_second(records):
                self.loop.feed(part)
                self.trace.feed(rows(self._worker_records.merged(part)), strings)
        self._feed_workers(until_ns)
        if until_ns is not None and self.loop.closed:
            self.trace.judge(until_ns)  # no record may follow for long
        if not len(records):
            return
        self._take_incidents()
        self.seconds.note(self._history.newest_ns, self.loop)
        self.phases.note(self._history.newest_ns)
        self._history.trim()

    def feed_aux(self, records: NDArray[np.void], strings: Sequence[str]) -> None:
        """Takes a batch of the aux ring: stack samples, marks, failed hooks, workers' jobs.

        What workers record is taken up by `feed`, in the order of the times.
        """
        self._events += len(records)
        self._log.add_aux(records)
        self.trace.feed_aux(rows(self._worker_records.take_out(records)), strings)

    def feed_load(
        self,
        samples: Sequence[Sample],
        sent: Sequence[int],
        in_flight: Sequence[int],
        shed: Sequence[int],
        waiting: Iterable[tuple[int, int]] = (),
        outcomes: Iterable[tuple[int, int, int]] = (),
        at_ns: int = 0,
        busy: float = 0.0,
    ) -> None:
        """Takes what the load has seen up to `at_ns` (0: not known). Counts are totals by route.

        `waiting`: route and scheduled time of all requests that have had no answer for half a
        second. `outcomes`: route, status and number of requests whose samples were dropped. `busy`:
        the share of the time before in which the load had no moment to spare.
        """
        self.routes.feed(samples, sent, in_flight, shed, waiting, outcomes, busy, at_ns)

    def set_routes(self, routes: Sequence[RouteRow]) -> None:
        """Takes the load's routes, if they were not known before."""
        self.routes.routes[:] = [Route(*route) for route in routes]
        self._names.set(row.seen_as or row.name for row in routes)

    def mark(self, at: int, text: str) -> None:
        """Takes a mark: `fix:KEY=on`, `fix:KEY=off`, `load:FACTOR`, `baseline`, `scenario:ID`.

        `scenario` starts all counts anew. `routes:GET /a, GET /b` lists the app's routes, and is
        not shown.
        """
        kind, _, detail = text.partition(":")
        if kind == "fix":
            key, _, state = detail.partition("=")
            self.phases.switch(key, at, on=state == "on")
            self._marks.append(Mark(at_ns=at, kind="fix", text=f"{key} {state}"))
        elif kind == "load":
            self.routes.factor = float(detail)
            self.phases.load(self.routes.factor, at)
            self._marks.append(Mark(at_ns=at, kind="load", text=f"load ×{float(detail):g}"))
        elif kind == "routes":
            self.rules.app_routes(detail.split(", "))
        elif kind == "scenario":
            self.loop.begin()
            self.rules.begin()
            self.said.begin()
            self.trace.begin(at)
            self.phases.begin(at, self.routes.factor)
            self._marks.append(Mark(at_ns=at, kind="scenario", text=detail))
        elif kind == "mark":
            self._say(Mark(at_ns=at, kind="mark", text=detail))
        elif kind == "log":
            level, logger, message, *_ = (*detail.split("\t", 2), "", "")
            self._say(Mark(at_ns=at, kind="log", text=f"{logger}: {message}", level=level))
        elif kind == "baseline":
            self.phases.pin(at)
            self._marks.append(Mark(at_ns=at, kind="baseline", text=kind))

    def take_said(self) -> list[Mark]:
        """The marks and log records of the program that have come since the last call."""
        taken = list(self._fresh)
        self._fresh.clear()
        return taken

    def stop(self, at: int) -> None:
        """The target has ended: nothing is known from then on."""
        self._stopped = at
        self._feed_workers(None)
        if self.seen:
            stopped = np.array([(at, 0, 0, 0, Kind.STOPPED)], EVENT_TYPE)
            self.loop.feed(stopped)
            self.trace.stop(at)
            self._take_incidents(at_once=True)
            self.rules.end_second()
            self._present.stop()

    def lost(self, records: int, at: int) -> None:
        """The loop's ring was overrun: so many records are missing before the next batch."""
        at = at or self._history.newest_ns
        self._feed_workers(at)
        self._dropped += records
        self._log.clear()
        self.loop.gap()
        self.trace.gap(at)
        self._marks.append(Mark(at_ns=at, kind="gap", text=f"{records} events lost"))

    def lost_aux(self, records: int) -> None:
        """The aux ring was overrun: so many samples and marks are missing."""
        self._dropped += records
        if records:
            self._feed_workers(None)
            self.trace.resources.jobs_gap(self._history.newest_ns)
            self.trace.jobs.gap(self._history.newest_ns)

    def lost_strings(self, count: int) -> None:
        """Sets how many names did not fit into the rings' string regions, in total."""
        self._lost_strings = count

    # ---- what is asked

    @property
    def seen(self) -> bool:
        """Whether any event has come."""
        return self._history.newest_ns > 0

    @property
    def oldest_ns(self) -> int:
        """See `Snapshot.oldest_ns`."""
        return self._history.oldest_ns

    def snapshot(self, now: int, window_ns: int) -> Snapshot:
        """The picture at `now`, with `window_ns` of history in detail."""
        return self._present.snapshot(
            now, window_ns, self._all_marks(), self.health(), self.oldest_ns
        )

    def past(self, frozen: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """`frozen` as it would have looked from `start_ns` to `end_ns`.

        Requests are cut at the end: one that ended later is open. Before `oldest_ns` there is only
        what incidents have kept. Findings, tasks and jobs stay as they are in `frozen`, resources
        too but for how much is in use, and who waits.
        """
        return self._past.picture(frozen, start_ns, end_ns, self._all_marks(), self.oldest_ns)

    def retain(self, since_ns: int) -> None:
        """Retains history in detail from `since_ns` on; 0 releases it.

        Retained are tracks up to now, and requests that end within ten seconds. Of what follows,
        the last `RETAINED_NS` and at most 45,000 requests are kept, so there may be a hole between.
        """
        self._history.retain(since_ns)
        self._log.retain() if since_ns else self._log.release()

    def incident(self, start_ns: int) -> IncidentInfo | None:
        """What was kept around the stall that started then; None if nothing was."""
        for incident in self.trace.incidents.all():
            if incident.stall.start_ns == start_ns:
                return self.builder.incident(incident, self._history.newest_ns)
        return None

    def health(self) -> Health:
        """How well the loop was seen."""
        return Health(
            events=self._events,
            dropped_events=self._dropped,
            lost_strings=self._lost_strings,
            failed_hooks=tuple(self._failed_hooks),
            newest_ns=self._history.newest_ns,
        )

    def wait_tree(self, now: int) -> WaitTree:
        """Who waits for whom at `now`. It takes some ms to build if there are many tasks."""
        return self.builder.wait_tree(*self.rules.awaits, now)

    def critical_path(self, request: RequestInfo) -> CriticalPath:
        """What decided the latency of a request of this model, as far as its records are kept."""
        start, end = request.start_ns, request.end_ns
        since = start - (end - start) - _BEFORE_NS  # those before it may have waited as long
        records = self._log.between(since, end + _AFTER_NS)
        until = max(end, int(records["at"][-1]) if len(records) else 0)
        steps = Steps(records, self._log.jobs(since, until), until)
        return self.builder.critical_path(steps, request)

    def ongoing(self, now: int) -> Ongoing:
        """What has begun and not ended at `now`."""
        return ongoing(self.trace, self.loop, self.routes, now)

    def distributions(self, now: int) -> LoopDistributions:
        """The loop's figures since the run began, with what goes on at `now`."""
        return self._present.distributions(now)

    def findings(self, now: int = 0) -> tuple[Finding, ...]:
        """Worst first: errors, then by the harm done; see `worst_first`.

        What goes on counts up to `now`, or to the newest event; to its end, if the target is gone.
        """
        until = self._stopped or max(now, self._history.newest_ns)
        return worst_first(self.rules.findings(self._suggest, until))

    def _say(self, mark: Mark) -> None:
        self._said.append(mark)
        self._fresh.append(mark)
        self.said.add(mark)

    def _all_marks(self) -> list[Mark]:
        if not self._said:
            return list(self._marks)
        return sorted((*self._marks, *self._said), key=attrgetter("at_ns"))

    def _feed_workers(self, until_ns: int | None) -> None:
        """Feeds what workers have recorded after the loop's newest record, up to that time."""
        records = self._worker_records.until(until_ns)
        self.trace.feed_aux(rows(records), self.trace.aux_strings)

    def _on_mark(self, at: int, _a: int, _task_id: int, b: int, strings: Sequence[str]) -> None:
        self.mark(at, text_of(strings, b))

    def _on_hook_failed(
        self, _at: int, _a: int, _task_id: int, b: int, strings: Sequence[str]
    ) -> None:
        self._failed_hooks.append(text_of(strings, b))

    def _on_counter(
        self, at: int, value: int, _task_id: int, key: int, strings: Sequence[str]
    ) -> None:
        self.counters.update(at, text_of(strings, key), value)

    def _suggest(self, rule: str) -> str:
        return self._suggestions.best(rule, self.phases.fixes)

    def _take_incidents(self, *, at_once: bool = False) -> None:
        trace = self.trace
        trace.incidents.take(
            self._history.newest_ns, trace.requests, trace.stalls, self.loop, at_once=at_once
        )
