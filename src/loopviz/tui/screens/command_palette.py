"""The command palette: whatever can be done, found by its words."""

from collections.abc import Iterator
from dataclasses import dataclass

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.tui.controller import Controller
from loopviz.tui.draw.shorten import shortened
from loopviz.tui.draw.text import Line, cell_width, clean, fit, wrap
from loopviz.tui.screens.box import visible_range
from loopviz.tui.screens.list_screen import ListScreen
from loopviz.tui.state.action import Action
from loopviz.tui.state.actions import ACTIONS

__all__ = ["CommandPaletteScreen", "PaletteEntry", "palette_entries"]

DETAIL_ROWS = 3
"""Rows below the list: a rule, and the chosen command's text in full."""


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """One row."""

    value: Action | ScenarioInfo
    """The action, or the scenario to run."""
    title: str
    text: str
    key: str = ""


def palette_entries(
    controller: Controller, scenarios: tuple[ScenarioInfo, ...]
) -> Iterator[PaletteEntry]:
    """The fixes of this scenario, then every action, then the scenarios that can be run."""
    scene = controller.scene
    fixes = scene.scenario.fixes if scene else ()
    on = scene.status.fixes_on if scene else frozenset()
    toggles = [action for action in ACTIONS if action.command == "fix"]
    for action, fix in zip(toggles, fixes, strict=False):
        yield _entry(action, f"{fix.title} (on)" if fix.key in on else fix.title, controller)
    help_of = {name: action.help for action in ACTIONS for name in action.also}
    for action in ACTIONS:
        if action not in toggles and action.name not in ("palette", "up", "down"):
            yield _entry(action, action.help or help_of.get(action.name, ""), controller)
    for scenario in scenarios:
        if not scenario.error:
            yield PaletteEntry(scenario, f"scenario {scenario.id}", scenario.title)


def _entry(action: Action, text: str, controller: Controller) -> PaletteEntry:
    title = action.name.replace("-", " ")
    return PaletteEntry(action, title, text, controller.keys.label(action.name))


class CommandPaletteScreen(ListScreen[Action | ScenarioInfo]):
    """Dismissed with the chosen action or scenario, or None."""

    TITLE = "COMMANDS"
    WIDEST = 116

    def __init__(self, controller: Controller, scenarios: tuple[ScenarioInfo, ...]) -> None:
        self.entries = list(palette_entries(controller, scenarios))
        super().__init__(controller, [entry.value for entry in self.entries])

    @property
    def hint(self) -> str:
        return "type words · up and down move · enter does it · esc goes back"

    def search_texts(self, place: int) -> tuple[str, str]:
        entry = self.entries[place]
        return entry.title, f"{entry.title} {entry.text}"

    def tallest(self) -> int:
        return len(self.entries) + 1 + DETAIL_ROWS

    def rows(self, width: int, height: int) -> list[Line]:
        prompt = self.prompt(width)
        if self.chosen is None:
            return [*prompt, Line(width).add("Nothing has these words.", self.theme.dim)]
        detail = self._detail(self.entries[self.chosen], width)
        room = height - len(prompt) - DETAIL_ROWS
        visible = visible_range(len(self.found), room, self.cursor)
        rows = [self._row(self.found[i], width) for i in visible]
        return [*prompt, *rows, *[Line(width)] * (room - len(rows)), *detail]

    def _detail(self, entry: PaletteEntry, width: int) -> list[Line]:
        """A rule, and the whole of what the entry does."""
        theme = self.theme
        lines = wrap(clean(entry.text), width - 2)[: DETAIL_ROWS - 1]
        rule = Line(width).add(self.glyphs.rule * width, theme.faint)
        return [rule, *(Line(width).add(f"  {text}", theme.text) for text in lines)]

    def _row(self, place: int, width: int) -> Line:
        theme, entry = self.theme, self.entries[place]
        wide = min(20, max(cell_width(clean(each.title)) for each in self.entries))
        title = fit(clean(entry.title), wide, self.glyphs.more)
        room = width - wide - 15
        short = shortened(clean(entry.text), 1, room, self.glyphs.more, silent=True)
        text = fit(" ".join(short), room)
        line = Line(width)
        if place == self.chosen:
            line.add(f"{self.glyphs.pointer} {title}  {text}", theme.cursor)
            return line.to(width - 10, theme.cursor).add(fit(entry.key, 10), theme.cursor)
        line.add(f"  {title}", theme.strong).add(f"  {text}", theme.dim)
        return line.to(width - 10, theme.text).add(entry.key, theme.accent)
