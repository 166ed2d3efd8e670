"""The resources view: what tasks wait for, who holds it, and who waits."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Location, ResourceView
from loopviz.tui.paint.detail import Detail, walled
from loopviz.tui.paint.layout import WIDE
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.table import Table
from loopviz.tui.paint.text import clean
from loopviz.tui.views.resources.detail import paint_resource
from loopviz.tui.views.resources.rows import ORDERS, QUIET, Key, ResourceRow, resource_rows
from loopviz.tui.views.resources.table import COLUMNS, SPARK, paint_title
from loopviz.tui.views.view import View

if TYPE_CHECKING:
    from loopviz.tui.desk import Desk

__all__ = ["ResourcesView"]


class ResourcesView(View):
    """Remembers whether the quiet ones are shown."""

    NAME: ClassVar[str] = "resources"
    ORDERS: ClassVar[Sequence[str]] = tuple(ORDERS)
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((column.title, column.help) for column in COLUMNS if column.title),
        ("FULL", "all units are in use: whoever comes now waits"),
        ("HELD", "a lock that somebody has"),
        ("w2", "of the second worker process"),
        ("quiet", "nobody ever waited for it; enter shows those"),
        ("held by", "tasks that have a unit: for how long, and what they wait for meanwhile"),
    )

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._table = Table(COLUMNS)
        self._quiet_open = False

    def keys(self, scene: Scene) -> Sequence[Key]:
        return [row.key for row in self._rows(scene)]

    def _rows(self, scene: Scene) -> list[ResourceRow]:
        return resource_rows(
            scene,
            order=self._order(scene),
            wanted=scene.look.filters.get(self.NAME, "").lower(),
            quiet_open=self._quiet_open,
            spark=SPARK,
        )

    def _order(self, scene: Scene) -> str:
        return self.ORDERS[scene.look.orders.get(self.NAME, 0) % len(self.ORDERS)]

    def enter(self, desk: "Desk") -> bool:
        if desk.look.row == QUIET:
            self._quiet_open = not self._quiet_open
            return True
        return False

    def where(self, scene: Scene) -> Location | None:
        """Of a crowded one, where its first holder is; else where it was made."""
        view = _chosen(self._rows(scene), scene)
        if view is None:
            return None
        places = [holder.place or holder.location for holder in view.holders]
        crowded = view.waiting.now > 0
        return next((place for place in places if place and crowded), view.location)

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - 1)

    def paint(self, scene: Scene, width: int, height: int) -> list[Strip]:
        rows = self._rows(scene)
        title, below = paint_title(scene, width), height - 1
        if width < WIDE:
            if scene.look.detail and _chosen(rows, scene) is not None:
                return [title, *self._detail(scene, rows, width, below)]
            return [title, *self._paint_table(scene, rows, width, below)]
        side = min(72, max(48, round(width * 0.34)))
        table = self._paint_table(scene, rows, width - side - 1, below)
        return [title, *walled(table, self._detail(scene, rows, side, below), scene)]

    def _paint_table(
        self, scene: Scene, rows: list[ResourceRow], width: int, height: int
    ) -> list[Strip]:
        wanted = clean(scene.look.filters.get(self.NAME, ""))
        empty = "No resource yet: no lock, queue, pool or executor was used."
        if wanted:
            empty = f'No resource has "{wanted}" in it: esc shows all.'
        return self._table.paint(
            [(row.key, row) for row in rows],
            scene,
            width,
            height,
            order=self._order(scene),
            empty=empty,
            marks=lambda key: "*" if key in scene.look.pins else " ",
        )

    @staticmethod
    def _detail(scene: Scene, rows: list[ResourceRow], width: int, height: int) -> list[Strip]:
        view = _chosen(rows, scene)
        if view is None and scene.look.row is None:
            view = next((row.view for row in rows if row.view is not None), None)
        if view is None or scene.snapshot is None:
            detail = Detail(scene, width, height)
            if rows:
                detail.title("quiet ones")
                detail.fact("", "Nobody has ever waited for them: enter shows them.", rows=2)
            return detail.done()
        jobs = next((jobs for jobs in scene.snapshot.jobs if jobs.name == view.name), None)
        return paint_resource(view, jobs, scene, width, height)


def _chosen(rows: Sequence[ResourceRow], scene: Scene) -> ResourceView | None:
    key = scene.look.chosen.get(ResourcesView.NAME)
    return next((row.view for row in rows if row.key == key), None)
