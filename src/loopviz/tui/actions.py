"""The one table of what keys do: bindings, footer, help, palette and the docs are made from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loopviz.tui.look import LIVE, VIEWS
from loopviz.tui.paint.scene import FIX_LETTERS, Scene

__all__ = ["ACTIONS", "GROUPS", "Action", "footer", "named"]


def _always(_: Scene) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key does."""

    name: str
    """In the keymap file: `zoom-in`."""
    command: str
    """Its function in `tui.commands`, with an argument if it takes one: `zoom(1)`."""
    keys: tuple[str, ...]
    """As Textual calls them; the keymap file can have others."""
    shown: str
    """As people read them."""
    help: str
    """What it does, for help, palette and docs; empty: another action says it."""
    group: str
    word: str = ""
    """For the footer; empty: it is not there."""
    when: Callable[[Scene], bool] = _always
    """Whether the footer offers it now."""


GROUPS = ("fixes", "views", "rows", "time", "run", "loopviz")
"""In the order of the help."""


def _stale(scene: Scene) -> bool:
    """What runs is not what it could be: it died, or its file has changed."""
    return scene.status.changed or scene.status.phase in ("target-died", "load-died", "failed")


def _live(scene: Scene) -> bool:
    return scene.view == LIVE


def _table(scene: Scene) -> bool:
    return scene.view not in (LIVE, "lesson", "loop")


def _running(scene: Scene) -> bool:
    return scene.status.phase == "running"


def _suggested(scene: Scene) -> bool:
    """A fix is suggested that is not on yet."""
    return _running(scene) and scene.suggested is not None


def _fixes() -> Iterator[Action]:
    for place, letter in enumerate(FIX_LETTERS):
        yield Action(
            f"fix-{letter}",
            f"fix({place})",
            (letter,),
            "a … f" if place == 0 else letter,
            "flip a fix of this scenario; effective at once, under the same load"
            if place == 0
            else "",
            "fixes",
            "fixes" if place == 0 else "",
            lambda scene: bool(scene.scenario.fixes),
        )


def _views() -> Iterator[Action]:
    told = {
        LIVE: "requests, the loop, lag and what is wrong",
        "tasks": "every task: what it did and what it waits for",
        "resources": "semaphores, locks, queues, pools: who holds, who waits",
        "loop": "ready delay over time, steps, pauses",
        "diagnose": "every finding with its evidence and its line",
        "compare": "before and after the fix, in figures",
    }
    for place, (name, word) in enumerate(VIEWS, 1):
        key = str(place)
        yield Action(
            f"view-{name}", f"view('{name}')", (key,), key, f"{word}: {told[name]}", "views"
        )


ACTIONS: tuple[Action, ...] = (
    *_fixes(),
    Action(
        "suggested",
        "suggested",
        ("F", "shift+f"),
        "F",
        "apply the fix that is suggested, and say what it did",
        "fixes",
        "apply",
        _suggested,
    ),
    Action(
        "restart",
        "restart",
        ("R", "shift+r"),
        "R",
        "start the scenario anew from its file, with the same fixes and load",
        "run",
        "restart",
        _stale,
    ),
    *_views(),
    Action("next-view", "next_view(1)", ("tab",), "tab", "the next view", "views"),
    Action("previous-view", "next_view(-1)", ("shift+tab",), "shift+tab", "", "views"),
    Action(
        "lesson",
        "lesson",
        ("i",),
        "i",
        "the lesson: why, what to look at, and the source as it runs",
        "views",
        "lesson",
        _live,
    ),
    Action("down", "move(1)", ("j", "down"), "j k", "down and up a row", "rows", "row", _table),
    Action("up", "move(-1)", ("k", "up"), "k", "", "rows"),
    Action("page-down", "move(10)", ("pagedown",), "pgdn", "", "rows"),
    Action("page-up", "move(-10)", ("pageup",), "pgup", "", "rows"),
    Action("first", "move(-100000)", ("g", "home"), "g G", "the first row, the last row", "rows"),
    Action("last", "move(100000)", ("G", "end"), "G", "", "rows"),
    Action("enter", "enter", ("enter",), "enter", "open the chosen row", "rows", "open", _table),
    Action("back", "back", ("escape",), "esc", "close it again; go back", "rows"),
    Action(
        "freeze",
        "freeze",
        ("space",),
        "space",
        "hold the picture still, or let it go on; recording goes on meanwhile",
        "time",
        "freeze",
        lambda scene: not scene.frozen and _live(scene),
    ),
    Action("now", "now", ("0",), "0", "back to now", "time", "now", lambda scene: scene.frozen),
    Action(
        "less-load",
        "rate(-1)",
        ("left_square_bracket",),
        "[ ]",
        "less or more load: ×0.25 ×0.5 ×1 ×1.5 ×2 ×3 ×4 of the scenario's own",
        "run",
        "load",
        lambda scene: _running(scene) and _live(scene),
    ),
    Action("more-load", "rate(1)", ("right_square_bracket",), "]", "", "run"),
    Action("scenarios", "scenarios", ("s",), "s", "choose another scenario", "run", "scenarios"),
    Action(
        "previous-scenario",
        "neighbour(-1)",
        ("left_curly_bracket",),
        "{ }",
        "the previous or the next scenario",
        "run",
    ),
    Action("next-scenario", "neighbour(1)", ("right_curly_bracket",), "}", "", "run"),
    Action("theme", "theme", ("T", "shift+t"), "T", "dark or light colours", "loopviz"),
    Action(
        "help", "help", ("question_mark",), "?", "every key, glyph and column", "loopviz", "help"
    ),
    Action("quit", "quit", ("q", "ctrl+c"), "q", "stop everything and leave", "loopviz", "quit"),
)
"""In the order of the footer."""


def named(name: str) -> Action:
    """The action of that name."""
    return next(action for action in ACTIONS if action.name == name)


def footer(scene: Scene) -> list[tuple[str, str]]:
    """Key and word of what the footer offers now."""
    shown = []
    for action in ACTIONS:
        if action.word and action.when(scene):
            keys = action.shown
            if action.name == "fix-a":
                keys = " ".join(FIX_LETTERS[: len(scene.scenario.fixes)])
            shown.append((keys, action.word))
    return shown
