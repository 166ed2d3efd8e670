"""The workers of one run: as many as the fixes that are on ask for."""

import linecache
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from socket import socket

from loopviz.clock import monotonic_ns
from loopviz.engine.child import Guard
from loopviz.engine.worker import Worker
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.target.ready import TargetReady
from loopviz.model.model import KEEP_NS, Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location, Snapshot
from loopviz.model.snapshot.merge import cut, merge, past, remains, since
from loopviz.model.state.lanes import Lanes
from loopviz.wire.control import Failed, Message

__all__ = ["WorkerPool"]

LEAVE_S = 6.0
"""How long a worker that is no longer wanted may take to finish its requests."""


class WorkerPool:
    """The first worker, which lives as long as the run, and others, which come and go.

    All accept from the same listening socket, as uvicorn's workers do. The load, the marks and
    the comparison of a run are told to the first one's model, `model`.
    """

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        listener: socket | None,
        *,
        fixes: Iterable[str],
        probe: bool,
    ) -> None:
        """Start as many as `fixes` ask for; without a `listener` there are none."""
        self.fixes_on = frozenset(fixes)
        self.trouble = ""
        """One sentence, if another worker than the first has died, or did not start."""
        self.machine_failed = False
        """Whether the machine refused a worker what it needs: the scenario is not to blame."""
        self._folder, self._guard, self._probe = folder, guard, probe
        self._listener = listener
        self._lanes = Lanes()
        self._workers: list[Worker] = []
        self._leaving: list[tuple[Worker, float]] = []
        """Until when each may take."""
        self._gone: Snapshot | None = None
        """What is left of those that have ended."""
        self._wanted = self._started = 0
        self._began = False
        self.use(scenario)

    @property
    def pid(self) -> int:
        """The first worker's."""
        return self._workers[0].pid

    @property
    def ready(self) -> bool:
        """Whether all serve."""
        return all(worker.ready for worker in self._workers)

    @property
    def models(self) -> Sequence[Model]:
        """The first worker's, then the others'."""
        return [self.model, *(worker.model for worker in self._workers[1:])]

    def use(self, scenario: ScenarioInfo) -> None:
        """Go by what the scenario says of itself."""
        self.scenario = scenario
        self.model = self._new_model()
        for worker in self._workers:
            worker.use(self.model if worker.number == 1 else self._new_model(worker.number))
        self._start_worker()

    def begin(self, at_ns: int) -> None:
        """The load begins; so do all counts."""
        self._began = True
        for model in self.models:
            model.mark(at_ns, f"scenario:{self.scenario.id}")

    def toggle(self, key: str) -> None:
        """Flip a fix, in all workers; it may ask for more of them, or fewer."""
        self.fixes_on ^= {key}
        for worker in self._workers:
            worker.fix(key, on=key in self.fixes_on)
        self._start_worker()

    def messages(self) -> Iterator[Message]:
        """The first worker's messages; those of the others are dealt with here."""
        for worker in tuple(self._workers):
            for message in worker.read():
                match message:
                    case TargetReady():
                        worker.ready = True
                        if worker.number > 1 and self._began:
                            worker.model.mark(monotonic_ns(), f"scenario:{self.scenario.id}")
                    case Failed(why=why, machine=machine):
                        self.machine_failed |= machine
                        if worker.number > 1:
                            self.trouble = f"Worker {worker.number} did not start: {why}"
                if worker.number == 1:
                    yield message

    def drain(self) -> None:
        """Take in what the probes have written, and see who has gone."""
        for worker in self._workers:
            worker.drain()
            worker.look_closer(monotonic_ns())
        for worker in self._workers[1:]:
            if how := worker.how_it_ended():
                self._workers.remove(worker)
                self.trouble = self.trouble or f"Worker {worker.number} {how}"
                self._remove_worker(worker)
        for leaving in tuple(self._leaving):
            worker, until = leaving
            worker.drain()
            if worker.how_it_ended() or time.monotonic() > until:
                self._leaving.remove(leaving)
                self._remove_worker(worker)

    def snapshot(self, now_ns: int, window_ns: int) -> Snapshot | None:
        """All workers in one picture; None until the first one's first event."""
        if not self.model.seen:
            return None
        first = self.model.snapshot(now_ns, window_ns)
        peers = [
            (worker.number, snapshot)
            for worker in self._workers[1:]
            if worker.ready and (snapshot := worker.snapshot(now_ns, window_ns))
        ]
        leaving = [worker.snapshot(now_ns, window_ns) for worker, _ in self._leaving]
        gone = since(now_ns - window_ns, self._gone) if self._gone else None
        return merge(first, peers, [snapshot for snapshot in (*leaving, gone) if snapshot])

    def past(self, held: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """See `Controller.past`."""
        first = self.model.past(held, start_ns, end_ns)
        if len(self._workers) == 1 and not self._leaving and not self._gone:
            return first
        loops = {peer.worker: peer.loop for peer in held.peers}
        peers = {
            worker.number: worker.model.past(
                replace(held, loop=loops.get(worker.number, held.loop)), start_ns, end_ns
            )
            for worker in self._workers[1:]
            if worker.model.seen
        }
        others = [
            worker.model.past(held, start_ns, end_ns)
            for worker, _ in self._leaving
            if worker.model.seen
        ]
        if self._gone:
            others.append(cut(self._gone, start_ns, end_ns))
        return past(held, first, peers, others)

    def hold(self, since_ns: int) -> None:
        """See `Controller.hold`."""
        for worker in self._everyone():
            worker.model.hold(since_ns)

    def ask_stack(self, task: int, now_ns: int) -> tuple[Location, ...] | None:
        """See `Controller.ask_stack`. Only the first worker's tasks are listed."""
        return self._workers[0].ask_stack(task, now_ns) if self._workers else None

    @property
    def unreadable(self) -> bool:
        """Whether the first worker's rings cannot be read any more."""
        return bool(self._workers and self._workers[0].unreadable)

    def how_the_first_ended(self) -> str:
        """See `Worker.how_it_ended`. Nobody is served any more, then."""
        how = self._workers[0].how_it_ended() if self._workers else ""
        if how:
            self.model.stop(monotonic_ns())
            self.quit()
        return how

    def quit(self) -> None:
        """Close the door, and ask all to end."""
        if self._listener is not None:
            self._listener.close()  # those who queue there are refused
            self._listener = None
        for worker in self._everyone():
            worker.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until all have ended; kill those that have not."""
        until = time.monotonic() + timeout_s
        for worker in self._everyone():
            worker.reap(max(until - time.monotonic(), 0))

    def _everyone(self) -> list[Worker]:
        return [*self._workers, *(worker for worker, _ in self._leaving)]

    def _start_worker(self) -> None:
        """Start those that are missing, send away those that are too many; once closed, neither."""
        on = (fix.workers for fix in self.scenario.fixes if fix.key in self.fixes_on)
        wanted = max(on, default=1)
        if wanted == self._wanted or self._listener is None:
            return
        self._wanted, self.trouble = wanted, ""
        for worker in self._workers[wanted:]:
            self._workers.remove(worker)
            self._leaving.append((worker, time.monotonic() + LEAVE_S))
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
            folder=self._folder if number == 1 else self._folder / f"worker-{self._started}",
            run_folder=self._folder,
            fixes=self.fixes_on,
            probe=self._probe,
            model=self.model if number == 1 else self._new_model(number),
        )

    def _remove_worker(self, worker: Worker) -> None:
        worker.reap(0)
        now_ns = monotonic_ns()
        worker.model.stop(now_ns)
        last = worker.snapshot(now_ns, KEEP_NS)
        if last is not None:
            gone = since(now_ns - KEEP_NS, self._gone) if self._gone else None
            self._gone = remains(gone, last)

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
        )
        for key in self.fixes_on:
            model.phases.assume(key)
        if worker > 1:
            self.model.counters.others.append(model.counters)
        return model


def _roots(path: Path) -> list[tuple[str, str]]:
    """How paths are shortened: the scenario's folder and ours by name, the rest from here."""
    ours = Path(__file__).parents[1]
    return [(str(path.parent), "scenarios"), (str(ours), "loopviz"), (str(Path.cwd()), "")]
