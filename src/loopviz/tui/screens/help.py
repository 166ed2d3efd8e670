"""The help: what this view shows, every key of the action table, every glyph, what words mean."""

from collections.abc import Iterator, Sequence

from rich.style import Style
from textual.events import Key

from loopviz.model.snapshot import State
from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import Line, cell_width, wrap
from loopviz.tui.panels.legend import GLYPH_HELP, MESSAGE_HELP, ORPHAN_HELP
from loopviz.tui.screens.box import BoxScreen, scrolled
from loopviz.tui.state.action import GROUPS
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.key_help import TITLES
from loopviz.tui.state.view_state import VIEWS

__all__ = ["HelpScreen"]

WORDS = (
    ("LAG", "how late timers ran: the loop's own delay, on a logarithmic axis"),
    ("LOOP", "how busy each moment of the loop was; ! is one callback that blocked it"),
    ("victims", "requests that were ready but waited while somebody else blocked the loop"),
    ("drop", "events that were lost; if everything is well, it is not there"),
    ("( )", "a fix: one at a time is on; in the header that one has brackets"),
    ("[ ] +", "a fix that is used together with the others"),
)


class HelpScreen(BoxScreen[None]):
    """Scrolls if the terminal is too low for it."""

    TITLE = "HELP"

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._view = controller.view
        self._first = self._last = self._count = 0

    @property
    def hint(self) -> str:
        more = self._last < self._count or self._first > 0
        seen = f"rows {self._first + 1}-{self._last} of {self._count} · " if more else ""
        scroll = f"{self.keys.label('down', 'up')} scroll · " if more else ""
        return f"{seen}{scroll}{self.keys.label('back')} goes back"

    def pressed(self, name: str, key: Key) -> None:
        if name in ("help", "enter"):
            self.dismiss(None)
        else:
            super().pressed(name, key)

    def move(self, by: int) -> None:
        self._first += by
        self.redraw()

    def tallest(self) -> int:
        return len(self._all(self.widest() - 4))

    def rows(self, width: int, height: int) -> list[Line]:
        rows = self._all(width)
        self._first = max(0, min(self._first, len(rows) - height))
        self._last, self._count = min(self._first + height, len(rows)), len(rows)
        return scrolled(rows, height, self._first)

    def _all(self, width: int) -> list[Line]:
        sections = [list(section) for section in self._sections(width)]
        full = [section for section in sections if len(section) > 1]
        return [line for section in full for line in (*section, Line(width))][:-1]

    def _sections(self, width: int) -> Iterator[Iterator[Line]]:
        word = dict(VIEWS).get(self._view.NAME, self._view.NAME).upper()
        yield self._entries(f"THIS VIEW: {word}", self._view.HELP, width)
        yield self._glyphs(width)
        keys = {
            group: [
                (key, action.help)
                for action in ACTIONS
                if action.group == group and action.help
                if (key := self.keys.label(action.name, *action.also))
            ]
            for group in GROUPS
        }
        wide = max(cell_width(key) for entries in keys.values() for key, _ in entries)
        for group, entries in keys.items():
            yield self._entries(f"KEYS: {TITLES[group].upper()}", entries, width, wide)
        known = {word for word, _ in self._view.HELP}
        yield self._entries("WORDS", [entry for entry in WORDS if entry[0] not in known], width)

    def _entries(
        self, title: str, entries: Sequence[tuple[str, str]], width: int, wide: int = 0
    ) -> Iterator[Line]:
        """A title; words at the left, on `wide` cells at least, what they mean beside them."""
        theme = self.theme
        yield Line(width).add(title, theme.title)
        style = theme.good if title.startswith("KEYS") else theme.strong
        wide = min(16, max([wide, *(cell_width(word) for word, _ in entries)]))
        for word, text in entries:
            yield from self._entry(word, style, text, wide, width)

    def _entry(self, word: str, style: Style, text: str, wide: int, width: int) -> Iterator[Line]:
        rows = wrap(text, width - wide - 4)
        if cell_width(word) > wide:  # on a row of its own
            yield Line(width).add(f"  {word}", style)
            word = ""
        for row in rows:
            line = Line(width).add(f"  {word}", style).to(wide + 4, self.theme.text)
            yield line.add(row, self.theme.text)
            word = ""

    def _glyphs(self, width: int) -> Iterator[Line]:
        theme, glyphs = self.theme, self.glyphs
        yield Line(width).add("GLYPHS OF TIME", theme.title)
        for state, name, text in GLYPH_HELP:
            line = Line(width).add("  ", theme.text).add(glyphs.of(state) * 3, theme.of(state))
            if state is State.BLOCKING:
                line.add(glyphs.bang, theme.bang)
            yield from self._glyph(line, name, text)
        line = Line(width).add("  ", theme.text).add(glyphs.orphan * 3, theme.orphan)
        yield from self._glyph(line, *ORPHAN_HELP)
        line = Line(width).to(4, theme.text).add(glyphs.message, theme.strong)
        yield from self._glyph(line, *MESSAGE_HELP)
        line = Line(width).to(4, theme.text).add(glyphs.mark, theme.mark)
        yield from self._glyph(line, "change", "a fix or the load changed")

    def _glyph(self, line: Line, name: str, text: str) -> Iterator[Line]:
        """A line that begins with a glyph; its name and what it means go beside it."""
        theme = self.theme
        line.to(7, theme.text).add(f"{name:<11}", theme.strong)
        for row in wrap(text, line.left):
            yield line.add(row, theme.dim)
            line = Line(line.width).to(18, theme.text)
