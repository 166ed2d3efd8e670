"""A worker: one watched loop, with its rings and its model."""

from pathlib import Path
from typing import Protocol

from loopviz import run_folder
from loopviz.clock import MS, Clock, monotonic_ns
from loopviz.engine.collector import Collector
from loopviz.errors import WireError
from loopviz.model.model import Model
from loopviz.model.snapshot import Location, Snapshot, WaitTree
from loopviz.model.snapshot.merge import label_worker
from loopviz.model.state.stacks import Stacks
from loopviz.wire.blocker import Blocker
from loopviz.wire.control import (
    AwaitsReply,
    AwaitsRequest,
    BlockersReply,
    BlockersRequest,
    Message,
    SetFix,
    StackReply,
    StackRequest,
)
from loopviz.wire.ring import AUX_RING, LOOP_RING

__all__ = ["Worker", "WorkerChannel"]

AWAITS_NS = 500 * MS
"""How often a target is asked at most which tasks others await."""
BLOCKERS_NS = 250 * MS
"""How often a target is asked at most what its start or its end waits for."""
ASKED_NS = 500 * MS
"""How long the tree of waits is kept up to date after it was last asked for."""
TREE_NS = 1000 * MS
"""After how long the tree of waits is built again, if the target has not answered."""


class WorkerChannel(Protocol):
    """How a worker is talked to, and how its end is known."""

    @property
    def pid(self) -> int:
        """Of its process."""

    def send(self, message: Message) -> None:
        """Send a message; it is dropped if nobody reads it."""

    def read(self) -> list[Message]:
        """The messages received since the last call. Does not block."""

    def how_it_ended(self) -> str:
        """How, as the end of a sentence; empty while it lives."""

    def leave(self) -> None:
        """Ask it to end once it has served the requests that it has accepted."""

    def quit(self) -> None:
        """Ask it to end."""

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, and make sure of it after the timeout."""


class Worker:
    """A loop whose rings are read into a model of its own.

    A scenario's worker is a target process, a program's one of the loops that it runs. It is
    `ready` once it serves, or runs. All of a run's rings lie in folders of their own.
    """

    def __init__(
        self,
        number: int,
        channel: WorkerChannel,
        folder: Path,
        model: Model,
        *,
        clock: Clock = monotonic_ns,
        ours: bool = True,
    ) -> None:
        """`ours`: the folder is loopviz's own, and goes with it; else somebody keeps it."""
        self.number = number
        """1, 2, …; an earlier worker may have had the same number."""
        self.ready = False
        self.unreadable = ""
        """One sentence if its rings can no longer be read; else empty."""
        self.folder = folder
        self._channel, self._clock, self._ours = channel, clock, ours
        self._blockers: tuple[Blocker, ...] = ()
        self._blockers_due_ns = 0
        self.use(model)

    @property
    def pid(self) -> int:
        return self._channel.pid

    def use(self, model: Model) -> None:
        """Read its rings into `model`, from their beginning."""
        self.model = model
        self._awaits_due_ns = self._tree_asked_ns = 0
        self._tree: WaitTree | None = None
        self._stacks, self._hanging = Stacks(model.naming), Stacks(model.naming)
        rings = self.folder / LOOP_RING, self.folder / AUX_RING
        self._collector = Collector(*rings, model, clock=self._clock, late=not self._ours)

    def read(self) -> list[Message]:
        """The messages received since the last call, without the stacks, which are handled here."""
        others = []
        for message in self._channel.read():
            match message:
                case StackReply(task=task, frames=frames):
                    self._stacks.answered(task, frames)
                    self._hanging.answered(task, frames)
                case AwaitsReply(at_ns=at_ns, tasks=tasks):
                    self.model.rules.add_awaits(tasks, at_ns)
                case BlockersReply(blockers=blockers):
                    self._blockers = blockers
                case _:
                    others.append(message)
        return others

    def drain(self) -> None:
        """Read what its probe has written since the last call."""
        if self.unreadable:
            return
        try:
            self._collector.drain()
        except WireError as error:
            self.unreadable = str(error)

    def fix(self, key: str, *, on: bool) -> None:
        """Turn a fix on or off."""
        self._channel.send(SetFix(key=key, on=on))

    def ask_stack(self, task: int, now_ns: int) -> tuple[Location, ...] | None:
        """See `RunControl.ask_stack`. The control thread answers, so the loop may be blocked."""
        if self.ready and self._stacks.due(task, now_ns):
            self._channel.send(StackRequest(task=task))
        return self._stacks.last(task)

    def ask_blockers(self, now_ns: int) -> tuple[Blocker, ...]:
        """What the start or the end of its program waits for, as last received."""
        if self.ready and now_ns >= self._blockers_due_ns:
            self._blockers_due_ns = now_ns + BLOCKERS_NS
            self._channel.send(BlockersRequest())
        return self._blockers

    def ask_tree(self, now_ns: int) -> WaitTree | None:
        """See `RunControl.ask_tree`."""
        if not self.model.seen:
            return None
        self._tree_asked_ns = now_ns
        if self._tree is None:
            self._refresh_tree(now_ns)
        return self._tree

    def _refresh_tree(self, now_ns: int) -> None:
        """Build the tree again at once when the target has answered, before its tasks go on."""
        tree, read_ns = self._tree, self.model.rules.awaits[1]
        if tree is None or tree.read_ns != read_ns or now_ns - tree.at_ns > TREE_NS:
            self._tree = self.model.wait_tree(now_ns)

    def request_missing(self, now_ns: int) -> None:
        """Request what findings lack: which tasks some await, and the await stack of one.

        And what the tree lacks, while it is on the screen.
        """
        if now_ns - self._tree_asked_ns > ASKED_NS:
            self._tree = None
        else:
            self._refresh_tree(now_ns)
        tasks, tree = self.model.rules.wanted_awaits, self._tree is not None
        if (tasks or tree) and self.ready and now_ns >= self._awaits_due_ns:
            self._awaits_due_ns = now_ns + AWAITS_NS
            self._channel.send(AwaitsRequest(tasks=tasks, others=tree))
        task = self.model.rules.wanted
        if not task or not self.ready:
            return
        stack = self._hanging.last(task)
        if stack is not None:
            self.model.rules.add_stack(task, stack)
            self._hanging = Stacks(self.model.naming)
        elif self._hanging.due(task, now_ns):
            self._channel.send(StackRequest(task=task))

    def snapshot(self, now_ns: int, window_ns: int) -> Snapshot | None:
        """The snapshot of this worker, its resources named after it; None before any event."""
        if not self.model.seen:
            return None
        return label_worker(self.number, self.model.snapshot(now_ns, window_ns))

    def how_it_ended(self) -> str:
        """See `WorkerChannel.how_it_ended`. A worker whose rings cannot be read counts as ended."""
        if self.unreadable:
            return f"cannot be watched: {self.unreadable}"
        return self._channel.how_it_ended()

    def leave(self) -> None:
        """Ask it to end once it has served the requests that it has accepted."""
        if self.ready:
            self._channel.leave()
        else:
            self._channel.quit()

    def quit(self) -> None:
        """Ask it to end."""
        self._channel.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, kill it after the timeout, and read its last events."""
        self._channel.reap(timeout_s)
        self.drain()
        self._collector.close()
        if self._ours:
            run_folder.remove(self.folder)
