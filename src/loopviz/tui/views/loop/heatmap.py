"""Heat-maps: how many values of which size, in each column of the time axis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from loopviz.clock import MS
from loopviz.model.snapshot import Track
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, exact
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.histogram import compact
from loopviz.tui.panels.lag import LATE_NS, VERY_LATE_NS, lateness_style
from loopviz.tui.panels.overview import retention_note
from loopviz.tui.panels.scene import Scene

__all__ = ["MIN_HEAT_ROWS", "HeatMap", "add_legend", "draw_heat", "row_edges", "shade_steps"]

Counts = NDArray[np.int64]

_DECADES = (1, 10, 100, 1000, 10_000)
_HALVES = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
_THIRDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Where rows of a heat-map begin, in tenths of a millisecond."""

MIN_HEAT_ROWS = 4
"""The fewest rows of a heat-map."""


def row_edges(rows: int) -> tuple[int, ...]:
    """The edges between at most `rows` rows: one fewer than rows."""
    steps = _THIRDS if rows > len(_THIRDS) else _HALVES if rows > 6 else _DECADES
    spare = max(0, len(steps) + 1 - rows)  # the longest go first, then the shortest
    return tuple(step * MS // 10 for step in steps[spare // 2 : len(steps) - (spare + 1) // 2])


class HeatMap:
    """Counts by row and column, kept from frame to frame: what was counted moves with the grid."""

    def __init__(self, edges_ns: Sequence[int]) -> None:
        self._edges = np.array(edges_ns, np.int64)
        self._grid = (0, 0)
        self._first = 0
        self._final = 0
        """Columns before this one do not change any more."""
        self._since = 0
        """Earlier values are not counted: the track did not have them."""
        self._counts: Counts = np.zeros((0, 0), np.int64)
        self.steps = 2
        """See `shade_steps`."""

    def counts(self, track: Track, columns: Columns) -> Counts:
        """A row for each range, the smallest values first; do not write to it."""
        times, count = track.times_ns, columns.count
        since = int(times[0]) if len(times) else columns.end_ns
        moved = columns.first - self._first
        earlier = since < self._since and self._since > columns.start_ns
        if (columns.cell_ns, count) != self._grid or not 0 <= moved < count or earlier:
            self._grid = (columns.cell_ns, count)
            self._counts = np.zeros((len(self._edges) + 1, count), np.int64)
            self._final, self._since = columns.first, since
        elif moved:
            self._counts = np.roll(self._counts, -moved, axis=1)
            self._counts[:, count - moved :] = 0
            self._final = max(self._final, columns.first)
        self._first = columns.first
        self._count(track, columns)
        return self._counts

    def range(self, row: int) -> tuple[int, str]:
        """From how many nanoseconds on that row counts, and what people call it."""
        if not row:
            return 0, f"<{exact(int(self._edges[0]), smallest_ns=MS)}"
        low = int(self._edges[row - 1])
        return low, exact(low, smallest_ns=MS)

    def _count(self, track: Track, columns: Columns) -> None:
        """All from the first column on that is not final."""
        times, first, rows = track.times_ns, columns.first, len(self._counts)
        begin = self._final - first
        self._counts[:, begin:] = 0
        bounds = (self._final * columns.cell_ns, columns.end_ns)
        start, end = (int(at) for at in np.searchsorted(times, bounds))
        if start >= end:
            return
        at = times[start:end] // columns.cell_ns - first
        row = np.searchsorted(self._edges, track.values[start:end], side="right")
        flat = np.bincount(row * columns.count + at, minlength=rows * columns.count)
        self._counts += flat.reshape(rows, columns.count)
        self._final = max(self._final, int(times[end - 1]) // columns.cell_ns)


def shade_steps(most: int, before: int = 2) -> int:
    """`n` if shades stand for 1, n, n² and n³ or more.

    It falls late, so that shades keep their meaning from frame to frame.
    """
    steps = max(2, int(most ** (1 / 3) + 1e-9))
    return steps if steps > before or steps * 5 < before * 3 else before


def draw_heat(
    heat: HeatMap,
    track: Track,
    scene: Scene,
    columns: Columns,
    label: int,
    width: int,
    what: str = "they",
) -> list[Strip]:
    """A row for each range, the longest on top, with the row's share at the right.

    `what` names what is counted, for the note on how long it is kept.
    """
    theme, glyphs = scene.theme, scene.glyphs
    counts = heat.counts(track, columns)
    steps = heat.steps = shade_steps(int(counts.max()), heat.steps)
    shades = np.searchsorted([1, steps, steps**2, steps**3], counts, side="right").tolist()
    since = int(track.times_ns[0]) if len(track.times_ns) else 0
    why = retention_note(what, since, columns, scene.now_ns)
    total = int(counts.sum()) or 1
    known = scene.snapshot.marks if scene.snapshot else ()
    marks = [columns.at(mark.at_ns) for mark in known if mark.kind != "log"]
    marks = [column for column in marks if 0 <= column < columns.count]
    strips = []
    for row in range(len(counts) - 1, -1, -1):
        low, name = heat.range(row)
        if row == len(counts) - 1:
            name = ("≥" if glyphs.eighths else ">=") + name
        hot = lateness_style(low, theme, theme.dim)
        styles = (theme.text, *_ramp(low, theme))
        cells = shades[row]
        chars = [glyphs.shades[shade] for shade in cells]
        inks = [styles[shade] for shade in cells]
        for column in marks:
            if not cells[column]:
                chars[column], inks[column] = glyphs.mark_line, theme.mark_line
        if row == len(counts) // 2 and why:
            chars[: len(why)], inks[: len(why)] = why, [theme.dim] * len(why)
        line = Line(width).add(f"{name:>{label - 1}} ", hot).cells(chars, inks)
        line.end(_share(int(counts[row].sum()), total), theme.dim, theme.text)
        strips.append(line.strip(theme.text))
    return strips


def add_legend(line: Line, heat: HeatMap, scene: Scene, what: str) -> None:
    """`░ 1  ▒ 4  ▓ 16  █ 64 or more callbacks in a column`: as much of it as there is room for."""
    theme = scene.theme
    shades = zip(scene.glyphs.shades[1:], theme.ramp, strict=True)
    pieces = [(shade, ink, compact(heat.steps**n)) for n, (shade, ink) in enumerate(shades)]
    if line.left < sum(len(figure) + 4 for *_, figure in pieces):
        return
    for shade, ink, figure in pieces:
        line.add(f" {shade}", ink).add(f" {figure} ", theme.dim)
    for rest in (f"or more {what} in a column ", f"or more {what} ", "or more "):
        if len(rest) <= line.left:
            line.add(rest, theme.dim)
            return


def _ramp(delay_ns: int, theme: Theme) -> tuple[Style, ...]:
    """From few to many, in the colour of the delay."""
    if delay_ns >= VERY_LATE_NS:
        return theme.alarm_ramp
    return theme.amber_ramp if delay_ns >= LATE_NS else theme.ramp


def _share(count: int, total: int) -> str:
    if not count:
        return "0% "
    share = 100 * count / total
    return "<0.1% " if share < 0.1 else f"{share:.1f}% " if share < 10 else f"{share:.0f}% "
