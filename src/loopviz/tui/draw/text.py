"""Words in cells: figures for people, and one row being built."""

from collections.abc import Sequence
from itertools import compress, islice, zip_longest
from operator import is_not

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from loopviz.output import clean
from loopviz.units import duration, elapsed, exact, took, unit_of

__all__ = [
    "Line",
    "beside",
    "cell_width",
    "clean",
    "duration",
    "elapsed",
    "exact",
    "fill_rows",
    "first_fitting",
    "fit",
    "took",
    "unit_of",
    "wrap",
]


def cell_width(text: str) -> int:
    """Cells the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, more: str = "…") -> str:
    """Exactly `width` cells: padded with spaces, or cut with `more` at the end."""
    if width <= 0:
        return ""
    if cell_width(text) <= width:
        return set_cell_size(text, width)
    keep = width - len(more)
    return set_cell_size(text, keep) + more if keep > 0 else set_cell_size(text, width)


def first_fitting(options: Sequence[str], room: int) -> str:
    """The first text that fits into `room` cells; the last one if none does."""
    return next((text for text in options if cell_width(clean(text)) <= room), options[-1])


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces where there are any."""
    width = max(width, 1)
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cell_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cell_width(line) > width:
            lines.append(set_cell_size(line, width))
            line = line[len(lines[-1].rstrip()) or 1 :]
    return [*lines, line] if line else lines


class Line:
    """One row under construction, never wider than `width`: what does not fit is cut."""

    __slots__ = ("_segments", "used", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.used = 0
        self._segments: list[Segment] = []

    @property
    def left(self) -> int:
        """Cells still free."""
        return self.width - self.used

    def add(self, text: str, style: Style) -> "Line":
        """Append text, every unsafe character of it shown: whatever is drawn comes this way."""
        if not text.isprintable():
            text = clean(text)
        wide = len(text) if text.isascii() else cell_len(text)
        left = self.width - self.used
        if wide > left:
            text, wide = fit(text, left), left
        if text:
            self._segments.append(Segment(text, style))
            self.used += wide
        return self

    def cells(self, chars: list[str], styles: list[Style]) -> "Line":
        """Append cells of one character each; neighbours of one style become one segment."""
        count = min(len(chars), self.left)
        if not count:
            return self
        turns = compress(range(1, count), map(is_not, styles, islice(styles, 1, count)))
        text, start = "".join(chars), 0
        for end in (*turns, count):
            self._segments.append(Segment(text[start:end], styles[start]))
            start = end
        self.used += count
        return self

    def to(self, column: int, style: Style) -> "Line":
        """Fill with spaces up to this column."""
        gap = min(column, self.width) - self.used
        return self.add(" " * gap, style) if gap > 0 else self

    def end(self, text: str, style: Style, fill: Style) -> "Line":
        """Put text at the right edge, if there is room for it; spaces before it."""
        wide = cell_width(text)
        return self.to(self.width - wide, fill).add(text, style) if wide <= self.left else self

    def strip(self, fill: Style) -> Strip:
        """The row, filled up to its width."""
        self.to(self.width, fill)
        return Strip(self._segments, self.width)


def fill_rows(rows: Sequence[Strip], width: int, height: int, fill: Style) -> list[Strip]:
    """Exactly `height` rows: blank ones follow, or the last ones are left out."""
    return [*rows[:height], *[Line(width).strip(fill)] * (height - len(rows))]


def beside(
    left: Sequence[Strip], right: Sequence[Strip], fill: Style, width: int = 0
) -> list[Strip]:
    """Two panels as one, filled up to the higher one's height and to `width`.

    All strips of a panel are of one width.
    """
    cells = [of[0].cell_length if of else 0 for of in (left, right)]
    blanks = [Line(count).strip(fill) for count in cells]
    margin = Line(max(0, width - sum(cells))).strip(fill)
    rows = [
        [here or blank for here, blank in zip(pair, blanks, strict=True)]
        for pair in zip_longest(left, right)
    ]
    return [Strip([*a, *b, *margin], sum(cells) + margin.cell_length) for a, b in rows]
