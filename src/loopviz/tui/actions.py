"""The one table of keys: bindings, footer and help are made from it."""

from collections.abc import Callable
from dataclasses import dataclass

from textual.binding import Binding

from loopviz.tui.paint.scene import FIX_LETTERS, Scene

__all__ = ["ACTIONS", "Action", "bindings", "shown_now"]


def _always(_: Scene) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key does. `name` is the app's `action_…` method with its arguments."""

    name: str
    keys: tuple[str, ...]
    """As Textual calls them."""
    shown: str
    """As people read them."""
    word: str
    """For the footer."""
    help: str
    when: Callable[[Scene], bool] = _always
    """Whether the footer offers it now."""


def _stale(scene: Scene) -> bool:
    """What runs is not what it could be: it died, or its file has changed."""
    return scene.status.changed or scene.status.phase in ("target-died", "load-died", "failed")


def _live(scene: Scene) -> bool:
    return scene.view == "live"


def _lesson(scene: Scene) -> bool:
    return scene.view == "lesson"


def _running(scene: Scene) -> bool:
    return scene.status.phase == "running"


def _suggested(scene: Scene) -> bool:
    """A fix is suggested that is not on yet."""
    return _running(scene) and scene.suggested is not None


ACTIONS: tuple[Action, ...] = (
    Action(
        "fix",
        tuple(FIX_LETTERS),
        "a b c",
        "fixes",
        "flip a fix of this scenario; effective at once, under the same load",
        lambda scene: bool(scene.scenario.fixes),
    ),
    Action(
        "suggested",
        ("F", "shift+f"),
        "F",
        "apply",
        "apply the fix that is suggested",
        _suggested,
    ),
    Action(
        "restart",
        ("R", "shift+r"),
        "R",
        "restart",
        "start the scenario anew from its file, with the same fixes and load",
        _stale,
    ),
    Action(
        "slower",
        ("left_square_bracket",),
        "[",
        "",
        "less load: ×0.25 ×0.5 ×1 ×1.5 ×2 ×3 ×4 of the scenario's own",
        _running,
    ),
    Action("faster", ("right_square_bracket",), "]", "", "more load", _running),
    Action("load", (), "[ ]", "load", "", lambda scene: _running(scene) and _live(scene)),
    Action(
        "freeze",
        ("space",),
        "space",
        "freeze",
        "hold the picture still; recording goes on",
        lambda scene: not scene.frozen and _live(scene),
    ),
    Action("freeze", (), "space", "go live", "", lambda scene: scene.frozen),
    Action(
        "lesson",
        ("i",),
        "i",
        "lesson",
        "the lesson: why, what to look at, and the source as it runs",
        _live,
    ),
    Action("scroll(1)", ("j", "down"), "j k", "scroll", "move in the lesson", _lesson),
    Action("scroll(-1)", ("k", "up"), "k", "", ""),
    Action("scroll(10)", ("pagedown",), "", "", ""),
    Action("scroll(-10)", ("pageup",), "", "", ""),
    Action("leave", ("escape",), "esc", "back", "from the lesson to the live view", _lesson),
    Action("scenarios", ("s",), "s", "scenarios", "choose another scenario"),
    Action("next(-1)", ("left_curly_bracket",), "{", "", "the previous scenario"),
    Action("next(1)", ("right_curly_bracket",), "}", "", "the next scenario"),
    Action("theme", ("T", "shift+t"), "T", "theme", "dark or light colours"),
    Action("help", ("question_mark",), "?", "help", "keys and glyphs"),
    Action("quit", ("q", "ctrl+c"), "q", "quit", "stop everything and leave"),
)
"""In the order of the footer. Entries without `keys` only lend their word to the footer, those
without `word` are left out of it, those without `help` are left out of the help."""


def bindings() -> list[Binding]:
    """Textual's bindings for the app; a fix's letter becomes its place in the scenario."""
    made = []
    for action in ACTIONS:
        for place, key in enumerate(action.keys):
            name = f"fix({place})" if action.name == "fix" else action.name
            made.append(Binding(key, name, action.word, show=False, priority=key == "ctrl+c"))
    return made


def shown_now(scene: Scene) -> list[tuple[str, str]]:
    """Key and word of what the footer offers now."""
    shown = []
    for action in ACTIONS:
        if action.word and action.when(scene):
            keys = action.shown
            if action.name == "fix":
                keys = " ".join(FIX_LETTERS[: len(scene.scenario.fixes)])
            shown.append((keys, action.word))
    return shown
