"""The tasks of a scene, with the short names of resources."""

from collections import Counter
from dataclasses import replace

from loopviz.model.snapshot import Snapshot, TaskInfo, TaskTable
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.scene import Scene

__all__ = ["tasks_of"]


def tasks_of(scene: Scene) -> TaskTable:
    """The task table with short names, and with counts as new as the list if that has all tasks."""
    return _with_short_names(scene.snapshot, scene) if scene.snapshot is not None else TaskTable()


def _with_short_names(snapshot: Snapshot, scene: Scene) -> TaskTable:
    names = {found.name: short_name(found, scene) for found in snapshot.resources}

    def renamed(task: TaskInfo) -> TaskInfo:
        if not task.waits_for and not task.holds:
            return task
        return replace(
            task,
            waits_for=names.get(task.waits_for, task.waits_for),
            holds=tuple(names.get(name, name) for name in task.holds),
        )

    tasks, groups = snapshot.tasks, snapshot.tasks.groups
    if len(tasks.tasks) >= tasks.live:  # all are listed: theirs is the newest count
        live = Counter(task.group for task in tasks.tasks)
        groups = tuple(replace(group, live=live[group.number]) for group in groups)
    return replace(
        tasks,
        groups=groups,
        tasks=tuple(map(renamed, tasks.tasks)),
        troubled=tuple(map(renamed, tasks.troubled)),
    )
