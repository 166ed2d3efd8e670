"""The command palette: whatever can be done, found by its words."""

from dataclasses import dataclass

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.tui.controller import Controller
from loopviz.tui.draw.shorten import shortened
from loopviz.tui.draw.text import Line, cell_width, clean, fit, wrap
from loopviz.tui.screens.box import visible_range
from loopviz.tui.screens.list_screen import ListScreen
from loopviz.tui.state.actions import ACTIONS, Action

__all__ = ["CommandPaletteScreen", "PaletteEntry", "palette_entries"]

DETAIL_ROWS = 3
"""Rows below the list: a rule, and the chosen command's text in full."""


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """One row."""

    name: str
    """What the screen is dismissed with: an action's name, or `scenario:ID`."""
    title: str
    text: str
    key: str = ""


def palette_entries(
    controller: Controller, entries: tuple[ScenarioInfo, ...]
) -> list[PaletteEntry]:
    """The fixes of this scenario, then every action, then the scenarios that can be run."""
    help_of = {name: action.help for action in ACTIONS for name in action.also}
    scene = controller.scene
    fixes = scene.scenario.fixes if scene else ()
    on = scene.status.fixes_on if scene else frozenset()
    flips = [action for action in ACTIONS if action.name.startswith("fix-")]
    return [
        *(
            _fix(action, fix.title, controller, on=fix.key in on)
            for action, fix in zip(flips, fixes, strict=False)
        ),
        *(
            PaletteEntry(
                action.name,
                action.name.replace("-", " "),
                action.help or help_of.get(action.name, ""),
                controller.keys.label(action.name),
            )
            for action in ACTIONS
            if action not in flips and action.name not in ("palette", "up", "down")
        ),
        *(
            PaletteEntry(f"scenario:{entry.id}", f"scenario {entry.id}", entry.title)
            for entry in entries
            if not entry.error
        ),
    ]


def _fix(action: Action, title: str, controller: Controller, *, on: bool) -> PaletteEntry:
    text = f"{title} (on)" if on else title
    return PaletteEntry(
        action.name, action.name.replace("-", " "), text, controller.keys.label(action.name)
    )


class CommandPaletteScreen(ListScreen):
    """Dismissed with the name of the chosen command, or None."""

    TITLE = "COMMANDS"
    WIDEST = 116

    def __init__(self, controller: Controller, entries: tuple[ScenarioInfo, ...]) -> None:
        self.palette_entries = palette_entries(controller, entries)
        super().__init__(
            controller, [command.name for command in self.palette_entries], typing=True
        )

    @property
    def hint(self) -> str:
        return "type words · up and down move · enter does it · esc goes back"

    def search_texts(self, place: int) -> tuple[str, str]:
        command = self.palette_entries[place]
        return command.title, f"{command.title} {command.text}"

    def tallest(self) -> int:
        return len(self.palette_entries) + 1 + DETAIL_ROWS

    def rows(self, width: int, height: int) -> list[Line]:
        prompt = self.prompt(width)
        if self.chosen is None:
            return [*prompt, Line(width).add("Nothing has these words.", self.theme.dim)]
        detail = self._detail(self.palette_entries[self.chosen], width)
        room = height - len(prompt) - DETAIL_ROWS
        visible = visible_range(len(self.found), room, self.cursor)
        rows = [self._row(self.found[i], width) for i in visible]
        return [*prompt, *rows, *[Line(width)] * (room - len(rows)), *detail]

    def _detail(self, command: PaletteEntry, width: int) -> list[Line]:
        """A rule, and the whole of what the command does."""
        theme = self.theme
        lines = wrap(clean(command.text), width - 2)[: DETAIL_ROWS - 1]
        rule = Line(width).add(self.glyphs.rule * width, theme.faint)
        return [rule, *(Line(width).add(f"  {text}", theme.text) for text in lines)]

    def _row(self, place: int, width: int) -> Line:
        theme, command = self.theme, self.palette_entries[place]
        wide = min(20, max(cell_width(clean(each.title)) for each in self.palette_entries))
        title = fit(clean(command.title), wide, self.glyphs.more)
        room = width - wide - 15
        short = shortened(clean(command.text), 1, room, self.glyphs.more)
        text = fit(" ".join(short), room)
        line = Line(width)
        if place == self.chosen:
            line.add(f"{self.glyphs.pointer} {title}  {text}", theme.cursor)
            return line.to(width - 10, theme.cursor).add(fit(command.key, 10), theme.cursor)
        line.add(f"  {title}", theme.strong).add(f"  {text}", theme.dim)
        return line.to(width - 10, theme.text).add(command.key, theme.accent)
