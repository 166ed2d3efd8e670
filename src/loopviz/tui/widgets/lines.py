"""A widget that shows prepared lines and repaints only those that changed."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

__all__ = ["LineWidget"]


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
        width = self.size.width
        lines = (self.render_line(y).adjust_cell_length(width, self.fill) for y in crop.line_range)
        strips: list[Strip] = [LineRow(list(line), width) for line in lines]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        if y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.fill)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """None: colours are final, and NO_COLOR was dealt with when they were made."""
        return ()
