"""A box with a list: a cursor, and a text that narrows it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.events import Key

from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import Line
from loopviz.tui.screens.box import MOVES, BoxScreen
from loopviz.tui.state.line_edit import edited

__all__ = ["ListScreen"]


Value = TypeVar("Value")


class ListScreen(BoxScreen[Value | None], Generic[Value]):
    """Dismissed with the value of the chosen entry, or None.

    Subclasses draw the rows, and say which texts of an entry are searched.
    """

    def __init__(
        self, controller: Controller, values: Sequence[Value], *, typing: bool = False
    ) -> None:
        super().__init__(controller)
        self.values = values
        """The values of all entries, in order."""
        self.typing = self._always = typing
        """Keys write into `text`; from the beginning to the end, if they do in the beginning."""
        self.text = ""
        self.cursor = 0
        self.found = list(range(len(values)))
        """Places of the entries that have all the words of `text`; first those by their names."""

    def search_texts(self, place: int) -> tuple[str, str]:
        """The texts that are searched: the entry's name, and all of the entry."""
        raise NotImplementedError

    def choose(self, value: Value) -> None:
        """Enter was pressed on the entry with this value."""
        self.dismiss(value)

    @property
    def chosen(self) -> int | None:
        """The place of the entry under the cursor."""
        return self.found[self.cursor] if self.found else None

    def move(self, by: int) -> None:
        self.cursor = max(0, min(len(self.found) - 1, self.cursor + by))
        self.redraw()

    def pressed(self, name: str, key: Key) -> None:
        if key.key == "enter" and self.chosen is not None:
            self.choose(self.values[self.chosen])
        elif self.typing:
            self._typed(name, key)
        elif name == "filter":
            self.typing = True
            self.redraw()
        elif name == "back" and self.text:
            self._narrow("")
        else:
            super().pressed(name, key)

    def _typed(self, name: str, key: Key) -> None:
        text = edited(self.text, key.key, key.character)
        if key.key == "escape":
            self.typing = self._always
            if self._always:
                self.dismiss(None)
            else:
                self._narrow("")
        elif text is not None:
            self._narrow(text)
        elif name in MOVES:
            self.move(MOVES[name])

    def _narrow(self, typed: str) -> None:
        self.text = typed
        words = typed.lower().split()
        has = [
            [all(word in text.lower() for word in words) for text in self.search_texts(place)]
            for place in range(len(self.values))
        ]
        found = [place for place, (_, anywhere) in enumerate(has) if anywhere]
        self.found = sorted(found, key=lambda place: not has[place][0])
        self.cursor = 0
        self.redraw()

    def prompt(self, width: int) -> list[Line]:
        """The row with the text, if there is one or will be."""
        if not self.typing and not self.text:
            return []
        theme = self.theme
        line = Line(width).add(f"{self.keys.label('filter') or '/'} ", theme.accent)
        line.add(self.text[-(width - 20) :], theme.strong)
        if self.typing:
            line.add(" ", theme.cursor)
        count = len(self.found)
        return [line.end(f"{count} of {len(self.values)}", theme.dim, theme.text)]
