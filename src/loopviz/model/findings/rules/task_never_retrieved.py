"""`task-never-retrieved`: a task raised, and nobody retrieved the exception."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.case import Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.task_rule import TaskCase, TaskRule
from loopviz.model.state.entities import Task

__all__ = ["TaskNeverRetrieved"]

_PATIENCE_NS = 2 * SECOND
_PENDING = 1000
"""How long, and for how many tasks, an exception waits for the task's own records."""


class TaskNeverRetrieved(TaskRule):
    """One finding for each line that creates such tasks."""

    info = RuleInfo(
        id="task-never-retrieved",
        lesson="background",
        title="EXCEPTION NEVER RETRIEVED",
        summary="a task raises, and nobody retrieves it",
        why="The exception of a task that nobody awaits is lost: its work was not done.",
        fires_when=(
            "asyncio says so, which is when the task is collected. A task of which nothing else "
            f"is known is reported after {_PATIENCE_NS // SECOND} s, without a line"
        ),
        counts="tasks",
        false_alarms="exceptions kept in tasks that are never collected are missed",
        tried=("a task that raised and was awaited, gathered, or asked for its exception",),
        cures=(
            "await the task, or use an `asyncio.TaskGroup`",
            "handle the exception inside the task",
            "log it in a callback: `task.add_done_callback(...)`",
        ),
        many="tasks created at {places} more lines raised {count} exceptions that nobody retrieved",
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pending: dict[int, tuple[int, str]] = {}
        """Time and error by task. The aux ring is read first, so they precede the task's start."""

    def never_retrieved(self, number: int, error: str, task: Task | None, at: int) -> None:
        if task is not None:
            self._raised(task, error, at)
        elif len(self._pending) < _PENDING:
            self._pending[number] = at, error

    def task_ended(self, task: Task, at: int) -> None:
        if self._pending and task.number in self._pending:
            at, error = self._pending.pop(task.number)
            self._raised(task, error, at)

    def second_ended(self, now: int, _records: Sequence[NDArray[np.void]]) -> None:
        for number, (at, error) in list(self._pending.items()):
            if now - at > _PATIENCE_NS:
                del self._pending[number]
                self._raised(None, error, at)

    def check(self, case: TaskCase) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def sentence(self, case: TaskCase, _source: str) -> str:
        what = case.what or "an exception"
        return f"{case.label} raised {what}, and nobody retrieved it"

    def _raised(self, task: Task | None, error: str, at: int) -> None:
        case = self.case_of(task)
        case.record(0, at, self.label(task), self.context.number(task))
        case.what = error
