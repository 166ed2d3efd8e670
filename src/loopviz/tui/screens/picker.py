"""The scenario picker: every entry with its title, the chosen one with its lesson."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from loopviz.catalogue import ScenarioInfo
from loopviz.tui.paint.glyphs import Glyphs
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.text import Line, clean, fit, wrap
from loopviz.tui.screens.box import BoxScreen, window

__all__ = ["PickerScreen"]

DETAIL = 6
"""Rows below the list: a rule, the lesson or the error, where it happened."""


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
        looks = self.looks
        if not self.entries:
            return [Line(width).add("There are no scenarios.", looks.dim)]
        detail = DETAIL if height >= DETAIL + min(len(self.entries), 3) else 0
        shown = window(len(self.entries), height - detail, self.cursor)
        wide = max(len(clean(entry.id)) for entry in self.entries)
        rows = [self._row(i, width, min(wide, 20)) for i in shown]
        if detail:
            rows += self._detail(self.entries[self.cursor], width)
        return rows

    def _row(self, index: int, width: int, wide: int) -> Line:
        looks, entry = self.looks, self.entries[index]
        chosen = index == self.cursor
        mark = self.glyphs.pointer if entry.id == self.current else " "
        text = clean(entry.title) if not entry.error else f"broken: {clean(entry.error)}"
        name = fit(clean(entry.id), wide, self.glyphs.more)
        line = Line(width)
        if chosen:
            return line.add(fit(f"{mark} {name}  {text}", width, self.glyphs.more), looks.cursor)
        line.add(f"{mark} ", looks.good).add(name, looks.strong).add("  ", looks.text)
        return line.add(text, looks.alarm if entry.error else looks.text)

    def _detail(self, entry: ScenarioInfo, width: int) -> list[Line]:
        looks = self.looks
        rows = [Line(width).add(self.glyphs.rule * width, looks.faint)]
        text, style = (entry.error, looks.alarm) if entry.error else (entry.lesson, looks.text)
        rows += [Line(width).add(line, style) for line in wrap(clean(text), width)[:2]]
        if entry.look and not entry.error:
            first = wrap(f"look: {clean(entry.look[0])}", width)[:1]
            rows += [Line(width).add(line, looks.dim) for line in first]
        fixes = ", ".join(clean(fix.title) for fix in entry.fixes)
        if fixes:
            rows.append(Line(width).add(f"fixes: {fixes}", looks.dim))
        if entry.link:
            rows.append(Line(width).add(clean(entry.link), looks.dim))
        return rows[:DETAIL]

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
