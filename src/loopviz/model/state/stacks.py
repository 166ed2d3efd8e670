"""The await stack of the task on the screen: when to ask for it, and the last answer."""

from collections.abc import Iterable

from loopviz.clock import MS, SECOND
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location

__all__ = ["Stacks"]

ASK_NS, PATIENCE_NS = 250 * MS, 2 * SECOND
"""How often to ask at most, and how long to wait for an answer."""


class Stacks:
    """The await stack of one task at a time."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._task = self._asked_ns = 0
        self._waits = False
        self._frames: tuple[Location, ...] | None = None

    def due(self, task: int, now_ns: int) -> bool:
        """Whether to ask for that task now."""
        if task != self._task:
            self._task, self._frames, self._waits = task, None, False
        if now_ns - self._asked_ns < (PATIENCE_NS if self._waits else ASK_NS):
            return False
        self._asked_ns, self._waits = now_ns, True
        return True

    def answered(self, task: int, frames: Iterable[str] | None) -> None:
        """Takes an answer, see `wire.control.StackReply`."""
        if task == self._task:
            self._waits = False
            self._frames = tuple(self._naming.location(text) for text in frames or ())

    def last(self, task: int) -> tuple[Location, ...] | None:
        """The last stack, outermost first; None: no answer yet; empty: ended, or not seen."""
        return self._frames if task == self._task else None
