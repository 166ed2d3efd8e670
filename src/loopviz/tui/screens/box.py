"""A modal box of lines in the middle of the screen: what picker and help have in common."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from loopviz.tui.paint.glyphs import Glyphs
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.text import Line, fit
from loopviz.tui.widgets.lines import LineWidget

__all__ = ["BoxScreen"]

Result = TypeVar("Result")


class BoxLayout(Layout):
    """The box in the middle, as large as the screen says."""

    name = "box"

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: ARG002
    ) -> ArrangeResult:
        assert isinstance(parent, BoxScreen)
        width, height = parent.box(size)
        region = Region((size.width - width) // 2, (size.height - height) // 2, width, height)
        return [WidgetPlacement(region, Offset(), Spacing(), child) for child in children]


class BoxScreen(ModalScreen[Result]):
    """Subclasses say what is in the box (`rows`), and call `repaint` when it has changed."""

    CSS = "BoxScreen { background: transparent; overflow: hidden; }"
    AUTO_FOCUS: ClassVar[str | None] = ""
    TITLE = ""
    HINT = ""
    WIDEST = 90

    def __init__(self, looks: Looks, glyphs: Glyphs) -> None:
        super().__init__()
        self.looks, self.glyphs = looks, glyphs
        self._body = LineWidget("box")
        self._body.fill = looks.text
        self._layout = BoxLayout()

    def compose(self) -> ComposeResult:
        yield self._body

    @property
    def layout(self) -> Layout:
        return self._layout

    def on_mount(self) -> None:
        self.repaint()

    def on_resize(self) -> None:
        self.repaint()

    def rows(self, width: int, height: int) -> list[Line]:
        """The box's content: at most `height` lines are shown, each `width` wide."""
        raise NotImplementedError

    def tallest(self) -> int:
        """Rows the content would like to have."""
        raise NotImplementedError

    def box(self, size: Size) -> tuple[int, int]:
        """Width and height of the box, its frame included."""
        if not self.looks.edges:  # few colours or none: Textual's shade around it would add some
            return size.width, size.height
        width = min(self.WIDEST, size.width - 2)
        return max(1, width), max(1, min(self.tallest() + 2, size.height - 2))

    def repaint(self) -> None:
        """Paint the box again."""
        width, height = self.box(self.app.size)
        if width < 8 or height < 3:
            self._body.show([Line(width).strip(self.looks.text)] * height)
            return
        body = self.rows(width - 4, height - 2)[: height - 2]
        blank = [Line(width - 4)] * (height - 2 - len(body))
        strips = [self._edge(width, self.TITLE, top=True)]
        strips += [self._framed(line, width) for line in (*body, *blank)]
        strips.append(self._edge(width, self.HINT, top=False))
        self._body.show(strips)

    def _framed(self, line: Line, width: int) -> Strip:
        wall = Line(2).add(f"{self.glyphs.wall} ", self.looks.accent).strip(self.looks.text)
        close = Line(2).add(f" {self.glyphs.wall}", self.looks.accent).strip(self.looks.text)
        return Strip([*wall, *line.strip(self.looks.text), *close], width)

    def _edge(self, width: int, words: str, *, top: bool) -> Strip:
        glyphs, looks = self.glyphs, self.looks
        ascii_only = not glyphs.eighths
        left, right = ("+", "+") if ascii_only else ("╭", "╮") if top else ("╰", "╯")
        line = Line(width).add(left + glyphs.rule, looks.accent)
        words = fit(words, min(len(words), width - 6), glyphs.more)
        line.add(f" {words} ", looks.title if top else looks.dim)
        line.add(glyphs.rule * (line.left - 1), looks.accent).add(right, looks.accent)
        return line.strip(looks.text)


def window(count: int, height: int, cursor: int) -> range:
    """Which of `count` rows to show in `height` so that `cursor` is among them."""
    first = max(0, min(cursor - height // 2, count - height))
    return range(first, min(count, first + height))


def as_lines(rows: Sequence[Line], height: int, first: int) -> list[Line]:
    """`height` rows from `first` on."""
    first = max(0, min(first, len(rows) - height))
    return list(rows[first : first + height])
