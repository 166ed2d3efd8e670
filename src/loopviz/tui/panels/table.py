"""Tables: a head, rows with a cursor, columns that give way on narrow terminals."""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.style import Style
from textual.strip import Strip

from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, fit
from loopviz.tui.panels.scene import Scene

__all__ = ["MARGIN_CELLS", "Column", "Table"]

MARGIN_CELLS = 3
"""Cells of a table beside its columns: a mark and a gap on the left, one free on the right."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `text` gets a row; what it gives is cleaned and fitted."""

    title: str
    width: int
    """Cells, the gap before it not counted; of the column that is `wide`, the fewest."""
    text: Callable[[Any], str]
    help: str
    """The column's meaning, for the help."""
    style: Callable[[Any, Scene], Style] | None = None
    """None: as the row."""
    left: bool = False
    """Words stand on the left, figures on the right."""
    wide: bool = False
    """It takes the cells that are left; of several, the first."""
    graphic: bool = False
    """A bar or a curve: it keeps its style where the cursor is, or it would be its own negative."""
    spare: int = 0
    """On narrow terminals the columns with the highest go first; 0: it stays."""


class Table:
    """Draws rows; keeps its scroll position from frame to frame, the cursor in sight."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self._first = 0
        self._drawn: list[Hashable] = []

    def fitting(self, width: int) -> list[tuple[Column, int]]:
        """The columns that there is room for, with their cells, in order."""
        kept = list(self.columns)
        while _cells(kept) > width:
            spare = max(kept, key=lambda column: column.spare)
            if not spare.spare:
                break
            kept.remove(spare)
        rest = max(0, width - _cells(kept))
        sizes = []
        for column in kept:
            more, rest = (rest, 0) if column.wide else (0, rest)
            sizes.append((column, column.width + more))
        return sizes

    def draw(
        self,
        rows: Sequence[tuple[Hashable, Any]],
        scene: Scene,
        width: int,
        height: int,
        *,
        order: str = "",
        empty: str = "",
        marks: Callable[[Hashable], str] = lambda _: " ",
    ) -> list[Strip]:
        """A head and `height - 1` rows; the row `scene.view_state.row` has the cursor.

        `rows` are pairs of key and row; `order`: the title of the column that they are sorted by;
        `empty` is the text if there are none; `marks` gives a row's first cell.
        """
        theme, glyphs = scene.theme, scene.glyphs
        sizes = self.fitting(width - MARGIN_CELLS)
        room = max(0, height - 1)
        chosen = scene.view_state.row
        at = next((i for i, (key, _) in enumerate(rows) if key == chosen), None)
        if at is not None:
            self._first = max(at - room + 1, min(self._first, at))
        self._first = max(0, min(self._first, len(rows) - room))
        strips = [self._head(sizes, width, order, scene)]
        visible = rows[self._first : self._first + room]
        self._drawn = [key for key, _ in visible]
        for key, row in visible:
            strips.append(self._row(row, sizes, width, marks(key), key == chosen, scene))
        if not rows and empty and room:
            text = fit(f"  {clean(empty)}", width, glyphs.more)
            strips.append(Line(width).add(text, theme.dim).strip(theme.text))
        return fill_rows(strips, width, height, theme.text)

    def to_end(self) -> None:
        """Show the last rows next, unless the cursor is on one before them."""
        self._first = sys.maxsize

    def row_at(self, y: int) -> Hashable | None:
        """The key of what was drawn on that row of the table, its head being row 0."""
        return self._drawn[y - 1] if 0 < y <= len(self._drawn) else None

    def _head(
        self, sizes: Sequence[tuple[Column, int]], width: int, order: str, scene: Scene
    ) -> Strip:
        theme, glyphs = scene.theme, scene.glyphs
        line = Line(width).add(" ", theme.dim)
        for column, cells in sizes:
            title = f"{glyphs.down}{column.title}" if column.title == order else column.title
            line.add(" ", theme.dim)
            style = theme.strong if column.title == order else theme.dim
            line.add(_placed(title, cells, column, glyphs.more), style)
        return line.strip(theme.text)

    def _row(
        self,
        row: Any,
        sizes: Sequence[tuple[Column, int]],
        width: int,
        mark: str,
        chosen: bool,
        scene: Scene,
    ) -> Strip:
        theme, glyphs = scene.theme, scene.glyphs
        line = Line(width)
        line.add(glyphs.pointer if chosen else mark, theme.cursor if chosen else theme.accent)
        for column, cells in sizes:
            style = theme.text if column.style is None else column.style(row, scene)
            text = clean(column.text(row))
            lit = chosen and not (column.graphic and text.strip())
            line.add(" ", theme.cursor if chosen else theme.text)
            line.add(_placed(text, cells, column, glyphs.more), theme.cursor if lit else style)
        return line.strip(theme.cursor if chosen else theme.text)


def _cells(columns: Sequence[Column]) -> int:
    return sum(column.width + 1 for column in columns) - 1


def _placed(text: str, cells: int, column: Column, more: str) -> str:
    if column.left or cell_width(text) > cells:
        return fit(text, cells, more)
    return " " * (cells - cell_width(text)) + text
