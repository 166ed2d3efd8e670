"""Groups of tasks: those that serve one route, or were created at one line.

In the hot path a step costs two appended integers, which are counted later.
"""

from loopviz.model.state.entities import Task
from loopviz.model.state.task_group import TaskGroup

__all__ = ["TaskGroups"]

_GROUPS = 200
"""How many groups there are; beyond, tasks of new lines and routes share one."""
_FEEDS = 50
"""After how many batches the noted steps are counted at the latest."""


class TaskGroups:
    """All groups; each task is in one."""

    def __init__(self) -> None:
        self.all: list[TaskGroup] = []
        self._by_site: dict[int, TaskGroup] = {}
        self._by_route: dict[str, TaskGroup] = {}
        self._others: TaskGroup | None = None
        self._fed = _FEEDS

    def begin(self, at: int) -> None:
        """Starts all counts anew."""
        for group in self.all:
            group.begin(at)

    def join(self, task: Task, at: int) -> None:
        """Adds a task that starts, or is seen again."""
        group = self._by_site.get(task.site)
        if group is None:
            group = self._by_site[task.site] = self._new(task.site, "")
        self._enter(task, group, at)

    def serves(self, task: Task, route: str) -> None:
        """Moves the task to the route's group."""
        group = self._by_route.get(route)
        if group is None:
            group = self._by_route[route] = self._new(task.site, route)
        old = task.group
        if group is not old:
            old.live -= 1
            old.started -= 1
            old.born_ns -= task.since_ns
            self._enter(task, group, task.since_ns)

    def leave(self, task: Task, at: int) -> None:
        """Removes a task that has ended, or is no longer followed."""
        group = task.group
        group.live -= 1
        group.born_ns -= task.since_ns
        group.lived_ns += at - task.since_ns

    def gap(self) -> None:
        """Events were lost: which tasks live is not known."""
        for group in self.all:
            group.live = group.born_ns = 0

    def gather(self) -> None:
        """Counts the noted steps now and then, so that they do not pile up."""
        self._fed -= 1
        if self._fed <= 0:
            self._fed = _FEEDS
            for group in self.all:
                group.count()

    @staticmethod
    def _enter(task: Task, group: TaskGroup, since: int) -> None:
        task.group = group
        group.live += 1
        group.started += 1
        group.born_ns += since

    def _new(self, site: int, route: str) -> TaskGroup:
        if len(self.all) < _GROUPS:
            group = TaskGroup(len(self.all) + 1, site, route)
            self.all.append(group)
            return group
        if self._others is None:
            self._others = TaskGroup(len(self.all) + 1, 0, "")
            self.all.append(self._others)
        return self._others
