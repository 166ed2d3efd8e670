"""The scenario picker: every entry under its group, with its lesson; typing narrows the list."""

from collections.abc import Iterator, Sequence

from rich.style import Style

from loopviz.lab.catalogue import ScenarioInfo, grouped
from loopviz.tui.controller import Controller
from loopviz.tui.draw.shorten import shortened
from loopviz.tui.draw.text import Line, cell_width, clean, fit, wrap
from loopviz.tui.screens.box import visible_range
from loopviz.tui.screens.list_screen import ListScreen

__all__ = ["PickerScreen"]

MIN_DETAIL_ROWS = 3
"""Rows below the list, at least: a rule, and the lesson in full."""

LESSON_CELLS = 24
"""The narrowest column of lessons that says something."""


class PickerScreen(ListScreen[str]):
    """Dismissed with the id of the chosen scenario, or None."""

    TITLE = "SCENARIOS"
    WIDEST = 150

    def __init__(
        self, controller: Controller, entries: tuple[ScenarioInfo, ...], current: str
    ) -> None:
        self.entries = [entry for _, members in grouped(entries) for entry in members]
        self._group = {entry.id: group for group, members in grouped(entries) for entry in members}
        ids = [entry.id for entry in self.entries]
        super().__init__(controller, ids)
        self.current = current
        self.cursor = ids.index(current) if current in ids else 0

    @property
    def hint(self) -> str:
        return "type to search · up and down move · enter runs it · esc goes back"

    def search_texts(self, place: int) -> tuple[str, str]:
        entry = self.entries[place]
        fixes = " ".join(f"{fix.key} {fix.title}" for fix in entry.fixes)
        return entry.id, f"{entry.id} {entry.title} {entry.lesson} {fixes} {self._group[entry.id]}"

    def list_found(self, named: Sequence[int], others: Sequence[int]) -> None:
        """The groups keep their order; the cursor goes to the first one with such a name."""
        self.found = sorted([*named, *others])
        self.cursor = self.found.index(named[0]) if named and self.text.strip() else 0

    def tallest(self) -> int:
        groups = len(set(self._group.values()))
        details = (self._detail(entry, self.widest() - 4) for entry in self.entries)
        longest = max((len(needed) + len(more) for needed, more in details), default=0)
        return 1 + len(self.entries) + groups + longest

    def rows(self, width: int, height: int) -> list[Line]:
        if not self.entries:
            return [Line(width).add("There are no scenarios.", self.theme.dim)]
        prompt = self.prompt(width)
        if self.chosen is None:
            none = "None has these words: backspace takes them away."
            return [*prompt, Line(width).add(none, self.theme.dim)]
        entry = self.entries[self.chosen]
        listed = list(self._listed())
        room = height - len(prompt)
        needed, more = self._detail(entry, width)
        detail = [*needed, *more]
        most = min(len(detail), max(MIN_DETAIL_ROWS, len(needed), room - len(listed)))
        most = most if room - most >= min(3, len(listed)) else 0
        return [*prompt, *self._visible(listed, room - most, width), *detail[:most]]

    def choose(self, value: str) -> None:
        """A broken entry cannot be run: stay, its error is on the screen."""
        if self.chosen is not None and not self.entries[self.chosen].error:
            self.dismiss(value)

    def _listed(self) -> Iterator[str | int]:
        """The rows of the list: groups, and indices into `found`."""
        group = ""
        for at, place in enumerate(self.found):
            if (new := self._group[self.entries[place].id]) != group:
                group = new
                yield group
            yield at

    def _visible(self, listed: list[str | int], height: int, width: int) -> Iterator[Line]:
        """The rows around the cursor; at the edges, how many entries lie beyond."""
        middle = listed.index(self.cursor)
        shown = visible_range(len(listed), height, middle if middle > 1 else 0)
        for row in shown:
            above, below = listed[:row], listed[row + 1 :]
            beyond = ""
            if row == shown[0] and _entries(above):
                beyond = f"  {self.glyphs.up} {_entries(above)} more"
            elif row == shown[-1] and below:
                beyond = f"  {self.glyphs.down} {_entries(below)} more"
            line = self._line(listed[row], width - cell_width(beyond), width)
            yield line.end(beyond, self.theme.accent, self.theme.text)

    def _line(self, what: str | int, room: int, width: int) -> Line:
        """A row of the list on `room` cells."""
        if isinstance(what, str):
            return Line(width).add(fit(clean(what).upper(), room), self.theme.title)
        return self._row(self.found[what], room, width)

    def _row(self, place: int, room: int, width: int) -> Line:
        theme, entry, more = self.theme, self.entries[place], self.glyphs.more
        mark = self.glyphs.pointer if entry.id == self.current else " "
        number = f"{place + 1:>{len(str(len(self.entries)))}} "
        name = fit(clean(entry.id), min(20, self._wide("id")), more)
        yours = f"  {clean(entry.origin.partition(',')[0])}" if entry.origin else ""
        yours += ", hides one" if entry.shadows else ""
        title, lesson = self._texts(entry, room - len(mark + number + name) - 3 - len(yours))
        line = Line(width)
        if place == self.chosen:
            line.add(f"{mark} {number}{name}  {title}{lesson}", theme.cursor)
            return line.to(room - len(yours), theme.cursor).add(yours, theme.cursor)
        line.add(f"{mark} ", theme.good).add(number, theme.dim).add(f"{name}  ", theme.strong)
        line.add(title, theme.alarm if entry.error else theme.text).add(lesson, theme.dim)
        return line.to(room - len(yours), theme.text).add(yours, theme.dim)

    def _texts(self, entry: ScenarioInfo, room: int) -> tuple[str, str]:
        """Title and lesson, as far as they fit; of a broken entry, that it is."""
        more = self.glyphs.more
        if entry.error:
            return fit(f"broken: {clean(entry.error)}", room, more), ""
        wide = min(self._wide("title"), room)
        title = fit(clean(entry.title), wide, more)
        if room - wide - 2 < LESSON_CELLS:
            return title, ""
        return title, f"  {_start(clean(entry.lesson), room - wide - 2, more)}"

    def _wide(self, name: str) -> int:
        return max(cell_width(clean(getattr(entry, name))) for entry in self.entries)

    def _detail(self, entry: ScenarioInfo, width: int) -> tuple[list[Line], list[Line]]:
        """The rows about an entry: those that it needs, and those for which there may be room."""
        theme = self.theme

        def wrapped(text: str, style: Style, most: int = 2) -> list[Line]:
            lines = shortened(clean(text), most, width, self.glyphs.more) if text else []
            return [Line(width).add(line, style) for line in lines]

        needed = [Line(width).add(self.glyphs.rule * width, theme.faint)]
        needed += wrapped(entry.error, theme.alarm, 20) or wrapped(entry.lesson, theme.text)
        needed += wrapped(entry.origin, theme.warm if entry.shadows else theme.dim)
        if entry.error:
            return needed, []
        for fix in entry.fixes:
            needed += wrapped(fix.unavailable, theme.warm)
        more = wrapped(f"watch: {entry.watch_for[0]}", theme.dim, 1) if entry.watch_for else []
        if entry.fixes:
            more += wrapped("fixes: " + " · ".join(fix.title for fix in entry.fixes), theme.dim)
        return needed, [*more, *wrapped(entry.link, theme.dim, 1)]


def _entries(rows: Sequence[str | int]) -> int:
    """How many of these rows are entries."""
    return sum(isinstance(row, int) for row in rows)


def _start(text: str, width: int, more: str) -> str:
    """The whole text, or its first words."""
    if cell_width(text) <= width:
        return text
    return f"{wrap(text, width - cell_width(more))[0].rstrip(',:;')}{more}"
