"""`task-outlived-parent`: tasks run on after the task that created them has ended."""

from loopviz.model.findings.case import Verdict
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.task_rule import TaskCase, TaskRule
from loopviz.model.state.entities import DESTROYED, Task
from loopviz.model.state.tasks import OUTLIVED_NS
from loopviz.units import duration_text

__all__ = ["TaskOutlivedParent"]

_TASKS = 3
"""How many tasks: one may be a worker that the first request starts for all."""


class TaskOutlivedParent(TaskRule):
    """One finding for each line that creates such tasks."""

    info = RuleInfo(
        id="task-outlived-parent",
        lesson="failfast",
        title="TASK OUTLIVED ITS PARENT",
        summary="tasks run on after the task that created them",
        why="Nobody awaits such a task: nobody sees how it ends, and it is cut off at shutdown.",
        fires_when=(
            f"{_TASKS} tasks of one user line end {duration_text(OUTLIVED_NS)} or more after the "
            "task that created them, and nobody is told: no task awaits them, and no callback of "
            "theirs is called, but that of a `gather` or `shield`"
        ),
        counts="tasks; for how long",
        false_alarms=(
            "the parent is who called `create_task`, or owns the task group: tasks that the app "
            "only keeps in a list look the same as forgotten ones; so does the inner task of "
            "`shield`. Tasks that never end are missed"
        ),
        tried=(
            "tasks of the lifespan",
            "tasks that end within 5 ms",
            "one task, or two",
            "a `TaskGroup`",
            "tasks kept in a set, with `task.add_done_callback(tasks.discard)`",
        ),
        cures=(
            "create it in an `asyncio.TaskGroup`, which awaits it",
            "keep the task, and await or cancel it at shutdown",
            "hand the work to a queue with workers that the app owns",
        ),
        many="{count} tasks created at {places} more lines outlived the task that created them",
    )

    def task_ended(self, task: Task, at: int) -> None:
        if not task.outlived_ns or task.outcome == DESTROYED or task.noticed:
            return
        if self.is_users(task):
            number = self.context.number(task)
            self.case_of(task).record(task.outlived_ns, at, self.label(task), number)

    def check(self, case: TaskCase) -> Verdict:
        return Verdict.WARN if case.count >= _TASKS else Verdict.RECHECK

    def severe(self, _case: TaskCase) -> bool:
        return False

    def sentence(self, case: TaskCase, _source: str) -> str:
        lasted = duration_text(case.worst_ns)
        return f"{case.label} outlived the task that created it by {lasted}"
