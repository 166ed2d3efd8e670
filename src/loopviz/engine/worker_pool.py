"""The workers of one run: as many as its fixes ask for."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import socket

from loopviz.clock import monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.output import OutputLog
from loopviz.engine.worker import Worker
from loopviz.engine.workers import Workers
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.target.ready import TargetReady
from loopviz.options import RunOptions
from loopviz.shutdown import RETIRED_S
from loopviz.wire.control import Failed, Message, TargetConfig

__all__ = ["WorkerPool"]


class WorkerPool(Workers):
    """Target processes, as many as the fixes ask for. The first lives as long as the run.

    All accept connections from the same listening socket, as uvicorn's workers do.
    """

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        listener: socket | None,
        options: RunOptions,
        log: OutputLog,
    ) -> None:
        """Start as many workers as the options' fixes ask for; none without a `listener`."""
        super().__init__(scenario, _roots(scenario.path))
        self.fixes_on = frozenset(options.fixes)
        self._folder, self._guard, self._options = folder, guard, options
        self._listener, self._log = listener, log
        self._wanted = self._started = 0
        self.use(scenario)

    def use(self, scenario: ScenarioInfo) -> None:
        """Adopt a scenario's description; the models start again."""
        self.scenario = scenario
        self.model = self._new_model()
        for worker in self._workers:
            worker.use(self.model if worker.number == 1 else self._new_model(worker.number))
        self._scale()

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
        super().quit()

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
        folder = self._folder if number == 1 else self._folder / f"worker-{self._started}"
        folder.mkdir(mode=0o700, exist_ok=True)
        keep = [listener.fileno()]
        child = Child(
            "loopviz.lab.target",
            folder,
            self._guard,
            keep=keep,
            tmp=self._folder,
            written=self._log,
        )
        child.send(
            TargetConfig(
                id=self.scenario.id,
                path=self.scenario.path,
                listen_fd=listener.fileno(),
                options=replace(self._options, fixes=tuple(sorted(self.fixes_on))),
            )
        )
        return Worker(number, child, folder, self.model if number == 1 else self._new_model(number))


def _roots(path: Path) -> list[tuple[str, str]]:
    """Folders and their short names: the scenario's, loopviz's, and the current one."""
    ours = Path(__file__).parents[1]
    return [(str(path.parent), "scenarios"), (str(ours), "loopviz"), (str(Path.cwd()), "")]
