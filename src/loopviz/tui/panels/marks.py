"""Marks over the cells of a lane: lines through idle time, brackets around what is chosen."""

from collections.abc import Sequence

from loopviz.model.snapshot import RequestInfo
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import Cell, Cells

__all__ = ["VerticalLines", "bracket", "bracket_request", "vertical_lines"]

VerticalLines = dict[int, Cell]
"""Column → the glyph of a vertical line through it."""


def vertical_lines(scene: Scene, columns: Columns) -> VerticalLines:
    """Lines through idle cells: changes, the ends of the selected range, in colour each tick."""
    theme, glyphs = scene.theme, scene.glyphs
    lines: VerticalLines = {}
    if theme.edges:
        ticks = [at for at, _ in columns.ticks(scene.frozen_at_ns)]
        lines = dict.fromkeys(ticks, (glyphs.wall, theme.grid))
    for mark in scene.snapshot.marks if scene.snapshot else ():
        if mark.kind == "log":
            continue  # there may be many
        lines[columns.at(mark.at_ns)] = (glyphs.mark_line, theme.mark_line)
    if span := scene.view_state.time_range:
        lines[columns.at(span[0])] = lines[columns.at(span[1] - 1)] = (glyphs.wall, theme.accent)
    return {column: line for column, line in lines.items() if 0 <= column < columns.count}


def bracket_request(
    cells: Cells, requests: Sequence[RequestInfo], scene: Scene, columns: Columns
) -> None:
    """Brackets around the chosen request, or over the chosen slice of it."""
    number, slice_ns = scene.view_state.row, scene.view_state.slice_ns
    request = next((r for r in requests if r.number == number), None)
    if request is None:
        return
    span = next(((s, e) for s, e, _ in request.spans if s <= slice_ns < e), None)
    if span is None:
        bracket(cells, request.start_ns, request.end_ns, scene, columns, outside=True)
    else:
        bracket(cells, *span, scene, columns)


def bracket(
    cells: Cells,
    start_ns: int,
    end_ns: int,
    scene: Scene,
    columns: Columns,
    *,
    outside: bool = False,
) -> None:
    """`[` and `]` over the first and the last cell of that time, or beside them if `outside`.

    What has but one cell gets one glyph; what is outside goes over a cell where others lie.
    """
    chars, styles = cells
    theme, glyphs = scene.theme, scene.glyphs
    first, last = columns.at(start_ns), columns.at(max(start_ns, end_ns - 1))
    if outside:
        idle = {" ", glyphs.wall, glyphs.mark_line}
        if first > 0 and first - 1 < columns.count and chars[first - 1] in idle:
            first -= 1
        if -1 <= last < columns.count - 1 and chars[last + 1] in idle:
            last += 1
    for at, char in ((first, "["), (last, "]")) if first < last else ((first, glyphs.only),):
        if 0 <= at < columns.count:
            chars[at], styles[at] = char, theme.cursor
