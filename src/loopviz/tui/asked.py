"""What is asked of the run only while a view shows it: await stacks, trees of waits, paths."""

from loopviz.clock import SECOND
from loopviz.engine.session import RunControl
from loopviz.model.snapshot import CriticalPath, Location, RequestInfo, WaitTree

__all__ = ["Asked"]

PATH_NS = SECOND // 2
"""How often the path of an open request is built again."""


class Asked:
    """Keeps each last answer: in a frozen picture nothing is asked."""

    def __init__(self, run: RunControl) -> None:
        self._run = run
        self._stack: tuple[tuple[int, int], tuple[Location, ...] | None] = ((0, 0), None)
        """The loop and the task, and the stack."""
        self._tree: WaitTree | None = None
        """That of the last frame; None if that was without one."""
        self._path: tuple[tuple[int, int, int], CriticalPath | None] = ((0, 0, 0), None)
        """The request and its end, and the path."""

    def stack(self, loop: int, task: int, *, frozen: bool) -> tuple[Location, ...] | None:
        """The await stack of a task; in a frozen picture, the one that was known before."""
        of = loop, task
        known = self._stack[1] if self._stack[0] == of else None
        if not task or frozen:
            return known
        self._stack = of, self._run.ask_stack(task, loop) or known
        return self._stack[1]

    def tree(self, loop: int, *, shown: bool, frozen: bool) -> WaitTree | None:
        """Who waits for whom; in a frozen picture, as it was when that was frozen."""
        if not frozen:
            self._tree = self._run.ask_tree(loop) if shown else None
        return self._tree

    def forget_tree(self) -> None:
        """It was another loop's."""
        self._tree = None

    def path(self, request: RequestInfo | None) -> CriticalPath | None:
        """The critical path of the request whose detail is open."""
        if request is None:
            return None
        end_ns = request.end_ns // PATH_NS if request.open else request.end_ns
        wanted = request.number, request.worker, end_ns
        if self._path[0] != wanted:
            self._path = wanted, self._run.ask_path(request)
        return self._path[1]
