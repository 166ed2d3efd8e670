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

    Whatever can be typed is typed into `text`; only enter, esc and the keys that move do something
    else. Subclasses draw the rows, and say which texts of an entry are searched.
    """

    def __init__(self, controller: Controller, values: Sequence[Value]) -> None:
        super().__init__(controller)
        self.values = values
        """The values of all entries, in order."""
        self.text = ""
        self.cursor = 0
        self.found = list(range(len(values)))
        """Places of the entries that have all the words of `text`, in the order of the list."""

    def search_texts(self, place: int) -> tuple[str, str]:
        """The texts that are searched: the entry's name, and all of the entry."""
        raise NotImplementedError

    def choose(self, value: Value) -> None:
        """Enter was pressed on the entry with this value."""
        self.dismiss(value)

    def list_found(self, named: Sequence[int], others: Sequence[int]) -> None:
        """List these entries: those whose names have the words first."""
        self.found, self.cursor = [*named, *others], 0

    @property
    def chosen(self) -> int | None:
        """The place of the entry under the cursor."""
        return self.found[self.cursor] if self.found else None

    def move(self, by: int) -> None:
        self.cursor = max(0, min(len(self.found) - 1, self.cursor + by))
        self.redraw()

    def pressed(self, name: str, key: Key) -> None:
        text = edited(self.text, key.key, key.character)
        if key.key == "enter":
            if self.chosen is not None:
                self.choose(self.values[self.chosen])
        elif key.key == "escape":
            self.dismiss(None)
        elif text is not None:
            self._narrow(text)
        elif name in MOVES:
            self.move(MOVES[name])

    def _narrow(self, typed: str) -> None:
        self.text = typed
        words = typed.lower().split()
        named: list[int] = []
        others: list[int] = []
        for place in range(len(self.values)):
            name, anywhere = (text.lower() for text in self.search_texts(place))
            if all(word in anywhere for word in words):
                (named if all(word in name for word in words) else others).append(place)
        self.list_found(named, others)
        self.redraw()

    def prompt(self, width: int) -> list[Line]:
        """The row with the text."""
        theme = self.theme
        line = Line(width).add("> ", theme.accent)
        line.add(self.text[-(width - 20) :], theme.strong).add(" ", theme.cursor)
        count = len(self.found)
        return [line.end(f"{count} of {len(self.values)}", theme.dim, theme.text)]
