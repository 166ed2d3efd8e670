"""The tasks view: groups of tasks that unfold, and all about the chosen one."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import GroupView, Location, Snapshot, TaskView
from loopviz.model.snapshot import TasksView as Tasks
from loopviz.tui.look import LIVE, Look
from loopviz.tui.paint.detail import Detail, walled
from loopviz.tui.paint.gauges import short_name
from loopviz.tui.paint.layout import WIDE
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.table import Table
from loopviz.tui.paint.task_words import as_of
from loopviz.tui.source import source_around
from loopviz.tui.views.tasks.detail import is_library, paint_group, paint_task
from loopviz.tui.views.tasks.rows import ORDERS, TROUBLE, Key, TaskRow, task_rows
from loopviz.tui.views.tasks.table import COLUMNS, WIDE_TABLE, paint_title
from loopviz.tui.views.view import View

if TYPE_CHECKING:
    from loopviz.tui.desk import Desk

__all__ = ["TasksView"]

FEW, MANY = 5, 20
"""A group of so few tasks is open by itself, until there are that many."""


class TasksView(View):
    """Remembers which groups are open, and the chosen task once it has ended."""

    NAME: ClassVar[str] = "tasks"
    ORDERS: ClassVar[Sequence[str]] = tuple(ORDERS)
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((column.title, column.help) for column in COLUMNS[True]),
        ("queues", "it waits for a resource that others have: a lock, a pool, a semaphore"),
        ("idle", "it waits to take something out of a queue that is empty"),
        ("thread", "a worker thread or process does something for it"),
        ("BLOCKING", "its step holds the loop for more than 20 ms now"),
        ("IN TROUBLE", "the last that were lost, outlived their parent, or raised unheard"),
        ("raised", "nobody ever retrieved its exception"),
        ("lost", "destroyed while it waited: nothing referred to it"),
        ("outlived", "it went on after the task that made it had ended"),
    )

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._table = Table(COLUMNS[False])
        self._flipped: dict[Hashable, bool] = {}
        self._few: dict[int, bool] = {}
        self._chosen: TaskView | None = None
        self._wide = False
        self._room = (24, 40)

    # ---- rows

    def keys(self, scene: Scene) -> Sequence[Key]:
        return [row.key for row in self._rows(scene)]

    def _rows(self, scene: Scene) -> list[TaskRow]:
        view = _tasks(scene)
        self._remember(view, scene)
        return task_rows(
            view,
            as_of(view, scene.end_ns),
            scene.glyphs,
            order=self.ORDERS[scene.look.orders.get(self.NAME, 0) % len(self.ORDERS)],
            wanted=scene.look.filters.get(self.NAME, "").lower(),
            is_open=self._is_open,
            trouble_open=self._flipped.get(TROUBLE, False),
            pins=scene.look.pins,
            kept=self._chosen,
            room=self._room,
        )

    def _is_open(self, group: GroupView) -> bool:
        """As the person wants it; else if it has few tasks that stay."""
        few = self._few.get(group.number, False)
        few = not group.route and group.live <= (MANY if few else FEW)
        self._few[group.number] = few
        return self._flipped.get(("group", group.number), few)

    def _remember(self, view: Tasks, scene: Scene) -> None:
        """The chosen task is shown as it was last, even if it has ended since."""
        number = self.asks(scene.look)
        found = next((t for t in (*view.tasks, *view.troubled) if t.number == number), None)
        if found is not None:
            self._chosen = found
        elif self._chosen is not None and self._chosen.number != number:
            self._chosen = None
        elif self._chosen is not None and not self._chosen.outcome:
            self._chosen = replace(self._chosen, state=None, holds=())

    def asks(self, look: Look) -> int:
        row = look.chosen.get(self.NAME)
        return row[1] if isinstance(row, tuple) and row[0] == "task" else 0

    # ---- what keys do

    def enter(self, desk: "Desk") -> bool:
        scene, row = desk.scene, desk.look.row
        if scene is None or not isinstance(row, tuple):
            return False
        if row[0] == "group":
            view = _tasks(scene)
            group = next((g for g in view.groups if g.number == row[1]), None)
            if group is None or not any(task.group == row[1] for task in view.tasks):
                return False  # there is nothing to unfold
            self._flipped[row] = not self._is_open(group)
            return True
        if row == TROUBLE:
            self._flipped[row] = not self._flipped.get(row, False)
            return True
        task = self._chosen
        if task is None or not task.request or not (self._wide or desk.look.detail):
            return False
        if desk.freeze():
            look = replace(desk.look, view=LIVE, detail=False)
            desk.look = look.choose(task.request)
        return True

    def where(self, scene: Scene) -> Location | None:
        row = scene.look.row
        if not isinstance(row, tuple):
            return None
        if row[0] == "group":
            return next((g.site for g in _tasks(scene).groups if g.number == row[1]), None)
        own = [frame for frame in scene.stack or () if not is_library(frame)]
        if own:
            return own[-1]
        return (self._chosen.place or self._chosen.site) if self._chosen else None

    # ---- painting

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - 1)

    def paint(self, scene: Scene, width: int, height: int) -> list[Strip]:
        self._wide = width >= WIDE
        side = min(72, max(50, round(width * 0.38))) if self._wide else -1
        cells = width - side - 1
        self._table.columns = COLUMNS[cells >= WIDE_TABLE]
        sizes = {column.title: size for column, size in self._table.fitting(cells - 2)}
        self._room = sizes["task"], sizes["waits on"]
        rows = self._rows(scene)
        title = paint_title(_tasks(scene), scene, width)
        below = height - 1
        if not self._wide:
            if scene.look.detail and scene.look.row is not None:
                return [title, *self._detail(scene, rows, width, below)]
            return [title, *self._paint_table(scene, rows, width, below)]
        table = self._paint_table(scene, rows, cells, below)
        return [title, *walled(table, self._detail(scene, rows, side, below), scene)]

    def _paint_table(
        self, scene: Scene, rows: list[TaskRow], width: int, height: int
    ) -> list[Strip]:
        wanted = scene.look.filters.get(self.NAME, "")
        empty = f'No task has "{wanted}" in it: esc shows all.' if wanted else "No tasks yet."
        return self._table.paint(
            [(row.key, row) for row in rows],
            scene,
            width,
            height,
            order=self.ORDERS[scene.look.orders.get(self.NAME, 0) % len(self.ORDERS)],
            empty=empty,
            marks=lambda key: "*" if key in scene.look.pins else " ",
        )

    def _detail(self, scene: Scene, rows: list[TaskRow], width: int, height: int) -> list[Strip]:
        view = _tasks(scene)
        groups = {group.number: group for group in view.groups}
        row = scene.look.row
        if self._chosen is not None:
            task = self._chosen
            return paint_task(
                task, groups.get(task.group), view, scene, width, height, source_around
            )
        if row == TROUBLE:
            return self._help(scene, width, height)
        if not isinstance(row, tuple) or row[1] not in groups:
            row = next((each.key for each in rows if each.key[0] == "group"), None)
        if row is None:
            return Detail(scene, width, height).done()
        return paint_group(groups[row[1]], view, scene, width, height)

    @staticmethod
    def _help(scene: Scene, width: int, height: int) -> list[Strip]:
        detail = Detail(scene, width, height)
        detail.title("tasks in trouble", style=scene.looks.alarm)
        for title, text in (
            ("raised", "with an exception that nobody ever retrieved: await the task"),
            ("lost", "destroyed while it waited: keep a reference to it"),
            ("outlived", "went on after the task that made it: use a TaskGroup"),
        ):
            detail.fact(title, text, rows=2)
        return detail.done()


def _tasks(scene: Scene) -> Tasks:
    """The tasks, with the resources called as everywhere on the screen."""
    return _called(scene.snapshot, scene) if scene.snapshot is not None else Tasks()


def _called(snapshot: Snapshot, scene: Scene) -> Tasks:
    names = {found.name: short_name(found, scene) for found in snapshot.resources}

    def renamed(task: TaskView) -> TaskView:
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
