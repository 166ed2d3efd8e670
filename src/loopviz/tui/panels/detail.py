"""A panel about one thing, beside a table or below it: facts with a title each, sections."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, fit, wrap
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.scene import Scene

__all__ = ["BESIDE_CELLS", "MIN_DETAIL_ROWS", "TALL_ROWS", "Detail", "detail_rows", "walled"]

TITLE_CELLS = 10
"""Cells of a fact's title."""
BESIDE_CELLS = 140
"""Width of a panel from which on table and detail stand side by side."""
MIN_DETAIL_ROWS = 6
"""Rows that a detail below a table needs at least."""
TALL_ROWS = 30
"""Height of a panel from which on a detail keeps its rows even if the table could use them."""


def detail_rows(rows: int, height: int) -> int:
    """The rows of a detail below a table that needs `rows` of `height`; 0: there is none."""
    left = height - rows
    if left >= MIN_DETAIL_ROWS or height < TALL_ROWS:
        return left if left >= MIN_DETAIL_ROWS else 0
    return max(left, height * 2 // 5)


class Detail:
    """Rows from the top down; what does not fit any more is left out as a whole."""

    def __init__(self, scene: Scene, width: int, height: int, *, ruled: bool = False) -> None:
        """`ruled`: its title is on a rule, as it stands below a table."""
        self.scene, self.width, self.height, self.ruled = scene, width, height, ruled
        self.rows: list[Strip] = []

    @property
    def left(self) -> int:
        """Rows that are free."""
        return self.height - len(self.rows)

    @property
    def room(self) -> int:
        """Cells of a fact's text."""
        return self.width - TITLE_CELLS - 3

    def line(self) -> Line:
        """A row to fill; hand it to `put`."""
        return Line(self.width).add(" ", self.scene.theme.text)

    def put(self, line: Line | Strip) -> None:
        if self.left > 0:
            self.rows.append(line if isinstance(line, Strip) else line.strip(self.scene.theme.text))

    def text(self, text: str, style: Style) -> None:
        """One row, cut with a sign if it is too long."""
        line = self.line()
        self.put(line.add(fit(clean(text), self.width - 2, self.scene.glyphs.more), style))

    def title(self, text: str, after: str = "", style: Style | None = None) -> None:
        """Add the title, with the most important fact beside it."""
        theme, more = self.scene.theme, self.scene.glyphs.more
        text, after = clean(text), clean(after)
        room = self.width - (10 if self.ruled else 2)
        wide = min(cell_width(text), max(room - cell_width(after) - 2, room // 2))
        if self.ruled:
            rest = room - wide - 2
            note = after if cell_width(after) <= rest else ""
            self.put(heading_line(self.width, self.scene, fit(text, wide, more), theme.title, note))
            return
        line = self.line().add(fit(text, wide, more), theme.title)
        if after and line.left > 6:
            rest = min(cell_width(after), line.left - 3)
            line.add("  ", theme.text).add(fit(after, rest, more), style or theme.text)
        self.put(line)

    def fact(self, title: str, text: str, style: Style | None = None, *, rows: int = 1) -> None:
        """Add `made at    api.py:12 handler` on at most `rows` rows; nothing without a text."""
        if not text:
            return
        theme, more = self.scene.theme, self.scene.glyphs.more
        room = self.room
        lines = wrap(clean(text), room)
        if len(lines) > rows:
            lines = [*lines[: rows - 1], " ".join(lines[rows - 1 :])]
        for place, part in enumerate(lines):
            line = self.line().add(fit("" if place else title, TITLE_CELLS, more) + " ", theme.dim)
            self.put(line.add(fit(part, min(room, cell_width(part)), more), style or theme.text))

    def heading(self, text: str, after: str = "") -> None:
        """A rule with words on it; with a free row above it where there is room."""
        theme, rule = self.scene.theme, self.scene.glyphs.rule
        line = self.line().add(f"{rule} ", theme.faint).add(clean(text), theme.accent)
        line.add(" ", theme.text)
        if after and line.left > 8:
            cut = min(cell_width(after), line.left - 4)
            line.add(fit(clean(after), cut, self.scene.glyphs.more) + " ", theme.dim)
        self.put(line.add(rule * (line.left - 1), theme.faint))

    def strips(self, strips: Sequence[Strip]) -> None:
        """Rows that were drawn elsewhere, as wide as this."""
        self.rows.extend(strips[: max(0, self.left)])

    def side_by_side(self, left: Sequence[Strip], right: Sequence[Strip]) -> None:
        """Two columns of one height that are together as wide as this."""
        self.strips([Strip([*a, *b], self.width) for a, b in zip(left, right, strict=True)])

    def done(self) -> list[Strip]:
        """`height` strips."""
        return fill_rows(self.rows, self.width, self.height, self.scene.theme.text)


def walled(table: Sequence[Strip], detail: Sequence[Strip], scene: Scene) -> list[Strip]:
    """A table on the left, a wall, and a detail on the right."""
    theme = scene.theme
    wall = Line(1).add(scene.glyphs.wall, theme.faint).strip(theme.text)
    return [
        Strip([*left, *wall, *right], left.cell_length + 1 + right.cell_length)
        for left, right in zip(table, detail, strict=True)
    ]
