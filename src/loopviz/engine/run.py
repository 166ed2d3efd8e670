"""One run: a scenario served by workers, under load, recorded."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from loopviz import run_folder
from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.worker_pool import WorkerPool
from loopviz.errors import MachineError, TargetError
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.catalogue.watched import Watched
from loopviz.lab.load.config import LoadConfig
from loopviz.lab.target.ready import TargetReady
from loopviz.listener import listen
from loopviz.options import RunOptions
from loopviz.wire.control import (
    Failed,
    LoadReady,
    LoadReport,
    LoadStopped,
    Message,
    SetRate,
    StopLoad,
    TargetLoading,
)

__all__ = ["Run", "Status"]

SILENT_S = 4.5
"""A target reports after 3 s what takes so long. One that has not by now is unable to."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the run."""

    phase: Literal["starting", "running", "target-died", "load-died", "failed"]
    why: str = ""
    """One sentence: what is wrong and what to do next. While it runs, it is about a worker other
    than the first."""
    url: str = ""
    fixes_on: frozenset[str] = frozenset()
    rate: float = 1.0
    """Factor on the scenario's load."""
    changed: bool = False
    """The scenario's file has changed since it was loaded."""


class Run:
    """A scenario under load. The target starts at once; `poll` does the rest."""

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        options: RunOptions,
    ) -> None:
        """Start the target. Raises MachineError."""
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise MachineError(f"loopviz cannot make its folder {folder}", error) from error
        self.folder = folder
        self.url = ""
        self.rate = options.rate
        self.failure: tuple[Literal["target-died", "load-died", "failed"], str] | None = None
        self.traceback = ""
        """The traceback of what the scenario's file raised; empty if it did not."""
        self._loading_ns, self._loads_at = 0, ""
        self._file = Watched(scenario.path)
        self.load_began_ns = 0
        self.load_stopped = False
        self._options = options
        self._guard = guard
        self._load: Child | None = None  # started by the first poll: the first frame comes sooner
        self._aimed = False
        listener = None
        try:
            listener = listen(options.port)
        except TargetError as error:
            self.failure = ("failed", str(error))
        self.workers = WorkerPool(scenario, folder, guard, listener, options)

    @property
    def scenario(self) -> ScenarioInfo:
        """As read from its file; once it runs, as the target described it."""
        return self.workers.scenario

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
        phase, why = self.failure or ("running" if self.load_began_ns else "starting", "")
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
            self._load = Child("loopviz.lab.load", self.folder, self._guard)
        for message in self.workers.messages():
            self._on_target_message(message)
        self._aim(self._load)
        for message in self._load.read():
            self._on_load_message(message)
        self.workers.drain()
        if self.failure is None:
            self._check_alive(self._load)

    def set_rate(self, factor: float) -> None:
        """Scale the load."""
        if factor != self.rate:
            self.rate = factor
            if self._load is not None:
                self._load.send(SetRate(factor=factor))
            self.workers.model.mark(monotonic_ns(), f"load:{factor}")

    def stop_load(self) -> None:
        """Stop new arrivals. `load_stopped` turns true once the requests in flight are done."""
        if self._load is not None:
            self._load.send(StopLoad())

    def quit(self) -> None:
        """Ask all children to end."""
        if self._load is not None:
            self._load.quit()
        self.workers.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until all children have ended, kill the rest, and remove the folder."""
        until = time.monotonic() + timeout_s
        if self._load is not None:
            self._load.reap(timeout_s)
        self.workers.reap(max(until - time.monotonic(), 0))
        run_folder.remove(self.folder)

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

    def _aim(self, load: Child) -> None:
        """Once all workers serve, start the load."""
        if self._aimed or not self.url or not self.workers.ready:
            return
        self._aimed = True
        alone = all(fix.workers == 1 for fix in self.scenario.fixes)
        config = LoadConfig(
            url=self.url,
            routes=self.scenario.load,
            options=replace(self._options, rate=self.rate),
            reuse=alone,
        )
        load.send(config)

    def _on_load_message(self, message: Message) -> None:
        match message:
            case LoadReady(start_at_ns=start_at_ns):
                self.load_began_ns = start_at_ns
                self.workers.model.routes.factor = self.rate
                self.workers.begin(start_at_ns)
            case LoadReport() as report:
                counts = report.sent, report.in_flight, report.shed
                more = report.waiting, report.outcomes, report.at_ns
                self.workers.model.feed_load(report.samples, *counts, *more)
            case Failed(why=why) if not self.load_began_ns:
                self.failure = ("failed", why)
            case LoadStopped():
                self.load_stopped = True

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
