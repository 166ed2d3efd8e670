"""`task-lost`: a pending task is destroyed, since nothing referenced it."""

from loopviz.model.findings.case import Verdict
from loopviz.model.findings.evidence import resource_name
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.task_rule import TaskCase, TaskRule
from loopviz.model.state.entities import DESTROYED, Task

__all__ = ["TaskLost"]


class TaskLost(TaskRule):
    """One finding for each line that creates such tasks."""

    info = RuleInfo(
        id="task-lost",
        lesson="background",
        title="TASK DESTROYED",
        summary="a pending task is destroyed",
        why="The loop keeps only weak references to tasks: one that nobody refers to may vanish.",
        fires_when="a task is destroyed while it is pending, if a user line created it",
        counts="tasks; how long they had waited",
        false_alarms="a task in a reference cycle is reported when the cycle is collected",
        tried=("tasks that a library creates and drops",),
        cures=(
            "keep a reference: `tasks.add(task); task.add_done_callback(tasks.discard)`",
            "create it in an `asyncio.TaskGroup`, which keeps it",
        ),
        many="{count} tasks created at {places} more lines were destroyed while they waited",
    )

    def task_ended(self, task: Task, at: int) -> None:
        if task.outcome != DESTROYED or not self.is_users(task):
            return
        case = self.case_of(task)
        case.record(task.waiting_ns, at, self.label(task), self.context.number(task))
        case.what = ""
        if task.waits:
            case.what = f" for {resource_name(self.context, task.waits[-1].resource.group)}"

    def check(self, case: TaskCase) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def severe(self, _case: TaskCase) -> bool:
        return True

    def sentence(self, case: TaskCase, _source: str) -> str:
        return f"{case.label} was destroyed while it waited{case.what}: nothing referenced it"
