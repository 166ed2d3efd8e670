"""All workers of a run, and the one picture that is made of them."""

import linecache
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from loopviz.clock import Clock, monotonic_ns
from loopviz.engine.worker import Worker
from loopviz.lab.catalogue import LoadInfo, ScenarioInfo
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import CriticalPath, RequestInfo, Snapshot
from loopviz.model.snapshot.merge import clip, drop_before, keep_ended, merge, merge_past
from loopviz.model.snapshot.totals import RunTotals
from loopviz.model.state.history import KEEP_NS
from loopviz.model.state.lanes import Lanes
from loopviz.model.totals import run_totals
from loopviz.wire.control import Message
from loopviz.wire.samples import RouteRow

__all__ = ["Workers"]


class Workers:
    """The first worker, and others, which come and go.

    The load, the marks and the comparison of a run belong to the first one's model, `model`. Who
    the workers are, a subclass decides.
    """

    def __init__(self, scenario: ScenarioInfo, roots: Sequence[tuple[str, str]]) -> None:
        """`roots`: folders and their short names, as `Naming` takes them."""
        self.scenario = scenario
        self.fixes_on: frozenset[str] = frozenset()
        self.trouble = ""
        """One sentence if a worker other than the first has died or did not start; else empty."""
        self.machine_failed = False
        """The machine refused a worker what it needs; what is watched is not to blame."""
        self._roots = roots
        self._source_line: Callable[[str, int], str] = linecache.getline
        self._lanes = Lanes()
        self._workers: list[Worker] = []
        self._leaving: list[tuple[Worker, float]] = []
        """Each with the time until which it may serve its last requests."""
        self._gone: Snapshot | None = None
        """The history of the workers that have ended."""
        self.model: Model
        """The first worker's."""
        self._began = False
        self.clock: Clock = monotonic_ns
        """The loops' present."""

    @property
    def loops_left_out(self) -> int:
        """How many loops have ended so far that were not recorded; see `probe.startup`."""
        return 0

    @property
    def loops_crowded_out(self) -> int:
        """How many of these since too many others were recorded."""
        return 0

    @property
    def first(self) -> Worker | None:
        """The first worker; None if none could be started."""
        return self._workers[0] if self._workers else None

    def numbered(self, number: int) -> Worker | None:
        """The one with that number; the first for 0, and if it has ended."""
        return next((one for one in self._workers if one.number == number), self.first)

    @property
    def ready(self) -> bool:
        """Whether all workers serve."""
        return all(worker.ready for worker in self._workers)

    @property
    def models(self) -> Sequence[Model]:
        """The first worker's, then the others'."""
        return [self.model, *(worker.model for worker in self._workers[1:])]

    def begin(self, at_ns: int) -> None:
        """The load starts at `at_ns`, and with it all counts."""
        self._began = True
        for model in self.models:
            model.mark(at_ns, f"scenario:{self.scenario.id}")

    def messages(self) -> Iterator[Message]:
        """The messages that are the run's to handle."""
        raise NotImplementedError

    def toggle(self, key: str) -> None:
        """Switch a fix on or off in all workers."""
        raise NotImplementedError

    def drain(self) -> None:
        """Read the rings, and remove workers that have ended."""
        for worker in self._workers:
            worker.drain()
            worker.request_missing(self.clock())
        for worker in self._workers[1:]:
            if how := worker.how_it_ended():
                self._workers.remove(worker)
                self.note_end(worker, how)
                self._remove(worker)
        for leaving in tuple(self._leaving):
            worker, until = leaving
            worker.drain()
            if worker.how_it_ended() or time.monotonic() > until:
                self._leaving.remove(leaving)
                self._remove(worker)

    def note_end(self, worker: Worker, how: str) -> None:
        """A worker other than the first has ended without being asked to."""
        self.trouble = self.trouble or f"Worker {worker.number} {how}"

    def snapshot(self, now_ns: int, window_ns: int) -> Snapshot | None:
        """One snapshot of all workers; None before the first worker's first event."""
        if not self.model.seen:
            return None
        first = self.model.snapshot(now_ns, window_ns)
        peers = [
            (worker.number, snapshot)
            for worker in self._workers[1:]
            if worker.ready and (snapshot := worker.snapshot(now_ns, window_ns))
        ]
        leaving = [worker.snapshot(now_ns, window_ns) for worker, _ in self._leaving]
        gone = drop_before(now_ns - window_ns, self._gone) if self._gone else None
        return merge(first, peers, [snapshot for snapshot in (*leaving, gone) if snapshot])

    def past(self, frozen: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """See `RunControl.past`."""
        if len(self._workers) == 1 and not self._leaving and not self._gone:
            return self.model.past(frozen, start_ns, end_ns)
        own = dict(frozen.loops)
        then = {
            worker.number: worker.model.past(own.get(worker.number, frozen), start_ns, end_ns)
            for worker in self._workers
            if worker.model.seen or worker is self.first
        }
        others = [
            worker.model.past(frozen, start_ns, end_ns)
            for worker, _ in self._leaving
            if worker.model.seen
        ]
        if self._gone:
            others.append(clip(self._gone, start_ns, end_ns))
        return merge_past(frozen, then, others)

    def critical_path(self, request: RequestInfo) -> CriticalPath | None:
        """See `RunControl.ask_path`."""
        workers = self._all_workers()
        found = next((one for one in workers if one.number == request.worker), None)
        return found.model.critical_path(request) if found is not None else None

    def totals(self, now_ns: int) -> RunTotals:
        """The totals of the run, of all workers that are running."""
        return run_totals(self.models, now_ns)

    def retain(self, since_ns: int) -> None:
        """See `RunControl.retain`."""
        for worker in self._all_workers():
            worker.model.retain(since_ns)

    def set_load(self, routes: Sequence[LoadInfo]) -> None:
        """What the load sends, which was not known before the app was asked."""
        self.scenario = replace(self.scenario, load=tuple(routes))
        for worker in self._all_workers():
            worker.model.set_routes(self._rows())

    def release(self) -> None:
        """See `RunControl.release`."""
        for worker in self._all_workers():
            worker.model.retain(0)

    def quit(self) -> None:
        """Ask all workers to end."""
        for worker in self._all_workers():
            worker.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until all have ended; kill the rest after the timeout."""
        until = time.monotonic() + timeout_s
        for worker in self._all_workers():
            worker.reap(max(until - time.monotonic(), 0))

    def _all_workers(self) -> list[Worker]:
        return [*self._workers, *(worker for worker, _ in self._leaving)]

    def _remove(self, worker: Worker) -> None:
        worker.reap(0)
        now_ns = monotonic_ns()
        worker.model.stop(now_ns)
        last = worker.snapshot(now_ns, KEEP_NS)
        if last is not None:
            gone = drop_before(now_ns - KEEP_NS, self._gone) if self._gone else None
            self._gone = keep_ended(gone, last)

    def _rows(self) -> list[RouteRow]:
        return [row for load in self.scenario.load for row in load.rows]

    def _new_model(self, worker: int = 1) -> Model:
        scenario = self.scenario
        model = Model(
            self._rows(),
            [fix.key for fix in scenario.fixes if not fix.wrong],
            Naming(self._roots, self._source_line),
            answers={fix.key: fix.answers for fix in scenario.fixes},
            counters=[(c.key, c.title, c.bad) for c in scenario.counters],
            lanes=self._lanes,
            worker=worker,
            headline=scenario.headline,
        )
        for key in self.fixes_on:
            model.phases.assume(key)
        if worker > 1:
            self.model.counters.join(model.counters)
        return model
