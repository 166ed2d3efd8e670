"""How many wait for a resource and how many have it, over time: two charts on one axis."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import ResourceInfo
from loopviz.tui.draw.text import Line, fill_rows
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.resources.tracks import peaks
from loopviz.wire.kinds import Family

__all__ = ["MIN_CHART_ROWS", "draw_chart"]

MIN_CHART_ROWS = 11
"""Rows from which on it is drawn: a title and an axis, and two charts with a title each."""
MAX_ROWS = 12
"""The most rows of each chart."""
LABEL_CELLS = 8
SPANS_S = (10, 20, 30, 60)
"""The times that it may span: the shortest that has all of the track."""
TICKS = 5
"""The moments on the axis that have a name."""


def draw_chart(view: ResourceInfo, scene: Scene, width: int, height: int) -> list[Strip]:
    """`height` rows; blank ones where there is more room than is of use."""
    theme = scene.theme
    rows = min(MAX_ROWS, (height - 4) // 2)
    capacity = view.capacity * view.instances
    held = "in the queue" if view.family is Family.QUEUE else "in use"
    span_s = _span(view, scene.end_ns)
    room = width - LABEL_CELLS
    waiting = peaks(view.waiting_track, scene.end_ns, room, span_s * SECOND)
    in_use = peaks(view.in_use_track, scene.end_ns, room, span_s * SECOND)
    limit = f", of {capacity:,}" if capacity else ""
    full = [theme.alarm if capacity and peak >= capacity else theme.run for peak in in_use]
    strips = [
        heading_line(width, scene, short_name(view, scene), theme.title, f"last {span_s} s"),
        _name(f"waiting, {view.waiting.max:,} at most", width, scene),
        *_bars(waiting, max(view.waiting.max, 1), [theme.warm] * len(waiting), rows, width, scene),
        _name(f"{held}, {view.in_use.max:,} at most{limit}", width, scene),
        *_bars(in_use, max(capacity, view.in_use.max, 1), full, rows, width, scene),
        _axis(span_s, width, scene),
    ]
    return fill_rows(strips, width, height, theme.text)


def _span(view: ResourceInfo, end_ns: int) -> int:
    """The seconds that the charts span."""
    tracks = (view.waiting_track, view.in_use_track)
    first = min((int(track.times_ns[0]) for track in tracks if len(track.times_ns)), default=end_ns)
    return next((s for s in SPANS_S if s * SECOND >= end_ns - first), SPANS_S[-1])


def _name(text: str, width: int, scene: Scene) -> Strip:
    line = Line(width).to(LABEL_CELLS, scene.theme.text)
    return line.add(text, scene.theme.dim).strip(scene.theme.text)


def _bars(
    values: Sequence[int], top: int, styles: list[Style], rows: int, width: int, scene: Scene
) -> list[Strip]:
    """A bar for each value, as high as its share of `top`; what is above zero can be seen."""
    theme, levels = scene.theme, scene.glyphs.levels
    steps = len(levels) - 1
    heights = [-(-max(value, 0) * rows * steps // top) for value in values]
    labels = {rows - 1: f"{top:,}", 0: "0"}
    strips = []
    for row in range(rows - 1, -1, -1):
        line = Line(width).add(f"{labels.get(row, ''):>{LABEL_CELLS - 1}} ", theme.dim)
        cells = [levels[max(0, min(height - row * steps, steps))] for height in heights]
        strips.append(line.cells(cells, styles).strip(theme.text))
    return strips


def _axis(span_s: int, width: int, scene: Scene) -> Strip:
    """`╷-60s … now`, each tick where that moment is."""
    theme, room = scene.theme, width - LABEL_CELLS
    line = Line(width)
    for seconds in range(span_s, 0, -span_s // TICKS):
        line.to(LABEL_CELLS + round(room * (1 - seconds / span_s)), theme.text)
        line.add(scene.glyphs.tick, theme.faint).add(f"-{seconds}s", theme.dim)
    now = "then" if scene.frozen else "now"
    return line.end(now, theme.accent, theme.text).strip(theme.text)
