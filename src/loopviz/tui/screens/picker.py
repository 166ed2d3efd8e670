"""The scenario picker: every entry with its title, the chosen one with its lesson."""

from rich.style import Style

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import Line, clean, fit, wrap
from loopviz.tui.screens.box import visible_range
from loopviz.tui.screens.list_screen import ListScreen

__all__ = ["PickerScreen"]

DETAIL_ROWS = 6
"""Rows below the list, at least: a rule, the lesson or the error, the fixes."""


class PickerScreen(ListScreen[str]):
    """Dismissed with the id of the chosen scenario, or None."""

    TITLE = "SCENARIOS"

    def __init__(
        self, controller: Controller, entries: tuple[ScenarioInfo, ...], current: str
    ) -> None:
        ids = [entry.id for entry in entries]
        super().__init__(controller, ids)
        self.entries, self.current = entries, current
        self.cursor = ids.index(current) if current in ids else 0

    @property
    def hint(self) -> str:
        keys = self.keys
        if self.typing:
            return "enter runs it · esc shows all again"
        find = f" · {keys.label('filter')} finds" if keys.label("filter") else ""
        return f"{keys.label('down', 'up')} move{find} · enter runs it · esc goes back"

    def search_texts(self, place: int) -> tuple[str, str]:
        entry = self.entries[place]
        return entry.id, f"{entry.id} {entry.title} {entry.lesson}"

    def tallest(self) -> int:
        return len(self.entries) + DETAIL_ROWS + 1

    def rows(self, width: int, height: int) -> list[Line]:
        if not self.entries:
            return [Line(width).add("There are no scenarios.", self.theme.dim)]
        prompt = self.prompt(width)
        height -= len(prompt)
        if self.chosen is None:
            return [
                *prompt,
                Line(width).add("None has these words: esc shows all.", self.theme.dim),
            ]
        detail = self._detail(self.entries[self.chosen], width)
        fewest = min(len(self.found), 3)
        most = (
            max(DETAIL_ROWS, min(len(detail), height // 2)) if height >= DETAIL_ROWS + fewest else 0
        )
        visible = visible_range(len(self.found), height - most, self.cursor)
        wide = max(len(clean(entry.id)) for entry in self.entries)
        listed = [self._row(self.found[i], width, min(wide, 20)) for i in visible]
        return [*prompt, *listed, *detail[:most]]

    def choose(self, value: str) -> None:
        """A broken entry cannot be run: stay, its error is on the screen."""
        if self.chosen is not None and not self.entries[self.chosen].error:
            self.dismiss(value)

    def _row(self, index: int, width: int, wide: int) -> Line:
        theme, entry = self.theme, self.entries[index]
        chosen = index == self.chosen
        mark = self.glyphs.pointer if entry.id == self.current else " "
        text = f"broken: {clean(entry.error)}" if entry.error else clean(entry.title)
        name = fit(clean(entry.id), wide, self.glyphs.more)
        number = f"{index + 1:>{len(str(len(self.entries)))}} "
        yours = f"  {clean(entry.origin.partition(',')[0])}" if entry.origin else ""
        if entry.shadows:
            yours += ", hides one"
        line = Line(width)
        if chosen:
            row = fit(f"{mark} {number}{name}  {text}", width - len(yours), self.glyphs.more)
            return line.add(row + yours, theme.cursor)
        line.add(f"{mark} ", theme.good).add(number, theme.dim).add(name, theme.strong)
        room = line.left - 2 - len(yours)
        line.add("  ", theme.text).add(
            fit(text, room, self.glyphs.more), theme.alarm if entry.error else theme.text
        )
        return line.add(yours, theme.dim)

    def _detail(self, entry: ScenarioInfo, width: int) -> list[Line]:
        theme = self.theme

        def wrapped(text: str, style: Style, most: int = 2) -> list[Line]:
            return [Line(width).add(line, style) for line in wrap(clean(text), width)[:most]]

        rows = [Line(width).add(self.glyphs.rule * width, theme.faint)]
        rows += wrapped(entry.error, theme.alarm, 20) or wrapped(entry.lesson, theme.text)
        if entry.origin:
            rows += wrapped(entry.origin, theme.warm if entry.shadows else theme.dim)
        if entry.error:
            return rows
        for fix in entry.fixes:
            rows += wrapped(fix.unavailable, theme.warm)
        if entry.watch_for:
            rows += wrapped(f"watch: {entry.watch_for[0]}", theme.dim, 1)
        if entry.fixes:
            fixes = ", ".join(clean(fix.title) for fix in entry.fixes)
            rows.append(Line(width).add(fit(f"fixes: {fixes}", width, self.glyphs.more), theme.dim))
        return [*rows, *wrapped(entry.link, theme.dim, 1)]
