"""Widgets that show prepared lines, and know which of them have changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from loopviz.tui.draw.screen_cells import Placed

__all__ = ["LineWidget", "PanelsWidget"]


class LineRow(Strip):
    """Textual's strip, undivided, keeps itself in its cache: a cycle for each line drawn."""

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        cuts = list(cuts)
        return [self] if cuts == [self.cell_length] else super().divide(cuts)


class LineWidget(Widget):
    """Give it strips as wide as itself; it never computes anything of its own."""

    can_focus = False
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._lines: Sequence[Strip] = ()
        self.fill = Style()
        """The style of rows without a line."""

    @property
    def lines(self) -> Sequence[Strip]:
        """The lines that are shown."""
        return self._lines

    def show(self, lines: Sequence[Strip]) -> None:
        """Show these lines; equal ones cost nothing."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        width = self.size.width
        changed = [
            Region(0, y, width, 1)
            for y, (old, new) in enumerate(zip(before, lines, strict=True))
            if old is not new and old != new
        ]
        if changed:
            self.refresh(*changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The prepared lines as they are: no borders, no padding, nothing to be cached."""
        width, lines = self.size.width, self.lines
        blank = Strip.blank(width, self.fill)
        rows = (lines[y] if y < len(lines) else blank for y in crop.line_range)
        strips: list[Strip] = [
            LineRow(list(row.adjust_cell_length(width, self.fill)), width) for row in rows
        ]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def get_line_filters(self) -> Sequence[LineFilter]:
        """None: colours are final, and NO_COLOR was dealt with when they were made."""
        return ()


Rect = tuple[int, int, int, int]
"""x, y, width, height."""


class PanelsWidget(LineWidget):
    """Panels side by side, which cover the widget.

    It is no widget for each panel: Textual would lay them out and cut their lines for each frame.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._places: Mapping[str, Rect] = {}
        self._panels: dict[str, Sequence[Strip]] = {}
        self._changed: dict[tuple[int, int], Strip] = {}

    def place(self, places: Mapping[str, Rect]) -> None:
        """Show the panels at these places, and no others."""
        self._places = places
        self._panels.clear()

    def put(self, panel: str, lines: Sequence[Strip]) -> None:
        """Show these lines in a panel; one that has no place is not shown."""
        if panel not in self._places:
            return
        before = self._panels.get(panel, ())
        self._panels[panel] = lines
        x, y, width, height = self._places[panel]
        for row in range(height):
            line = self._line(lines, row, width)
            if row >= len(before) or ((old := before[row]) is not line and old != line):
                self._changed[x, y + row] = line

    def changes(self) -> list[Placed]:
        """The lines that have changed since the last call."""
        changed, self._changed = self._changed, {}
        return [(x, y, line) for (x, y), line in changed.items()]

    @property
    def lines(self) -> Sequence[Strip]:
        rows: list[list[Strip]] = [[] for _ in range(self.size.height)]
        for panel, (_, y, width, height) in sorted(self._places.items(), key=lambda p: p[1]):
            lines = self._panels.get(panel, ())
            for row in range(min(height, len(rows) - y)):
                rows[y + row].append(self._line(lines, row, width))
        return [Strip.join(row) for row in rows]

    def _line(self, lines: Sequence[Strip], row: int, width: int) -> Strip:
        if row >= len(lines):
            return Strip.blank(width, self.fill)
        line = lines[row]
        return line if line.cell_length == width else line.adjust_cell_length(width, self.fill)
