"""The base of the rules about tasks: their cases are lines that create tasks."""

from collections.abc import Iterable

from loopviz.model.findings.case import Case, Subject
from loopviz.model.findings.evidence import made_at
from loopviz.model.findings.rule import Rule
from loopviz.model.names import Site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task

__all__ = ["TaskCase", "TaskRule"]


class TaskCase(Case):
    """The tasks that were created at one line."""

    site: Site | None = None
    what = ""
    """What a task raised, or waited for."""


class TaskRule(Rule[TaskCase]):
    """One finding for each line that creates tasks."""

    make_case = TaskCase

    def location(self, case: TaskCase) -> Location | None:
        return self.context.where(case.site)

    def about(self, case: TaskCase) -> Iterable[Subject]:
        """How its tasks ended, if a rule about what they did or held tells it."""
        return made_at(self.location(case))

    def label(self, task: Task | None) -> str:
        """The task's name, at the beginning of a sentence."""
        label = self.context.label(task)
        return "A task" if label == "a task" else label

    def is_users(self, task: Task) -> bool:
        """Whether a line of the user's code created the task."""
        return self.context.where(self.context.trace.site(task.site)) is not None

    def case_of(self, task: Task | None) -> TaskCase:
        """The case of the line that created the task."""
        site = self.context.trace.site(task.site) if task is not None else None
        case = self.case(site or "")
        case.site = site
        return case
