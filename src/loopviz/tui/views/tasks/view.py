"""The tasks view: groups of tasks that expand, and all about the chosen one."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Location, TaskInfo
from loopviz.model.snapshot import TaskTable as Tasks
from loopviz.tui.panels.detail import BESIDE_CELLS, TALL_ROWS, Detail, detail_rows, walled
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import MARGIN_CELLS, Table
from loopviz.tui.panels.task_words import as_of
from loopviz.tui.source import source_around
from loopviz.tui.state.effects import Change, Effects, Freeze
from loopviz.tui.state.view_state import LIVE, ViewState
from loopviz.tui.views.tasks.detail import draw_group, draw_server, draw_task, draw_trouble
from loopviz.tui.views.tasks.expansion import Expansion
from loopviz.tui.views.tasks.groups import line_of
from loopviz.tui.views.tasks.names import tasks_of
from loopviz.tui.views.tasks.row import SERVER, TROUBLE, TaskKey, TaskRow
from loopviz.tui.views.tasks.rows import ORDERS, task_rows
from loopviz.tui.views.tasks.stack import is_library
from loopviz.tui.views.tasks.table import COLUMNS, columns_for, draw_title
from loopviz.tui.views.tasks.tree import TREE_COLUMNS, TreePanel, draw_tree_title
from loopviz.tui.views.view import View

__all__ = ["TasksView"]


class TasksView(View):
    """Remembers which groups are open, and the chosen task once it has ended."""

    NAME: ClassVar[str] = "tasks"
    ORDERS: ClassVar[Sequence[str]] = tuple(ORDERS)
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((column.title, column.help) for column in COLUMNS),
        ("queues", "it waits for a resource that others have: a lock, a pool, a semaphore"),
        ("idle", "it waits to take something out of a queue that is empty"),
        ("thread", "a worker thread or process does something for it"),
        ("BLOCKING", "its step blocks the loop for more than 20 ms now"),
        ("IN TROUBLE", "the last that were lost, outlived their parent, or raised unheard"),
        ("raised", "nobody ever retrieved its exception"),
        ("server", "the tasks that the server runs for itself; enter shows them"),
        ("lost", "destroyed while it waited: nothing referred to it"),
        ("outlived", "it went on after the task that made it had ended"),
        *((f"tree: {column.title}", column.help) for column in TREE_COLUMNS),
        ("tree: ×5", "five tasks that do the same, with the same below them"),
        ("tree: ↺", "it stands above in the same branch: it waits for itself in the end"),
        ("tree: see above", "it stands above, with all that is below it"),
    )

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._table, self._tree = Table(COLUMNS), TreePanel()
        self._expansion = Expansion()
        self._chosen: TaskInfo | None = None
        self._wide = self._drew_tree = False
        self._room = (24, 40)

    # ---- rows

    def orders(self, state: ViewState) -> Sequence[str]:
        return () if state.tree else self.ORDERS

    def shows_tree(self, state: ViewState) -> bool:
        return state.tree

    def keys(self, scene: Scene) -> Sequence[TaskKey]:
        if scene.view_state.tree:
            return [row.node.key for row in self._tree_rows(scene)]
        return [row.key for row in self._rows(scene)]

    def _tree_rows(self, scene: Scene) -> Sequence[Any]:
        return self._tree.rows(scene, server_open=self._expansion.server_open)

    def _rows(self, scene: Scene) -> list[TaskRow]:
        view = tasks_of(scene)
        self._remember(view, scene)
        self._expansion.update(view)
        return task_rows(
            view,
            as_of(view, scene.end_ns),
            scene.glyphs,
            order=self.ORDERS[scene.view_state.orders.get(self.NAME, 0) % len(self.ORDERS)],
            wanted=scene.view_state.filters.get(self.NAME, "").lower(),
            is_open=self._expansion.is_open,
            filling=self._expansion.filling,
            most=self._expansion.max_rows,
            trouble_open=self._expansion.trouble_open,
            server_open=self._expansion.server_open,
            pins=scene.view_state.pins,
            kept=self._chosen,
            room=self._room,
        )

    def _remember(self, view: Tasks, scene: Scene) -> None:
        """The chosen task is shown as it was last, even if it has ended since."""
        number = self.stack_task(scene.view_state)
        found = next((t for t in (*view.tasks, *view.troubled) if t.number == number), None)
        if found is not None:
            self._chosen = found
        elif self._chosen is not None and self._chosen.number != number:
            self._chosen = None
        elif self._chosen is not None and not self._chosen.outcome:
            self._chosen = replace(self._chosen, state=None, holds=())

    def stack_task(self, state: ViewState) -> int:
        row = state.chosen.get(self.NAME)
        if state.tree and (node := self._tree.node(row)) is not None:
            return node.task
        return row[1] if isinstance(row, tuple) and row[0] == "task" else 0

    # ---- what keys do

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:
        row = state.row
        if scene is None or not isinstance(row, tuple):
            return None
        if row[0] == "fold":
            opened = self._tree.unfold(row, open_=not self._tree.is_open(row))
            return () if opened else None
        if row[0] == "again":
            node = self._tree.node(row)
            key = ("task", node.task) if node is not None else None
            return (Change(lambda now: now.choose(key)),) if self._tree.node(key) else None
        if row[0] == "group":
            view = tasks_of(scene)
            group = next((g for g in view.groups if g.number == row[1]), None)
            if group is None or not any(task.group == row[1] for task in view.tasks):
                return None  # there is nothing to expand
            self._expansion.toggle(group)
            return ()
        if row[0] == "more":
            group_row = ("group", row[1])
            self._expansion.open(row[1])
            return (Change(lambda now: now.choose(group_row)),)
        if row == TROUBLE:
            self._expansion.trouble_open = not self._expansion.trouble_open
            return ()
        if row == SERVER:
            self._expansion.server_open = not self._expansion.server_open
            return ()
        task = self._chosen
        if task is None or not task.request or not (self._wide or state.detail):
            return None
        request = task.request
        return (
            Freeze(),
            Change(lambda now: replace(now, view=LIVE, detail=False).choose(request)),
        )

    def unfold(self, scene: Scene | None, state: ViewState, *, open_: bool) -> Effects:
        """In the tree: open or close the row; from a closed one, back goes to the row above it."""
        row = state.row
        if scene is None or not state.tree:
            return None
        if not self._tree.unfold(row, open_=open_) and not open_:
            above = self._tree.above(row)
            return (Change(lambda now: now.choose(above or row)),)
        return ()

    def location(self, scene: Scene) -> Location | None:
        row = scene.view_state.row
        if not isinstance(row, tuple):
            return None
        if scene.view_state.tree and (line := self._tree.location(row)) is not None:
            return line
        if row[0] in ("group", "more"):
            view = tasks_of(scene)
            return next((line_of(g, view) for g in view.groups if g.number == row[1]), None)
        task = self._chosen
        places = [*([task.site, task.place] if task else ()), *(scene.stack or ())]
        own = [place for place in places if place is not None and not is_library(place)]
        return own[-1] if own else None

    # ---- drawing

    def row_at(self, y: int) -> Hashable | None:
        if self._drew_tree:
            return self._tree.row_at(y - 1)
        return self._table.row_at(y - 1)

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        height -= 1
        self._wide = width >= BESIDE_CELLS
        detail_width = min(72, round(width * 0.38)) if self._wide else -1
        cells = width - detail_width - 1
        most = height - 1 if self._wide else height * 3 // 5 - 1
        self._expansion.max_rows = most if height >= TALL_ROWS else 0
        self._table.columns = columns_for(cells)
        sizes = {column.title: size for column, size in self._table.fitting(cells - MARGIN_CELLS)}
        self._room = sizes["task"], sizes["waits on"]
        rows: Sequence[Any] = self._rows(scene)
        title = draw_title(tasks_of(scene), scene, width)
        self._drew_tree = scene.view_state.tree
        if self._drew_tree:
            rows = self._tree_rows(scene)
            title = draw_tree_title(scene, width)
        if self._wide:
            table = self._draw_table(scene, rows, cells, height)
            detail = self._detail(rows, Detail(scene, detail_width, height))
            return [title, *walled(table, detail, scene)]
        if scene.view_state.detail and scene.view_state.row is not None:
            return [title, *self._detail(rows, Detail(scene, width, height))]
        under = detail_rows(len(rows) + 1, height) if rows else 0
        table = self._draw_table(scene, rows, width, height - under)
        return [title, *table, *self._detail(rows, Detail(scene, width, under, ruled=True))]

    def _draw_table(
        self, scene: Scene, rows: Sequence[Any], width: int, height: int
    ) -> list[Strip]:
        if scene.view_state.tree:
            return self._tree.draw(rows, scene, width, height)
        wanted = scene.view_state.filters.get(self.NAME, "")
        empty = f'No task has "{wanted}" in it: esc shows all.' if wanted else "No tasks yet."
        return self._table.draw(
            [(row.key, row) for row in rows],
            scene,
            width,
            height,
            order=self.ORDERS[scene.view_state.orders.get(self.NAME, 0) % len(self.ORDERS)],
            empty=empty,
            marks=lambda key: "*" if key in scene.view_state.pins else " ",
        )

    def _detail(self, rows: Sequence[Any], detail: Detail) -> list[Strip]:
        """About the chosen task or group; of the first group if none is."""
        scene = detail.scene
        view = tasks_of(scene)
        if scene.view_state.tree:
            return self._tree_detail(view, detail)
        groups = {group.number: group for group in view.groups}
        row = scene.view_state.row
        if self._chosen is not None:
            task = self._chosen
            return draw_task(task, groups.get(task.group), view, detail, source_around)
        if row == TROUBLE:
            return draw_trouble(detail)
        if row == SERVER:
            return draw_server(detail)
        if not isinstance(row, tuple) or row[1] not in groups:
            row = next((each.key for each in rows if each.key[0] == "group"), None)
        if row is None:
            return detail.done()
        return draw_group(groups[row[1]], view, detail, source_around)

    def _tree_detail(self, view: Tasks, detail: Detail) -> list[Strip]:
        """About the chosen node of the tree: of several tasks, the one that waits longest."""
        row = detail.scene.view_state.row
        if row == SERVER:
            return draw_server(detail)
        if self._chosen is None:
            self._tree.draw_alone(row, detail)
            return detail.done()
        group = next((g for g in view.groups if g.number == self._chosen.group), None)
        waits = partial(self._tree.draw_fact, row)
        return draw_task(self._chosen, group, view, detail, source_around, waits)
