"""One run: an app served by workers, under load, recorded."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from loopviz import run_folder
from loopviz.clock import monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.output import OutputLog
from loopviz.engine.workers import Workers
from loopviz.errors import MachineError
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.load.config import LoadConfig, LoadFound
from loopviz.options import RunOptions
from loopviz.report.shutdown import Shutdown
from loopviz.wire.control import (
    Failed,
    LoadReady,
    LoadReport,
    LoadStopped,
    Message,
    SetRate,
    StopLoad,
)

__all__ = ["Failure", "Run", "Status", "make_folder"]

Failure = tuple[Literal["target-died", "load-died", "ended", "failed"], str]
"""Why a run is over: what has ended, and one sentence."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the run."""

    phase: Literal["starting", "running", "ending", "target-died", "load-died", "ended", "failed"]
    why: str = ""
    """One sentence: what is wrong and what to do next. While it runs, it is about a worker other
    than the first. `ended`: it was a program's own end, and nothing is wrong."""
    url: str = ""
    fixes_on: frozenset[str] = frozenset()
    rate: float = 1.0
    """Factor on the scenario's load."""
    changed: bool = False
    """The scenario's file has changed since it was loaded."""
    output: tuple[str, ...] = ()
    """Of a program that has ended, the last lines that it wrote."""
    left_out: tuple[str, ...] = ()
    """Of a load to the routes that the app has: those that are not sent, and why."""


class Run:
    """Workers under load. The target starts at once; `poll` does the rest.

    What is run, a subclass knows: a scenario, or a program of the user's own.
    """

    failure: Failure | None = None
    traceback = ""
    """The traceback of what the scenario's file raised; empty if it did not."""
    url = ""

    def __init__(
        self,
        folder: Path,
        guard: Guard,
        options: RunOptions,
        workers: Workers,
        log: OutputLog | None = None,
    ) -> None:
        """`log` has what the app writes, if its processes are the subclass's."""
        self.folder, self.workers, self.log = folder, workers, log or OutputLog()
        self.rate = options.rate
        self.began_ns = 0
        """When the run began to count: with its load, if there is one. 0: not yet."""
        self.load_stopped = False
        self.left_out: tuple[str, ...] = ()
        """Routes that the app has and the load does not send, and why."""
        self._options, self._guard = options, guard
        self._load: Child | None = None  # started by the first poll: the first frame comes sooner
        self._aimed = False

    @property
    def scenario(self) -> ScenarioInfo:
        """As read from its file; once it runs, as the target described it."""
        return self.workers.scenario

    @property
    def python(self) -> str:
        """The version of Python that runs the app; empty: that of this process."""
        return ""

    @property
    def loading_s(self) -> float:
        """How long the app has been loading; 0 before and after that."""
        return 0.0

    @property
    def loading(self) -> str:
        """One sentence if loading takes long; else empty."""
        return ""

    @property
    def status(self) -> Status:
        """The state of the run, with hints that name keys of the screen."""
        raise NotImplementedError

    def poll(self) -> None:
        """Handle the children's messages, and read the rings."""
        raise NotImplementedError

    def take_said(self) -> None:
        """Put the program's own marks and log records into the log."""
        for model in self.workers.models:
            for mark in model.take_said():
                written = mark.text.partition(": ")[2] if mark.kind == "log" else ""
                self.log.note(mark.at_ns, f"{mark.level} {mark.text}".strip(), mark.kind, written)

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

    @property
    def ending(self) -> bool:
        """Whether it was asked to end and has not ended, and `poll` follows that."""
        return False

    @property
    def farewell(self) -> str:
        """One sentence if its end took force, once it has ended; else empty."""
        return ""

    @property
    def shutdown(self) -> Shutdown | None:
        """How it ended; None: it was not asked to, or that is not for a report."""
        return None

    def end_soon(self) -> bool:
        """Ask it to end, while `poll` goes on; a second time, kill it. False: nothing to watch."""
        return False

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

    def _new_load(self) -> Child:
        return Child("loopviz.lab.load", self.folder, self._guard)

    def _read_load(self, load: Child) -> None:
        for message in load.read():
            self._on_load_message(message)

    def _aim(self, load: Child, *, reuse: bool) -> None:
        """Once all workers serve, start the load."""
        if self._aimed or not self.url or not self.workers.ready:
            return
        self._aimed = True
        config = LoadConfig(
            url=self.url,
            routes=self.scenario.load,
            options=replace(self._options, rate=self.rate),
            reuse=reuse,
        )
        load.send(config)

    def _on_load_message(self, message: Message) -> None:
        match message:
            case LoadFound(routes=routes, left_out=left_out):
                self.left_out = left_out
                self.workers.set_load(routes)
            case LoadReady(start_at_ns=start_at_ns):
                self.began_ns = start_at_ns
                self.workers.model.routes.factor = self.rate
                self.workers.begin(start_at_ns)
            case LoadReport() as report:
                counts = report.sent, report.in_flight, report.shed
                more = report.waiting, report.outcomes, report.at_ns
                self.workers.model.feed_load(report.samples, *counts, *more, busy=report.busy)
            case Failed(why=why) if not self.began_ns:
                self.failure = ("failed", why)
            case LoadStopped():
                self.load_stopped = True


def make_folder(folder: Path) -> None:
    """Raises MachineError."""
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise MachineError(f"loopviz cannot make its folder {folder}", error) from error
