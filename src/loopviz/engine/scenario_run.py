"""A run of a scenario."""

from dataclasses import replace
from pathlib import Path

from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.output import OutputLog
from loopviz.engine.run import Run, Status, make_folder
from loopviz.engine.worker_pool import WorkerPool
from loopviz.errors import TargetError
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.catalogue.watched import Watched
from loopviz.lab.target.ready import TargetReady
from loopviz.listener import listen
from loopviz.options import RunOptions
from loopviz.wire.control import Failed, Message, TargetLoading

__all__ = ["ScenarioRun"]

SILENT_S = 4.5
"""A target reports after 3 s what takes so long. One that has not by now is unable to."""


class ScenarioRun(Run):
    """A scenario, served by as many workers as its fixes ask for."""

    workers: WorkerPool

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        options: RunOptions,
    ) -> None:
        """Start the target. Raises MachineError."""
        make_folder(folder)
        self._loading_ns, self._loads_at = 0, ""
        self._file = Watched(scenario.path)
        listener = None
        try:
            listener = listen(options.port or 0)
        except TargetError as error:
            self.failure = ("failed", str(error))
        log = OutputLog()
        workers = WorkerPool(scenario, folder, guard, listener, options, log)
        super().__init__(folder, guard, options, workers, log)

    @property
    def loading_s(self) -> float:
        """How long the file and its lifespan have been loading; 0 before and after that."""
        began = self._loading_ns if not self.url else 0
        return (monotonic_ns() - began) / SECOND if began else 0.0

    @property
    def loading(self) -> str:
        """One sentence if loading takes long; else empty."""
        if self.loading_s < SILENT_S or self._loads_at:
            return self._loads_at
        took = f"{self.scenario.path.name} has not finished loading after {self.loading_s:.0f} s"
        return f"{took}: C code of it holds the GIL."

    @property
    def status(self) -> Status:
        """The state of the run, with hints that name keys of the screen."""
        phase, why = self.failure or ("running" if self.began_ns else "starting", "")
        if phase in ("target-died", "load-died"):
            why += " Press R to restart it."
        elif phase == "starting" and self.loading:
            why = f"{self.loading} Press s for another scenario, R to try again."
        elif not why and self.workers.trouble:
            why = f"{self.workers.trouble} Press its fix's key twice for another one."
        changed = self._file.changed(monotonic_ns())
        return Status(phase, why, self.url, self.workers.fixes_on, self.rate, changed)

    def poll(self) -> None:
        """Handle the children's messages, and read the rings."""
        if self._load is None:
            self._load = self._new_load()
        for message in self.workers.messages():
            self._on_target_message(message)
        alone = all(fix.workers == 1 for fix in self.scenario.fixes)
        self._aim(self._load, reuse=alone)
        self._read_load(self._load)
        self.workers.drain()
        self.take_said()
        if self.failure is None:
            self._check_alive(self._load)

    def _on_target_message(self, message: Message) -> None:
        match message:
            case Failed(why=why, traceback=text):
                self.traceback = text
                self.failure = ("failed", why)
                self.workers.quit()
            case TargetLoading(why=why):
                self._loading_ns = self._loading_ns or monotonic_ns()
                self._loads_at = why
            case TargetReady(url=url, scenario=scenario):
                self._loads_at = ""
                self.url = url
                scenario = replace(scenario, shadows=self.scenario.shadows)
                if scenario != self.scenario:
                    self.workers.use(scenario)

    def _check_alive(self, load: Child) -> None:
        if how := load.how_it_ended():
            self.failure = ("load-died", f"The load {how}")
        elif how := self.workers.how_the_first_ended():
            first, name = self.workers.first, self.scenario.path.name
            self.failure = (
                ("target-died", f"The target {how}")
                if self.url or (first and first.unreadable)
                else ("failed", f"{name} ended its process while it was loading: that {how}")
            )
