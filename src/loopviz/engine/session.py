"""The runs of one loopviz process: start one, switch to another, end them all."""

import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple, Protocol

from loopviz import run_folder
from loopviz.engine.child import Guard
from loopviz.engine.output import NOTHING, Written
from loopviz.engine.program_run import ProgramRun
from loopviz.engine.run import Run, Status
from loopviz.engine.scenario_run import ScenarioRun
from loopviz.engine.terminal import INPUT_FD, OUTPUT_FD, Terminal
from loopviz.errors import MachineError, UsageError
from loopviz.lab.catalogue import ScenarioInfo, catalogue, check_fixes, find
from loopviz.model.snapshot import CriticalPath, Location, RequestInfo, Snapshot, WaitTree
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.shutdown import CLOSE_S, REPLACED_S
from loopviz.signals import uninterrupted

__all__ = ["Frame", "RunControl", "Session", "Status", "opened"]


class Frame(NamedTuple):
    """All that a screen needs to draw one frame."""

    scenario: ScenarioInfo
    status: Status
    snapshot: Snapshot | None
    """None before the target's first event, and for a window of 0."""
    written: Written = NOTHING
    """What the app has written."""
    aside: str = ""
    """The program of the user's own that goes on while this lesson is shown; empty: none does."""


class RunControl(Protocol):
    """The screen's access to the run. No call blocks for more than a millisecond or two."""

    def poll(self) -> None:
        """Read messages and events. To be called often, or events are lost."""

    def frame(self, now_ns: int, window_ns: int) -> Frame:
        """The state now, with `window_ns` of history in detail; 0: without a snapshot."""

    def past(self, frozen: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        """`frozen` as it would have looked from `start_ns` to `end_ns`; see `Model.past`.

        Parts without history (tasks, findings, …) stay as they are in `frozen`.
        """

    def retain(self, since_ns: int) -> None:
        """Keep the history from `since_ns` on in detail, as far as memory allows."""

    def release(self) -> None:
        """Go back to keeping the last minute only."""

    def ask_stack(self, task: int, loop: int = 0) -> tuple[Location, ...] | None:
        """The await stack of a task of a loop, outermost frame first, as last received.

        None: there is no answer yet; empty: the task has no stack, or has ended. Call it for each
        frame: the target is asked four times a second at most, and answers with its loop blocked.
        `loop`: its number; 0: the first.
        """

    def ask_tree(self, loop: int = 0) -> WaitTree | None:
        """Who waits for whom among the tasks of a loop; None before the first event.

        Call it for each frame: meanwhile the target is asked twice a second which tasks others
        await, and a tree is built of each answer.
        """

    def ask_path(self, request: RequestInfo) -> CriticalPath | None:
        """What decided the latency of a request; None if its worker is gone.

        It takes some ms if much happened meanwhile: ask once for a request that has ended.
        """

    def entries(self) -> tuple[ScenarioInfo, ...]:
        """The catalogue, with the files as they are now."""

    def toggle(self, key: str) -> None:
        """Switch a fix on, and its alternatives off; or off, if it is on.

        Takes effect at once, even while the loop is blocked.
        """

    def baseline(self) -> None:
        """Make the present phase the baseline of all comparisons, until the next call."""

    def set_rate(self, factor: float) -> None:
        """Scale the load: 1.0 is the scenario's own."""

    def switch(self, scenario_id: str) -> None:
        """Run another scenario, with its fixes off and its own load."""

    def visit(self, scenario_id: str) -> None:
        """Run a lesson while the program goes on; to `switch` to the program goes back to it."""

    def restart(self) -> str:
        """Run the scenario again from its file, with the same fixes and load.

        Returns an empty string; or one sentence if it cannot be run, and the present run goes on.
        """

    def close(self) -> None:
        """Stop everything."""

    def end_soon(self) -> bool:
        """Ask what runs to end, and let frames go on until `over`; a second time, kill it.

        False: there is nothing to watch, and `close` ends it.
        """

    @property
    def over(self) -> bool:
        """What was asked to end has ended."""


class Session:
    """The present run, and those that are ending."""

    def __init__(
        self,
        target: str | Program,
        options: RunOptions = RunOptions(),
        *,
        on_terminal: bool = False,
    ) -> None:
        """Run a scenario or a program. `on_terminal`: a screen will be on this process's terminal.

        Raises UsageError for an unknown scenario or fix; MachineError if the machine is out of
        room, open files or processes.
        """
        self._options = options
        info = target if isinstance(target, Program) else find(target, options.folders)
        check_fixes(info, options.fixes)
        self._folder = run_folder.new_run_folder()
        try:
            self._guard = Guard(self._folder.path, (INPUT_FD, OUTPUT_FD) if on_terminal else ())
        except OSError as error:
            self._folder.leave()
            raise MachineError("loopviz cannot start its guard process", error) from error
        self.terminal = Terminal(self._guard.send) if on_terminal else None
        self._ending: list[Run] = []
        self._aside: Run | None = None
        """The program's run, which goes on while a lesson is shown."""
        self._count = 0
        self._closed = False
        self.farewells: list[str] = []
        """What is to be said once all has ended: what had to be killed, and what it waited for."""
        self._program = info if isinstance(info, Program) else None
        try:
            self.run = self._start(info, options)
        except BaseException:
            self._guard.close()
            self._folder.leave()
            raise

    def clock(self) -> int:
        """The present of what runs: now, or when a recording ended."""
        return self.run.workers.clock()

    def poll(self) -> None:
        self.run.poll()
        if self._aside is not None:
            self._aside.poll()

    def frame(self, now_ns: int, window_ns: int) -> Frame:
        snapshot = self.run.workers.snapshot(now_ns, window_ns) if window_ns else None
        aside = self._aside.scenario.id if self._aside is not None else ""
        return Frame(self.run.scenario, self.run.status, snapshot, self.run.log.written(), aside)

    def past(self, frozen: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        return self.run.workers.past(frozen, start_ns, end_ns)

    def retain(self, since_ns: int) -> None:
        self.run.workers.retain(since_ns)

    def release(self) -> None:
        self.run.workers.release()

    def ask_stack(self, task: int, loop: int = 0) -> tuple[Location, ...] | None:
        worker = self.run.workers.numbered(loop)
        return worker.ask_stack(task, self.clock()) if worker else None

    def ask_tree(self, loop: int = 0) -> WaitTree | None:
        worker = self.run.workers.numbered(loop)
        return worker.ask_tree(self.clock()) if worker else None

    def ask_path(self, request: RequestInfo) -> CriticalPath | None:
        return self.run.workers.critical_path(request)

    def entries(self) -> tuple[ScenarioInfo, ...]:
        own = () if self._program is None else (self._program,)
        return (*own, *catalogue(self._options.folders))

    def toggle(self, key: str) -> None:
        if not any(fix.key == key and fix.unavailable for fix in self.run.scenario.fixes):
            self.run.workers.toggle(key)

    def baseline(self) -> None:
        self.run.workers.model.mark(self.clock(), "baseline")

    def set_rate(self, factor: float) -> None:
        self.run.set_rate(factor)

    def switch(self, scenario_id: str) -> None:
        own = self._program
        if self._aside is not None and self._aside.scenario.id == scenario_id:
            self._end(self.run)
            self.run, self._aside = self._aside, None
            return
        info = own if own and own.id == scenario_id else find(scenario_id, self._options.folders)
        self._replace(info, self._options_with(fixes=(), rate=1.0))

    def visit(self, scenario_id: str) -> None:
        if self._aside is not None or not isinstance(self.run.scenario, Program):
            self.switch(scenario_id)
            return
        info, program = find(scenario_id, self._options.folders), self.run
        self.run = self._start(info, replace(self._options, fixes=(), rate=1.0, port=0))
        self._aside = program

    def restart(self) -> str:
        status = self.run.status
        if isinstance(self.run.scenario, Program):
            if self.run.scenario.recording:
                return "A recording cannot be started again."
            if status.phase == "ended" and self.run.scenario.pid:
                return f"{self.run.scenario.id} has ended, and only whoever started it can again."
            linecache.checkcache()
            self._replace(self.run.scenario, replace(self._options, rate=status.rate))
            return ""
        try:
            info = find(self.run.scenario.id, self._options.folders)
        except UsageError as error:
            return str(error)
        if info.error and status.phase == "running":
            return f"{info.error} What runs is the file as it was."
        available = {fix.key for fix in info.fixes if not fix.unavailable}
        linecache.checkcache()  # else old source lines are shown
        fixes = tuple(sorted(status.fixes_on & available))
        self._replace(info, self._options_with(fixes=fixes, rate=status.rate))
        return ""

    def _options_with(self, *, fixes: tuple[str, ...], rate: float) -> RunOptions:
        """The command line's, on a free port if that belongs to the program that goes on."""
        port = 0 if self._aside is not None else self._options.port
        return replace(self._options, fixes=fixes, rate=rate, port=port)

    def end_soon(self) -> bool:
        return self.run.end_soon()

    @property
    def over(self) -> bool:
        return not self.run.ending

    def close(self) -> None:
        """Stop everything. Returns when no process or file is left, soon after `CLOSE_S`."""
        if self._closed:
            return
        self._closed = True
        for run in (self.run, self._aside):
            if run is not None:
                self._end(run)
        for run in self._ending:
            run.reap(CLOSE_S)
            self.farewells += [run.farewell] if run.farewell else []
        self._ending.clear()
        self._guard.close()
        self._folder.leave()

    def _start(self, info: ScenarioInfo, options: RunOptions) -> Run:
        self._count += 1
        folder = self._folder.path / str(self._count)
        return _kind_of(info)(info, folder, self._guard, options)

    def _replace(self, info: ScenarioInfo, options: RunOptions) -> None:
        self._end(self.run)
        if options.port or isinstance(info, Program):  # the next run needs the same port
            self.run.reap(CLOSE_S)
            self._ending.remove(self.run)
        while len(self._ending) > 1:  # it has had time enough
            self._ending.pop(0).reap(REPLACED_S)
        self.run = self._start(info, options)

    def _end(self, run: Run) -> None:
        run.quit()
        self._ending.append(run)


def _kind_of(info: ScenarioInfo) -> Callable[..., Run]:
    if not isinstance(info, Program):
        return ScenarioRun
    if not (info.recording or info.pid):
        return ProgramRun
    # the probe comes with these two: other screens open sooner without it
    from loopviz.engine.attached_run import AttachedRun  # noqa: PLC0415
    from loopviz.engine.recorded_run import RecordedRun  # noqa: PLC0415

    return RecordedRun if info.recording else AttachedRun


@contextmanager
def opened(
    target: str | Program, options: RunOptions, *, on_terminal: bool = False
) -> Iterator[Session]:
    """A session, closed at the end. SIGINT waits until it has started."""
    session = None
    try:
        with uninterrupted():
            session = Session(target, options, on_terminal=on_terminal)
        yield session
    finally:
        if session is not None:
            session.close()
