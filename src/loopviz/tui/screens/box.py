"""A modal box of lines in the middle of the screen: what picker and help have in common."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.color import Color
from textual.events import Key
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import Line, fit
from loopviz.tui.widgets.lines import LineWidget

__all__ = ["MOVES", "BoxScreen", "scrolled", "visible_range"]

Result = TypeVar("Result")

SHADE_ALPHA = 0.6
"""The opacity of the shade over what is behind a box."""

MOVES = {"down": 1, "up": -1, "page-down": 10, "page-up": -10, "first": -100_000, "last": 100_000}
"""Rows that the cursor moves, by action."""


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
    """Subclasses say what is in the box (`rows`), and call `redraw` when it has changed."""

    CSS = "BoxScreen { overflow: hidden; }"
    AUTO_FOCUS: ClassVar[str | None] = ""
    TITLE = ""
    WIDEST = 90

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self.theme, self.glyphs, self.keys = controller.theme, controller.glyphs, controller.keys
        self._body = LineWidget("box")
        self._body.fill = self.theme.text
        self._layout = BoxLayout()

    def compose(self) -> ComposeResult:
        yield self._body

    @property
    def layout(self) -> Layout:
        return self._layout

    def on_mount(self) -> None:
        palette = self.theme.palette
        if self.theme.edges and palette and palette.ground != "default":  # what is behind fades
            self.styles.background = Color.parse(palette.ground).with_alpha(SHADE_ALPHA)
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close the box, if it is open and on top; otherwise there is nothing to close.

        Textual's own closes whatever is on top, and fails if that is the last screen. All ways out
        of a box lead through here.
        """
        if self.app.screen_stack[-1:] != [self]:  # closed already, or the app ends
            return AwaitComplete()
        return super().dismiss(result)

    def press(self, key: Key) -> None:
        """Keys mean here what they mean elsewhere, as far as the box has a use for them."""
        self.pressed(self.keys.name(key.key) or "", key)

    def pressed(self, name: str, key: Key) -> None:  # noqa: ARG002
        """A key was: the name of its action, empty if it has none, and the key itself."""
        if name in ("back", "quit"):
            self.dismiss(None)
        elif name in MOVES:
            self.move(MOVES[name])

    def move(self, by: int) -> None:
        """Move down by that many rows."""

    @property
    def hint(self) -> str:
        """The text on the lower edge: the keys of the box."""
        raise NotImplementedError

    def rows(self, width: int, height: int) -> list[Line]:
        """The box's content: at most `height` lines are shown, each `width` wide."""
        raise NotImplementedError

    def tallest(self) -> int:
        """Rows the content would like to have."""
        raise NotImplementedError

    def box(self, size: Size) -> tuple[int, int]:
        """Width and height of the box, its frame included."""
        if not self.theme.edges:  # few colours or none: Textual's shade around it would add some
            return size.width, size.height
        width = min(self.WIDEST, size.width - 2)
        return max(1, width), max(1, min(self.tallest() + 2, size.height - 2))

    def widest(self) -> int:
        """Cells of the box, its frame included."""
        width = self.app.size.width
        return min(self.WIDEST, width - 2) if self.theme.edges else width

    def redraw(self) -> None:
        """Draw the box again."""
        width, height = self.box(self.app.size)
        if width < 8 or height < 3:
            self._body.show([Line(width).strip(self.theme.text)] * height)
            return
        body = self.rows(width - 4, height - 2)[: height - 2]
        blank = [Line(width - 4)] * (height - 2 - len(body))
        strips = [self._edge(width, self.TITLE, top=True)]
        strips += [self._framed(line, width) for line in (*body, *blank)]
        strips.append(self._edge(width, self.hint, top=False))
        self._body.show(strips)

    def _framed(self, line: Line, width: int) -> Strip:
        wall = Line(2).add(f"{self.glyphs.wall} ", self.theme.accent).strip(self.theme.text)
        close = Line(2).add(f" {self.glyphs.wall}", self.theme.accent).strip(self.theme.text)
        return Strip([*wall, *line.strip(self.theme.text), *close], width)

    def _edge(self, width: int, words: str, *, top: bool) -> Strip:
        glyphs, theme = self.glyphs, self.theme
        ascii_only = not glyphs.eighths
        left, right = ("+", "+") if ascii_only else ("╭", "╮") if top else ("╰", "╯")
        line = Line(width).add(left + glyphs.rule, theme.accent)
        words = fit(words, min(len(words), width - 6), glyphs.more)
        line.add(f" {words} ", theme.title if top else theme.dim)
        line.add(glyphs.rule * (line.left - 1), theme.accent).add(right, theme.accent)
        return line.strip(theme.text)


def visible_range(count: int, height: int, cursor: int) -> range:
    """The `height` rows of `count` that are shown, with the cursor among them."""
    first = max(0, min(cursor - height // 2, count - height))
    return range(first, min(count, first + height))


def scrolled(rows: Sequence[Line], height: int, first: int) -> list[Line]:
    """`height` rows from `first` on."""
    first = max(0, min(first, len(rows) - height))
    return list(rows[first : first + height])
