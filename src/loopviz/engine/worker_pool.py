"""The workers of one run: as many as its fixes ask for."""

import linecache
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from socket import socket

from loopviz.clock import monotonic_ns
from loopviz.engine.child import Guard
from loopviz.engine.worker import Worker
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.target.ready import TargetReady
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import CriticalPath, RequestInfo, Snapshot
from loopviz.model.snapshot.merge import clip, drop_before, keep_ended, merge, merge_past
from loopviz.model.snapshot.totals import RunTotals
from loopviz.model.state.history import KEEP_NS
from loopviz.model.state.lanes import Lanes
from loopviz.model.totals import run_totals
from loopviz.options import RunOptions
from loopviz.shutdown import RETIRED_S
from loopviz.wire.control import Failed, Message

__all__ = ["WorkerPool"]


class WorkerPool:
    """The first worker, which lives as long as the run, and others, which come and go.

    All accept connections from the same listening socket, as uvicorn's workers do. The load, the
    marks and the comparison of a run belong to the first one's model, `model`.
    """

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        listener: socket | None,
        options: RunOptions,
    ) -> None:
        """Start as many workers as the options' fixes ask for; none without a `listener`."""
        self.fixes_on = frozenset(options.fixes)
        self.trouble = ""
        """One sentence if a worker other than the first has died or did not start; else empty."""
        self.machine_failed = False
        """The machine refused a worker what it needs; the scenario is not to blame."""
        self._folder, self._guard, self._options = folder, guard, options
        self._listener = listener
        self._lanes = Lanes()
        self._workers: list[Worker] = []
        self._leaving: list[tuple[Worker, float]] = []
        """Each with the time until which it may serve its last requests."""
        self._gone: Snapshot | None = None
        """The history of the workers that have ended."""
        self._wanted = self._started = 0
        self._began = False
        self.use(scenario)

    @property
    def first(self) -> Worker | None:
        """The first worker; None if none could be started."""
        return self._workers[0] if self._workers else None

    @property
    def ready(self) -> bool:
        """Whether all workers serve."""
        return all(worker.ready for worker in self._workers)

    @property
    def models(self) -> Sequence[Model]:
        """The first worker's, then the others'."""
        return [self.model, *(worker.model for worker in self._workers[1:])]

    def use(self, scenario: ScenarioInfo) -> None:
        """Adopt a scenario's description; the models start again."""
        self.scenario = scenario
        self.model = self._new_model()
        for worker in self._workers:
            worker.use(self.model if worker.number == 1 else self._new_model(worker.number))
        self._scale()

    def begin(self, at_ns: int) -> None:
        """The load starts at `at_ns`, and with it all counts."""
        self._began = True
        for model in self.models:
            model.mark(at_ns, f"scenario:{self.scenario.id}")

    def toggle(self, key: str) -> None:
        """See `RunControl.toggle`. It may change the number of workers."""
        before, self.fixes_on = self.fixes_on, self.scenario.toggled(self.fixes_on, key)
        changed = sorted(before ^ self.fixes_on, key=lambda one: one in before)
        for one in changed:  # on before off: the bug does not run in between
            for worker in self._workers:
                worker.fix(one, on=one in self.fixes_on)
        self._scale()

    def messages(self) -> Iterator[Message]:
        """Messages of the first worker; those of the others are handled here."""
        for worker in tuple(self._workers):
            for message in worker.read():
                match message:
                    case TargetReady():
                        worker.ready = True
                        if worker.number > 1 and self._began:
                            worker.drain()  # its warm-up does not count
                            worker.model.mark(monotonic_ns(), f"scenario:{self.scenario.id}")
                    case Failed(why=why, machine=machine):
                        self.machine_failed |= machine
                        if worker.number > 1:
                            self.trouble = f"Worker {worker.number} did not start: {why}"
                if worker.number == 1:
                    yield message

    def drain(self) -> None:
        """Read the rings, and remove workers that have ended."""
        for worker in self._workers:
            worker.drain()
            worker.request_missing(monotonic_ns())
        for worker in self._workers[1:]:
            if how := worker.how_it_ended():
                self._workers.remove(worker)
                self.trouble = self.trouble or f"Worker {worker.number} {how}"
                self._remove(worker)
        for leaving in tuple(self._leaving):
            worker, until = leaving
            worker.drain()
            if worker.how_it_ended() or time.monotonic() > until:
                self._leaving.remove(leaving)
                self._remove(worker)

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
        first = self.model.past(frozen, start_ns, end_ns)
        if len(self._workers) == 1 and not self._leaving and not self._gone:
            return first
        loops = {peer.worker: peer.loop for peer in frozen.peers}
        peers = {
            worker.number: worker.model.past(
                replace(frozen, loop=loops.get(worker.number, frozen.loop)), start_ns, end_ns
            )
            for worker in self._workers[1:]
            if worker.model.seen
        }
        others = [
            worker.model.past(frozen, start_ns, end_ns)
            for worker, _ in self._leaving
            if worker.model.seen
        ]
        if self._gone:
            others.append(clip(self._gone, start_ns, end_ns))
        return merge_past(frozen, first, peers, others)

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

    def release(self) -> None:
        """See `RunControl.release`."""
        for worker in self._all_workers():
            worker.model.retain(0)

    def how_the_first_ended(self) -> str:
        """See `Worker.how_it_ended`. If it has ended, the listening socket is closed."""
        how = self.first.how_it_ended() if self.first else ""
        if how:
            self.model.stop(monotonic_ns())
            self.quit()
        return how

    def quit(self) -> None:
        """Close the listening socket, and ask all workers to end."""
        if self._listener is not None:
            self._listener.close()  # queued connections are refused
            self._listener = None
        for worker in self._all_workers():
            worker.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until all have ended; kill the rest after the timeout."""
        until = time.monotonic() + timeout_s
        for worker in self._all_workers():
            worker.reap(max(until - time.monotonic(), 0))

    def _all_workers(self) -> list[Worker]:
        return [*self._workers, *(worker for worker, _ in self._leaving)]

    def _scale(self) -> None:
        """Start or retire workers until their number is what the fixes ask for, unless closed."""
        on = (fix.workers for fix in self.scenario.fixes if fix.key in self.fixes_on)
        wanted = max(on, default=1)
        if wanted == self._wanted or self._listener is None:
            return
        self._wanted, self.trouble = wanted, ""
        for worker in self._workers[wanted:]:
            self._workers.remove(worker)
            self._leaving.append((worker, time.monotonic() + RETIRED_S))
            worker.leave()
        numbers = {worker.number for worker in self._workers}
        for number in range(1, wanted + 1):
            if number not in numbers:
                self._workers.append(self._start(number, self._listener))

    def _start(self, number: int, listener: socket) -> Worker:
        self._started += 1
        return Worker(
            number,
            self.scenario,
            listener,
            self._guard,
            replace(self._options, fixes=tuple(sorted(self.fixes_on))),
            folder=self._folder if number == 1 else self._folder / f"worker-{self._started}",
            run_folder=self._folder,
            model=self.model if number == 1 else self._new_model(number),
        )

    def _remove(self, worker: Worker) -> None:
        worker.reap(0)
        now_ns = monotonic_ns()
        worker.model.stop(now_ns)
        last = worker.snapshot(now_ns, KEEP_NS)
        if last is not None:
            gone = drop_before(now_ns - KEEP_NS, self._gone) if self._gone else None
            self._gone = keep_ended(gone, last)

    def _new_model(self, worker: int = 1) -> Model:
        scenario = self.scenario
        model = Model(
            [(load.name, load.rps) for load in scenario.load],
            [fix.key for fix in scenario.fixes if not fix.wrong],
            Naming(_roots(scenario.path), linecache.getline),
            answers={fix.key: fix.answers for fix in scenario.fixes},
            counters=[(c.key, c.title, c.bad) for c in scenario.counters],
            lanes=self._lanes,
            worker=worker,
            headline=scenario.headline,
        )
        for key in self.fixes_on:
            model.phases.assume(key)
        if worker > 1:
            self.model.counters.others.append(model.counters)
        return model


def _roots(path: Path) -> list[tuple[str, str]]:
    """Folders and their short names: the scenario's, loopviz's, and the current one."""
    ours = Path(__file__).parents[1]
    return [(str(path.parent), "scenarios"), (str(ours), "loopviz"), (str(Path.cwd()), "")]
