"""The key that was pressed last and what it did, for those who watch a presenter."""

from textual.strip import Strip

from loopviz.tui.draw.text import Line, clean, fit
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.action import Action
from loopviz.tui.state.actions import action_named
from loopviz.tui.state.view_state import VIEWS

__all__ = ["draw_keycast"]


def draw_keycast(scene: Scene, width: int) -> list[Strip]:
    """One row in the footer's place: ` a  await asyncio.to_thread(...): on`."""
    theme, action = scene.theme, action_named(scene.pressed)
    key = scene.keys.label(action.name)
    line = Line(width).add(" ", theme.bar).add(f" {key} ", theme.cursor).add("  ", theme.bar)
    line.add(fit(_what(action, scene), line.left, scene.glyphs.more), theme.bar_strong)
    return [line.strip(theme.bar)]


def _what(action: Action, scene: Scene) -> str:
    """What the key did, as the frame shows it."""
    if action.command in ("fix", "suggested"):
        return _fix(action, scene)
    if action.command == "view":
        return f"the view {dict(VIEWS)[str(action.argument)]}"
    if action.command == "rate":
        return f"the load is {scene.glyphs.times}{scene.status.rate:g} of the scenario's own"
    if action.command == "freeze":
        return "the picture stands still, the app goes on" if scene.frozen else "live again"
    if action.command == "speed" and scene.view_state.speed:
        return f"slow motion: {scene.view_state.speed:g}{scene.glyphs.times}"
    return action.name.replace("-", " ")


def _fix(action: Action, scene: Scene) -> str:
    fixes, place = scene.scenario.fixes, action.argument
    if isinstance(place, int) and place < len(fixes):
        state = "on" if fixes[place].key in scene.status.fixes_on else "off"
        return f"{clean(fixes[place].title)}: {state}"
    on = [fix.title for fix in fixes if fix.key in scene.status.fixes_on]
    return f"{clean(on[0])}: on" if on else action.name.replace("-", " ")
