"""The help: every key of the action table, every glyph, what the figures mean."""

from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType

from loopviz.model.snapshot import State
from loopviz.tui.actions import ACTIONS
from loopviz.tui.paint.glyphs import Glyphs
from loopviz.tui.paint.legend import GLYPH_HELP
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.text import Line, wrap
from loopviz.tui.screens.box import BoxScreen, as_lines

__all__ = ["HelpScreen"]

WORDS = (
    ("LAG", "how late timers ran: the loop's own delay, on a logarithmic axis"),
    ("LOOP", "how busy each moment of the loop was; red is one callback that held it"),
    ("victims", "requests that were ready but waited while somebody else held the loop"),
    ("drop", "events that were lost; if everything is well, this is 0"),
)


class HelpScreen(BoxScreen[None]):
    """Scrolls if the terminal is too low for it."""

    TITLE = "HELP"
    HINT = "j/k scroll · esc goes back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "leave", show=False),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("pagedown", "move(8)", show=False),
        Binding("pageup", "move(-8)", show=False),
    ]

    def __init__(self, looks: Looks, glyphs: Glyphs) -> None:
        super().__init__(looks, glyphs)
        self._first = 0

    def tallest(self) -> int:
        return len(self._all(min(self.WIDEST, self.app.size.width - 2) - 4))

    def rows(self, width: int, height: int) -> list[Line]:
        rows = self._all(width)
        self._first = max(0, min(self._first, len(rows) - height))
        return as_lines(rows, height, self._first)

    def _all(self, width: int) -> list[Line]:
        looks, glyphs = self.looks, self.glyphs
        rows = [Line(width).add("KEYS", looks.title)]
        for action in ACTIONS:
            if action.help:
                shown = "a … f" if action.name == "fix" else action.shown
                rows += self._entry(f"{shown:>7}", looks.good, action.help, width)
        rows += [Line(width), Line(width).add("GLYPHS", looks.title)]
        for state, name, text in GLYPH_HELP:
            line = Line(width).add("   ", looks.text)
            last = glyphs.bang if state is State.BLOCKING else glyphs.of(state)
            line.add(glyphs.of(state) * 3, looks.of(state))
            line.add(last, looks.bang if state is State.BLOCKING else looks.of(state))
            rows.append(line.add(f"  {name:<9}", looks.strong).add(text, looks.dim))
        line = Line(width).add("      ", looks.text).add(glyphs.mark, looks.mark)
        rows.append(
            line.add("  change   ", looks.strong).add("a fix or the load changed", looks.dim)
        )
        rows += [Line(width), Line(width).add("WORDS", looks.title)]
        for word, text in WORDS:
            rows += self._entry(f"{word:>7}", looks.strong, text, width)
        return rows

    def _entry(self, key: str, style: Style, text: str, width: int) -> list[Line]:
        rows = []
        for i, line in enumerate(wrap(text, width - 9)):
            row = Line(width).add(key if i == 0 else " " * 7, style)
            rows.append(row.add(f"  {line}", self.looks.text))
        return rows

    def action_move(self, by: int) -> None:
        self._first += by
        self.repaint()

    def action_leave(self) -> None:
        self.dismiss(None)
