"""The scenario picker: every entry with its title, the chosen one with its lesson."""

from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType

from loopviz.catalogue import ScenarioInfo
from loopviz.tui.paint.glyphs import Glyphs
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.text import Line, clean, fit, wrap
from loopviz.tui.screens.box import BoxScreen, window

__all__ = ["PickerScreen"]

DETAIL = 6
"""Rows below the list, at least: a rule, the lesson or the error, the fixes."""


class PickerScreen(BoxScreen[str | None]):
    """Dismissed with the id of the chosen scenario, or None."""

    TITLE = "SCENARIOS"
    HINT = "j/k or arrows move · enter runs it · esc goes back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "leave", show=False),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("g,home", "move(-1000)", show=False),
        Binding("G,end", "move(1000)", show=False),
        Binding("pagedown", "move(8)", show=False),
        Binding("pageup", "move(-8)", show=False),
        Binding("enter", "choose", show=False),
    ]

    def __init__(
        self, looks: Looks, glyphs: Glyphs, entries: tuple[ScenarioInfo, ...], current: str
    ) -> None:
        super().__init__(looks, glyphs)
        self.entries, self.current = entries, current
        ids = [entry.id for entry in entries]
        self.cursor = ids.index(current) if current in ids else 0

    def tallest(self) -> int:
        return len(self.entries) + DETAIL

    def rows(self, width: int, height: int) -> list[Line]:
        if not self.entries:
            return [Line(width).add("There are no scenarios.", self.looks.dim)]
        detail = self._detail(self.entries[self.cursor], width)
        fewest = min(len(self.entries), 3)
        most = max(DETAIL, min(len(detail), height // 2)) if height >= DETAIL + fewest else 0
        shown = window(len(self.entries), height - most, self.cursor)
        wide = max(len(clean(entry.id)) for entry in self.entries)
        return [*(self._row(i, width, min(wide, 20)) for i in shown), *detail[:most]]

    def _row(self, index: int, width: int, wide: int) -> Line:
        looks, entry = self.looks, self.entries[index]
        chosen = index == self.cursor
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
        if entry.look:
            rows += said(f"look: {entry.look[0]}", looks.dim, 1)
        if entry.fixes:
            fixes = ", ".join(clean(fix.title) for fix in entry.fixes)
            rows.append(Line(width).add(fit(f"fixes: {fixes}", width, self.glyphs.more), looks.dim))
        return [*rows, *said(entry.link, looks.dim, 1)]

    def action_move(self, by: int) -> None:
        if self.entries:
            self.cursor = max(0, min(len(self.entries) - 1, self.cursor + by))
            self.repaint()

    def action_choose(self) -> None:
        """A broken entry cannot be run: stay, its error is on the screen."""
        if self.entries and not self.entries[self.cursor].error:
            self.dismiss(self.entries[self.cursor].id)

    def action_leave(self) -> None:
        self.dismiss(None)
