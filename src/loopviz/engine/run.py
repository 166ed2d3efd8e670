"""One scenario under one load, watched."""

import time
from collections.abc import Iterable, Sequence
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
from loopviz.model.model import Model
from loopviz.model.snapshot import Location, Snapshot
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
"""A target says after 3 s what takes so long; one that does not by then is not able to."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the run stands."""

    phase: Literal["starting", "running", "target-died", "load-died", "failed"]
    why: str = ""
    """One sentence for what is no good, with what to do next; while it runs, it is about another
    worker than the first."""
    url: str = ""
    fixes_on: frozenset[str] = frozenset()
    rate: float = 1.0
    """Factor on the scenario's load."""
    changed: bool = False
    """The scenario's file has changed since it was loaded."""


class Run:
    """One scenario under one load, watched. Starts at once; `poll` moves it along."""

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        guard: Guard,
        *,
        fixes: Iterable[str] = (),
        rate: float = 1.0,
        seed: int = 0,
        port: int = 0,
        probe: bool = True,
        duration_s: float | None = None,
    ) -> None:
        """`duration_s`: the load ends after so long; else it goes on. Raises MachineError."""
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise MachineError(f"loopviz cannot make its folder {folder}", error) from error
        self.folder = folder
        self.url = ""
        self.rate = rate
        self.failure: tuple[Literal["target-died", "load-died", "failed"], str] | None = None
        self.traceback = ""
        """Of what the scenario's file raised, if it did."""
        self._loading_ns, self._loads_at = 0, ""
        self._file = Watched(scenario.path)
        self.load_began_ns = 0
        self.load_stopped = False
        self._seed, self._duration_s = seed, duration_s
        self._guard = guard
        self._load: Child | None = None  # with the first poll, so that the first frame is not late
        self._aimed = False
        listener = None
        try:
            listener = listen(port)
        except TargetError as error:
            self.failure = ("failed", str(error))
        self._workers = WorkerPool(scenario, folder, guard, listener, fixes=fixes, probe=probe)

    @property
    def scenario(self) -> ScenarioInfo:
        """First as read, then as run."""
        return self._workers.scenario

    @property
    def model(self) -> Model:
        """The first worker's, to which the load and the marks are told."""
        return self._workers.model

    @property
    def models(self) -> Sequence[Model]:
        """All workers', the first one's first."""
        return self._workers.models

    @property
    def target_pid(self) -> int:
        """The first worker's."""
        return self._workers.pid

    @property
    def trouble(self) -> str:
        """One sentence, if the run goes on without a worker that it should have."""
        return self._workers.trouble

    @property
    def machine_failed(self) -> bool:
        """Whether the machine is to blame, and not the scenario."""
        return self._workers.machine_failed

    @property
    def loading_s(self) -> float:
        """For how long the scenario's file and its lifespan run; 0: they do not yet, or no more."""
        began = self._loading_ns if not self.url else 0
        return (monotonic_ns() - began) / SECOND if began else 0.0

    @property
    def loading(self) -> str:
        """One sentence, if that takes long."""
        if self.loading_s < SILENT_S or self._loads_at:
            return self._loads_at
        took = f"{self.scenario.path.name} has not finished loading after {self.loading_s:.0f} s"
        return f"{took}: C code of it holds the GIL."

    @property
    def status(self) -> Status:
        """How the run stands, in a screen's words."""
        phase, why = self.failure or ("running" if self.load_began_ns else "starting", "")
        if phase in ("target-died", "load-died"):
            why += " Press R to restart it."
        elif phase == "starting" and self.loading:
            why = f"{self.loading} Press s for another scenario, R to try again."
        elif not why and self.trouble:
            why = f"{self.trouble} Press its fix's key twice for another one."
        changed = self._file.changed(monotonic_ns())
        return Status(phase, why, self.url, self._workers.fixes_on, self.rate, changed)

    def snapshot(self, now_ns: int, window_ns: int) -> Snapshot | None:
        """The picture at `now_ns`, of all workers; None until the first event."""
        return self._workers.snapshot(now_ns, window_ns)

    def past(self, held: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """See `Controller.past`."""
        return self._workers.past(held, start_ns, end_ns)

    def hold(self, since_ns: int) -> None:
        """See `Controller.hold`."""
        self._workers.hold(since_ns)

    def ask_stack(self, task: int) -> tuple[Location, ...] | None:
        """See `Controller.ask_stack`."""
        return self._workers.ask_stack(task, monotonic_ns())

    def baseline(self) -> None:
        """See `Controller.baseline`."""
        self.model.mark(monotonic_ns(), "baseline")

    def poll(self) -> None:
        """Take in what the children have said and what the probes have written."""
        if self._load is None:
            self._load = Child("loopviz.lab.load", self.folder, self._guard)
        for message in self._workers.messages():
            self._on_target_message(message)
        self._aim(self._load)
        for message in self._load.read():
            self._on_load_message(message)
        self._workers.drain()
        if self.failure is None:
            self._check_alive(self._load)

    def toggle(self, key: str) -> None:
        """Flip a fix."""
        self._workers.toggle(key)

    def set_rate(self, factor: float) -> None:
        """Scale the load."""
        if factor != self.rate:
            self.rate = factor
            if self._load is not None:
                self._load.send(SetRate(factor=factor))
            self.model.mark(monotonic_ns(), f"load:{factor}")

    def stop_load(self) -> None:
        """No new arrivals; `load_stopped` tells when those in flight are done."""
        if self._load is not None:
            self._load.send(StopLoad())

    def quit(self) -> None:
        """Ask all children to end."""
        if self._load is not None:
            self._load.quit()
        self._workers.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until all have ended, kill what has not, and remove the folder."""
        until = time.monotonic() + timeout_s
        if self._load is not None:
            self._load.reap(timeout_s)
        self._workers.reap(max(until - time.monotonic(), 0))
        run_folder.remove(self.folder)

    def _on_target_message(self, message: Message) -> None:
        match message:
            case Failed(why=why, traceback=text):
                self.traceback = text
                self.failure = ("failed", why)
                self._workers.quit()
            case TargetLoading(why=why):
                self._loading_ns = self._loading_ns or monotonic_ns()
                self._loads_at = why
            case TargetReady(url=url, scenario=scenario):
                self._loads_at = ""
                self.url = url
                scenario = replace(scenario, shadows=self.scenario.shadows)
                if scenario != self.scenario:
                    self._workers.use(scenario)

    def _aim(self, load: Child) -> None:
        """Once all workers serve, tell the load where to send."""
        if self._aimed or not self.url or not self._workers.ready:
            return
        self._aimed = True
        alone = all(fix.workers == 1 for fix in self.scenario.fixes)
        config = LoadConfig(
            url=self.url,
            routes=self.scenario.load,
            seed=self._seed,
            rate=self.rate,
            duration_s=self._duration_s,
            reuse=alone,
        )
        load.send(config)

    def _on_load_message(self, message: Message) -> None:
        match message:
            case LoadReady(start_at_ns=start_at_ns):
                self.load_began_ns = start_at_ns
                self.model.routes.factor = self.rate
                self._workers.begin(start_at_ns)
            case LoadReport() as report:
                counts = report.sent, report.in_flight, report.shed
                more = report.waiting, report.outcomes, report.at_ns
                self.model.feed_load(report.samples, *counts, *more)
            case Failed(why=why) if not self.load_began_ns:
                self.failure = ("failed", why)
            case LoadStopped():
                self.load_stopped = True

    def _check_alive(self, load: Child) -> None:
        if how := load.how_it_ended():
            self.failure = ("load-died", f"The load {how}")
        elif how := self._workers.how_the_first_ended():
            name = self.scenario.path.name
            self.failure = (
                ("target-died", f"The target {how}")
                if self.url or self._workers.unreadable
                else ("failed", f"{name} ended its process while it was loading: that {how}")
            )
