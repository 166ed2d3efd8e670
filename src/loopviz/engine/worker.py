"""One process that serves the app, and what is known of it."""

from collections.abc import Iterable
from pathlib import Path
from socket import socket

from loopviz import run_folder
from loopviz.engine.child import Child, Guard
from loopviz.engine.collector import Collector
from loopviz.errors import WireError
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.model.model import Model
from loopviz.model.snapshot import Location, Snapshot
from loopviz.model.snapshot.merge import of_worker
from loopviz.model.state.stacks import Stacks
from loopviz.probe.install import AUX_RING, LOOP_RING
from loopviz.wire.control import Message, SetFix, StackReply, StackRequest, TargetConfig

__all__ = ["Worker"]


class Worker:
    """A target process with its rings, which are read into a model of its own.

    It serves the app from the moment it says `ready`. `run_folder` is where all workers of a run
    have their temporary files; each has its rings in a folder of its own.
    """

    def __init__(
        self,
        number: int,
        scenario: ScenarioInfo,
        listener: socket,
        guard: Guard,
        *,
        folder: Path,
        run_folder: Path,
        fixes: Iterable[str],
        probe: bool,
        model: Model,
    ) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.number = number
        """1, 2, …; it may have had predecessors with the same number."""
        self.ready = False
        self.unreadable = ""
        """Why its rings cannot be read any more, if they cannot: one sentence."""
        self.folder = folder
        self._child = Child(
            "loopviz.lab.target", folder, guard, keep=[listener.fileno()], tmp=run_folder
        )
        self._child.send(
            TargetConfig(
                id=scenario.id,
                path=scenario.path,
                fixes=tuple(fixes),
                listen_fd=listener.fileno(),
                probe=probe,
            )
        )
        self.use(model)

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def use(self, model: Model) -> None:
        """Read its rings into that model, from their beginning."""
        self.model = model
        self._stacks, self._hanging = Stacks(model.naming), Stacks(model.naming)
        self._collector = Collector(self.folder / LOOP_RING, self.folder / AUX_RING, model)

    def read(self) -> list[Message]:
        """The messages that have come since the last time, but for answers, which are taken."""
        others = []
        for message in self._child.read():
            match message:
                case StackReply(task=task, frames=frames):
                    self._stacks.answered(task, frames)
                    self._hanging.answered(task, frames)
                case _:
                    others.append(message)
        return others

    def drain(self) -> None:
        """Take in what its probe has written since the last time."""
        if self.unreadable:
            return
        try:
            self._collector.drain()
        except WireError as error:
            self.unreadable = str(error)

    def fix(self, key: str, *, on: bool) -> None:
        """Turn a fix on or off."""
        self._child.send(SetFix(key=key, on=on))

    def ask_stack(self, task: int, now_ns: int) -> tuple[Location, ...] | None:
        """See `Controller.ask_stack`. Its control thread answers, its loop blocked or not."""
        if self.ready and self._stacks.due(task, now_ns):
            self._child.send(StackRequest(task=task))
        return self._stacks.last(task)

    def look_closer(self, now_ns: int) -> None:
        """Ask for the await stack that a finding lacks, if one does."""
        task = self.model.rules.wanted
        if not task or not self.ready:
            return
        stack = self._hanging.last(task)
        if stack is not None:
            self.model.rules.stands(task, stack)
            self._hanging = Stacks(self.model.naming)
        elif self._hanging.due(task, now_ns):
            self._child.send(StackRequest(task=task))

    def snapshot(self, now_ns: int, window_ns: int) -> Snapshot | None:
        """Of this worker alone, its resources named after it; None until its first event."""
        if not self.model.seen:
            return None
        return of_worker(self.number, self.model.snapshot(now_ns, window_ns))

    def how_it_ended(self) -> str:
        """As `Child.how_it_ended`; one whose rings cannot be read is of no more use, either."""
        if self.unreadable:
            return f"cannot be watched: {self.unreadable}"
        return self._child.how_it_ended()

    def leave(self) -> None:
        """Ask it to finish the requests that it has accepted, and end."""
        if self.ready:
            self._child.leave()
        else:
            self._child.quit()

    def quit(self) -> None:
        """Ask it to end."""
        self._child.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, kill it if it does not come, take in its last events."""
        self._child.reap(timeout_s)
        self.drain()
        self._collector.close()
        run_folder.remove(self.folder)
