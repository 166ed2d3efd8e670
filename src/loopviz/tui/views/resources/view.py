"""The resources view: what tasks wait for, who holds it, and who waits."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Location, ResourceInfo
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.detail import BESIDE_CELLS, MIN_DETAIL_ROWS, Detail, detail_rows, walled
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Table
from loopviz.tui.state.effects import Effects
from loopviz.tui.state.view_state import ViewState
from loopviz.tui.views.resources.chart import MIN_CHART_ROWS, draw_chart
from loopviz.tui.views.resources.detail import draw_resource
from loopviz.tui.views.resources.rows import ORDERS, QUIET, ResourceKey, ResourceRow, resource_rows
from loopviz.tui.views.resources.table import COLUMNS, SPARKLINE_CELLS, draw_title, fitting_columns
from loopviz.tui.views.view import View

__all__ = ["ResourcesView"]


class ResourcesView(View):
    """Remembers whether the quiet ones are shown."""

    NAME: ClassVar[str] = "resources"
    ORDERS: ClassVar[Sequence[str]] = tuple(ORDERS)
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((column.title, column.help) for column in COLUMNS if column.title),
        ("FULL", "every unit is in use: newcomers wait"),
        ("HELD", "a lock that somebody has"),
        ("w2", "of the second worker process"),
        ("quiet", "nobody ever waited for it; enter shows those"),
        ("held by", "tasks that have a unit: for how long, and what they wait for"),
    )

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._table = Table(COLUMNS)
        self._quiet_open: bool | None = None
        """None: if there is room."""
        self._room = 12

    def keys(self, scene: Scene) -> Sequence[ResourceKey]:
        return [row.key for row in self._rows(scene)]

    def _rows(self, scene: Scene) -> list[ResourceRow]:
        return resource_rows(
            scene,
            order=self._order(scene),
            wanted=scene.view_state.filters.get(self.NAME, "").lower(),
            quiet_open=self._quiet_open,
            room=self._room,
            spark=SPARKLINE_CELLS,
        )

    def _order(self, scene: Scene) -> str:
        return self.ORDERS[scene.view_state.orders.get(self.NAME, 0) % len(self.ORDERS)]

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:
        if state.row != QUIET:
            return None
        rows = self._rows(scene) if scene is not None else []
        self._quiet_open = bool(rows) and rows[-1].key == QUIET
        return ()

    def location(self, scene: Scene) -> Location | None:
        """The line where its first holder is, if tasks wait for it; else the line that made it."""
        view = _chosen(self._rows(scene), scene)
        if view is None:
            return None
        places = [holder.place or holder.location for holder in view.holders]
        crowded = view.waiting.now > 0
        return next((place for place in places if place and crowded), view.location)

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - 1)

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        beside, height = width >= BESIDE_CELLS, height - 1
        self._room = height - 1 if beside else max(height - 1 - MIN_DETAIL_ROWS, 0)
        rows = self._rows(scene)
        title = draw_title(scene, width)
        if beside:
            detail_width = min(72, round(width * 0.38))
            cells = width - detail_width - 1
            view = _shown(rows, scene)
            chart = height - 2 - len(rows) if view is not None else 0
            charted = view is not None and chart >= MIN_CHART_ROWS
            table = self._draw_table(scene, rows, cells, height - chart * charted)
            if view is not None and charted:
                table += draw_chart(view, scene, cells, chart)
            detail = Detail(scene, detail_width, height)
            return [title, *walled(table, self._detail(scene, rows, detail, charted), scene)]
        if scene.view_state.detail and _chosen(rows, scene) is not None:
            return [title, *self._detail(scene, rows, Detail(scene, width, height))]
        under = detail_rows(len(rows) + 1, height) if rows else 0
        table = self._draw_table(scene, rows, width, height - under)
        detail = Detail(scene, width, under, ruled=True)
        return [title, *table, *self._detail(scene, rows, detail)]

    def _draw_table(
        self, scene: Scene, rows: list[ResourceRow], width: int, height: int
    ) -> list[Strip]:
        self._table.columns = fitting_columns(rows)
        wanted = clean(scene.view_state.filters.get(self.NAME, ""))
        empty = "No resource yet: no lock, queue, pool or executor was used."
        if wanted:
            empty = f'No resource has "{wanted}" in it: esc shows all.'
        return self._table.draw(
            [(row.key, row) for row in rows],
            scene,
            width,
            height,
            order=self._order(scene),
            empty=empty,
            marks=lambda key: "*" if key in scene.view_state.pins else " ",
        )

    @staticmethod
    def _detail(
        scene: Scene, rows: list[ResourceRow], detail: Detail, charted: bool = False
    ) -> list[Strip]:
        view = _shown(rows, scene)
        if view is None or scene.snapshot is None:
            if rows:
                detail.title("quiet ones")
                detail.fact("", "Nobody has ever waited for them: enter shows them.", rows=2)
            return detail.done()
        jobs = next((jobs for jobs in scene.snapshot.jobs if jobs.name == view.name), None)
        return draw_resource(view, jobs, detail, charted=charted)


def _shown(rows: Sequence[ResourceRow], scene: Scene) -> ResourceInfo | None:
    """The one that the detail is about: the chosen one, or the first if none is."""
    view = _chosen(rows, scene)
    if view is None and scene.view_state.row is None:
        view = next((row.view for row in rows if row.view is not None), None)
    return view


def _chosen(rows: Sequence[ResourceRow], scene: Scene) -> ResourceInfo | None:
    key = scene.view_state.chosen.get(ResourcesView.NAME)
    return next((row.view for row in rows if row.key == key), None)
