"""How tasks end: unseen, later than who made them, or not at all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND
from loopviz.model.findings.evidence import named, took
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.names import Site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import DESTROYED, Task

__all__ = ["TaskLost", "TaskNeverRetrieved", "TaskOutlivedParent"]

_OUTLIVED_NS = 5 * MS
"""Ending just after who made it is no trouble: that is how `asyncio.run` cancels what is left."""
_OUTLIVED = 3
"""So often: once it may be a worker that the first request starts for all."""
_PATIENCE_NS = 2 * SECOND
_PENDING = 1000
"""So long, and of so many tasks, the end is waited for after the word of their exceptions."""


class _Made(Case):
    """Tasks that were made at one line."""

    site: Site | None = None
    what = ""
    """The exception; what it waited for."""


class _Lives(Rule[_Made]):
    """Its cases are lines that make tasks."""

    make_case = _Made

    def location(self, case: _Made) -> Location | None:
        return self.context.where(case.site)

    def _who(self, task: "Task | None") -> str:
        """To begin a sentence with."""
        label = self.context.label(task)
        return "A task" if label == "a task" else label

    def _made(self, task: "Task | None") -> _Made:
        site = self.context.trace.site(task.site) if task is not None else None
        case = self.case(site or "")
        case.site = site
        return case


class TaskNeverRetrieved(_Lives):
    """`task-never-retrieved`: a task raised, and nobody ever retrieved the exception."""

    rule = "task-never-retrieved"
    title = "EXCEPTION NEVER SEEN"
    many = "tasks made at {places} more lines raised {count} exceptions that nobody retrieved"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pending: dict[int, tuple[int, str]] = {}
        """Told in the aux ring, and so before the task's start or end: when, and what."""

    def never_retrieved(self, number: int, error: str, task: "Task | None", at: int) -> None:
        if task is not None:
            self._raised(task, error, at)
        elif len(self._pending) < _PENDING:
            self._pending[number] = at, error

    def task_ended(self, task: "Task", at: int) -> None:
        if self._pending and task.number in self._pending:
            at, error = self._pending.pop(task.number)
            self._raised(task, error, at)

    def look(self, now: int, _records: Sequence[NDArray[np.void]]) -> None:
        for number, (at, error) in list(self._pending.items()):
            if now - at > _PATIENCE_NS:
                del self._pending[number]
                self._raised(None, error, at)

    def check(self, case: _Made) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def sentence(self, case: _Made, _source: str) -> str:
        what = case.what or "an exception"
        return f"{case.label} raised {what}, and nobody ever retrieved it"

    def _raised(self, task: "Task | None", error: str, at: int) -> None:
        case = self._made(task)
        case.note(0, at, self._who(task), self.context.number(task))
        case.what = error


class TaskOutlivedParent(_Lives):
    """`task-outlived-parent`: tasks go on after the task that made them has ended."""

    rule = "task-outlived-parent"
    title = "TASK OUTLIVED ITS PARENT"
    many = "{count} tasks made at {places} more lines outlived the task that made them"

    def task_ended(self, task: "Task", at: int) -> None:
        if task.outlived_ns < _OUTLIVED_NS or task.outcome == DESTROYED:
            return
        if self.context.where(self.context.trace.site(task.site)) is not None:
            number = self.context.number(task)
            self._made(task).note(task.outlived_ns, at, self._who(task), number)

    def check(self, case: _Made) -> Verdict:
        return Verdict.WARN if case.count >= _OUTLIVED else Verdict.RECHECK

    def severe(self, _case: _Made) -> bool:
        return False

    def sentence(self, case: _Made, _source: str) -> str:
        return f"{case.label} went on for {took(case.worst_ns)} after the task that made it"


class TaskLost(_Lives):
    """`task-lost`: a task was destroyed while it was pending, since nothing referenced it."""

    rule = "task-lost"
    title = "TASK LOST"
    many = "{count} tasks made at {places} more lines were destroyed while they waited"

    def task_ended(self, task: "Task", at: int) -> None:
        if task.outcome != DESTROYED:
            return
        if self.context.where(self.context.trace.site(task.site)) is not None:
            case = self._made(task)
            case.note(task.waiting_ns, at, self._who(task), self.context.number(task))
            case.what = ""
            if task.waits:
                case.what = f" for {named(self.context, task.waits[-1].resource.row)}"

    def check(self, case: _Made) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def severe(self, _case: _Made) -> bool:
        return True

    def sentence(self, case: _Made, _source: str) -> str:
        return f"{case.label} was destroyed while it waited{case.what}: nothing referenced it"
