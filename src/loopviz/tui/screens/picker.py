"""The scenario picker: every entry with its title, the chosen one with its lesson."""

from rich.style import Style

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.tui.controller import Desk
from loopviz.tui.draw.text import Line, clean, fit, wrap
from loopviz.tui.screens.box import window
from loopviz.tui.screens.listed import ListScreen

__all__ = ["PickerScreen"]

DETAIL = 6
"""Rows below the list, at least: a rule, the lesson or the error, the fixes."""


class PickerScreen(ListScreen):
    """Dismissed with the id of the chosen scenario, or None."""

    TITLE = "SCENARIOS"

    def __init__(self, desk: Desk, entries: tuple[ScenarioInfo, ...], current: str) -> None:
        ids = [entry.id for entry in entries]
        super().__init__(desk, ids)
        self.entries, self.current = entries, current
        self.cursor = ids.index(current) if current in ids else 0

    @property
    def hint(self) -> str:
        keys = self.keys
        if self.typing:
            return "enter runs it · esc shows all again"
        find = f" · {keys.shown('filter')} finds" if keys.shown("filter") else ""
        return f"{keys.shown('down', 'up')} move{find} · enter runs it · esc goes back"

    def said(self, place: int) -> tuple[str, str]:
        entry = self.entries[place]
        return entry.id, f"{entry.id} {entry.title} {entry.lesson}"

    def tallest(self) -> int:
        return len(self.entries) + DETAIL + 1

    def rows(self, width: int, height: int) -> list[Line]:
        if not self.entries:
            return [Line(width).add("There are no scenarios.", self.looks.dim)]
        prompt = self.prompt(width)
        height -= len(prompt)
        if self.chosen is None:
            return [
                *prompt,
                Line(width).add("None has these words: esc shows all.", self.looks.dim),
            ]
        detail = self._detail(self.entries[self.chosen], width)
        fewest = min(len(self.found), 3)
        most = max(DETAIL, min(len(detail), height // 2)) if height >= DETAIL + fewest else 0
        shown = window(len(self.found), height - most, self.cursor)
        wide = max(len(clean(entry.id)) for entry in self.entries)
        listed = [self._row(self.found[i], width, min(wide, 20)) for i in shown]
        return [*prompt, *listed, *detail[:most]]

    def choose(self, name: str) -> None:
        """A broken entry cannot be run: stay, its error is on the screen."""
        if self.chosen is not None and not self.entries[self.chosen].error:
            self.dismiss(name)

    def _row(self, index: int, width: int, wide: int) -> Line:
        looks, entry = self.looks, self.entries[index]
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
            shown = fit(f"{mark} {number}{name}  {text}", width - len(yours), self.glyphs.more)
            return line.add(shown + yours, looks.cursor)
        line.add(f"{mark} ", looks.good).add(number, looks.dim).add(name, looks.strong)
        room = line.left - 2 - len(yours)
        line.add("  ", looks.text).add(
            fit(text, room, self.glyphs.more), looks.alarm if entry.error else looks.text
        )
        return line.add(yours, looks.dim)

    def _detail(self, entry: ScenarioInfo, width: int) -> list[Line]:
        looks = self.looks

        def said(text: str, style: Style, most: int = 2) -> list[Line]:
            return [Line(width).add(line, style) for line in wrap(clean(text), width)[:most]]

        rows = [Line(width).add(self.glyphs.rule * width, looks.faint)]
        rows += said(entry.error, looks.alarm, 20) or said(entry.lesson, looks.text)
        if entry.origin:
            rows += said(entry.origin, looks.warm if entry.shadows else looks.dim)
        if entry.error:
            return rows
        for fix in entry.fixes:
            rows += said(fix.unavailable, looks.warm)
        if entry.watch_for:
            rows += said(f"look: {entry.watch_for[0]}", looks.dim, 1)
        if entry.fixes:
            fixes = ", ".join(clean(fix.title) for fix in entry.fixes)
            rows.append(Line(width).add(fit(f"fixes: {fixes}", width, self.glyphs.more), looks.dim))
        return [*rows, *said(entry.link, looks.dim, 1)]
