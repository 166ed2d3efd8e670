"""The live picture below the source: the requests as they are now, on an axis of their own."""

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.axis import draw_axis
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.legend import draw_legend
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.live.lanes import LanePanel

__all__ = ["MIN_PICTURE_CELLS", "MIN_PICTURE_ROWS", "LivePicture"]

MIN_PICTURE_ROWS, MIN_PICTURE_CELLS = 9, 64
"""The room that it takes at least."""
LABEL_CELLS, MARGIN_CELLS = 16, 8
WINDOW_NS = 5 * SECOND


class LivePicture:
    """Remembers which lane has which row."""

    def __init__(self) -> None:
        self._lanes = LanePanel()

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """A heading, the axis, the lanes and their legend."""
        places = {"axis": 1, "lanes": height - 3, "legend": 1}
        panels = {name: (0, 0, width, rows) for name, rows in places.items()}
        cells = width - LABEL_CELLS - MARGIN_CELLS
        plan = Plan(width, height, panels, LABEL_CELLS, cells, MARGIN_CELLS, WINDOW_NS, wide=False)
        columns = Columns.over(WINDOW_NS, cells, scene.end_ns)
        if scene.view_state.cell_ns:
            columns = Columns(scene.view_state.cell_ns, cells, scene.end_ns)
        when = "as of the freeze" if scene.frozen else "now"
        return [
            heading_line(width, scene, "REQUESTS", scene.theme.title, when),
            *draw_axis(scene, plan, columns),
            *self._lanes.draw(scene, plan, columns),
            *draw_legend(scene, plan),
        ]
