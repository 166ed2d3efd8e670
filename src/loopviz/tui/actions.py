"""The one table of what keys do: bindings, footer, help, palette and the docs are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from loopviz.tui.keys import Keymap, as_read
from loopviz.tui.look import FIX_LETTERS, LIVE, VIEWS

if TYPE_CHECKING:  # a frame has the keymap, which is made from this table
    from loopviz.tui.paint.scene import Scene

__all__ = [
    "ACTIONS",
    "DEFAULT_KEYS",
    "GROUPS",
    "Action",
    "Told",
    "footer",
    "keymap",
    "named",
    "told",
]


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
    """As people write them; the first is the one shown; the configuration file can have others."""
    help: str
    """What it does, for help, palette and docs; empty: another action says it."""
    group: str
    word: str = ""
    """For the footer; empty: it is not there."""
    when: Callable[[Scene], bool] = _always
    """Whether the footer offers it now."""
    also: tuple[str, ...] = ()
    """Actions that are told together with it: `j k`."""
    spare: int = 0
    """Where the footer is too narrow the words with the highest go first; 0: it stays."""


GROUPS = ("fixes", "views", "rows", "time", "run", "loopviz")
"""In the order of the help."""


def _stale(scene: Scene) -> bool:
    """What runs is not what it could be: it died, or its file has changed."""
    return scene.status.changed or scene.status.phase in ("target-died", "load-died", "failed")


def _live(scene: Scene) -> bool:
    return scene.view == LIVE


def _table(scene: Scene) -> bool:
    return scene.view not in (LIVE, "lesson")


def _row(scene: Scene) -> bool:
    """A row is chosen."""
    return scene.look.row is not None


def _line(scene: Scene) -> bool:
    """The chosen row is about a line of code."""
    return _row(scene) and scene.view not in ("loop", "compare")


def _running(scene: Scene) -> bool:
    return scene.status.phase == "running"


def _suggested(scene: Scene) -> bool:
    """A fix is suggested that is not on yet."""
    return _running(scene) and scene.suggested is not None


def _fixes() -> Iterator[Action]:
    names = tuple(f"fix-{letter}" for letter in FIX_LETTERS)
    for place, (name, letter) in enumerate(zip(names, FIX_LETTERS, strict=True)):
        yield Action(
            name,
            f"fix({place})",
            (letter,),
            "" if place else "flip a fix of this scenario; effective at once, under the same load",
            "fixes",
            "" if place else "fixes",
            lambda scene: bool(scene.scenario.fixes),
            also=() if place else names[1:],
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
        yield Action(
            f"view-{name}", f"view('{name}')", (str(place),), f"{word}: {told[name]}", "views"
        )


ACTIONS: tuple[Action, ...] = (
    Action(
        "restart",
        "restart",
        ("R",),
        "start the scenario anew from its file, with the same fixes and load",
        "run",
        "restart",
        _stale,
    ),
    Action("now", "now", ("0",), "back to now", "time", "now", lambda scene: scene.frozen),
    *_fixes(),
    Action(
        "suggested",
        "suggested",
        ("F",),
        "apply the fix that is suggested, and say what it did",
        "fixes",
        "apply",
        _suggested,
        spare=2,
    ),
    Action(
        "baseline",
        "baseline",
        ("B",),
        "compare everything with what runs now, from here on",
        "fixes",
        "baseline",
        lambda scene: scene.view == "compare" and _running(scene),
        spare=3,
    ),
    *_views(),
    Action(
        "next-view",
        "next_view(1)",
        ("tab",),
        "the next view, the previous one",
        "views",
        also=("previous-view",),
    ),
    Action("previous-view", "next_view(-1)", ("shift+tab",), "", "views"),
    Action(
        "down",
        "move(1)",
        ("j", "down"),
        "down and up a row",
        "rows",
        "row",
        _table,
        also=("up",),
        spare=6,
    ),
    Action("up", "move(-1)", ("k", "up"), "", "rows"),
    Action(
        "page-down",
        "move(10)",
        ("pgdn",),
        "ten rows down, ten rows up",
        "rows",
        also=("page-up",),
    ),
    Action("page-up", "move(-10)", ("pgup",), "", "rows"),
    Action(
        "first",
        "move(-100000)",
        ("g", "home"),
        "the first row, the last row",
        "rows",
        also=("last",),
    ),
    Action("last", "move(100000)", ("G", "end"), "", "rows"),
    Action(
        "enter",
        "enter",
        ("enter",),
        "open the chosen row",
        "rows",
        "open",
        lambda scene: _table(scene) and scene.view != "loop" and not scene.look.detail,
    ),
    Action(
        "back",
        "back",
        ("esc",),
        "close what was opened last: detail, range, cursor, filter, view",
        "rows",
        "back",
        lambda scene: scene.view != LIVE or bool(scene.look.filter),
    ),
    Action(
        "filter",
        "ask_filter",
        ("/",),
        "show only the rows that have a text in them",
        "rows",
        "filter",
        lambda scene: "filter" in scene.offers,
        spare=4,
    ),
    Action(
        "order",
        "order",
        ("o",),
        "sort the rows by another column",
        "rows",
        "order",
        lambda scene: "order" in scene.offers,
        spare=8,
    ),
    Action(
        "pin",
        "pin",
        ("p",),
        "keep the chosen row on top, or let it go",
        "rows",
        "pin",
        lambda scene: _row(scene) and scene.view in (LIVE, "tasks", "resources"),
        spare=9,
    ),
    Action(
        "copy",
        "copy",
        ("y",),
        "copy file:line of the chosen row",
        "rows",
        "copy line",
        _line,
        spare=7,
    ),
    Action(
        "editor",
        "edit",
        ("E",),
        "open the line of the chosen row in $VISUAL or $EDITOR",
        "rows",
        "edit",
        _line,
        spare=5,
    ),
    Action(
        "freeze",
        "freeze",
        ("space",),
        "hold the picture still, or let it go on; recording goes on meanwhile",
        "time",
        "freeze",
        lambda scene: not scene.frozen and _live(scene),
        spare=1,
    ),
    Action(
        "earlier",
        "scroll(-1)",
        ("h", "left"),
        "back and forward in time, by a quarter of the window",
        "time",
        "time",
        lambda scene: scene.frozen and _live(scene),
        also=("later",),
        spare=2,
    ),
    Action("later", "scroll(1)", ("l", "right"), "", "time"),
    Action(
        "column-back",
        "column(-1)",
        ("H", "shift+left"),
        "back and forward by a column",
        "time",
        also=("column-on",),
    ),
    Action("column-on", "column(1)", ("L", "shift+right"), "", "time"),
    Action(
        "zoom-in",
        "zoom(1)",
        ("+", "="),
        "closer and further away: a column is 1 ms to 60 s",
        "time",
        "zoom",
        lambda scene: scene.frozen and _live(scene),
        also=("zoom-out",),
        spare=5,
    ),
    Action("zoom-out", "zoom(-1)", ("-", "_"), "", "time"),
    Action(
        "next-incident",
        "incident(1)",
        ("n",),
        "the next and the previous time that something held the loop",
        "time",
        "incident",
        lambda scene: scene.frozen and _live(scene),
        also=("previous-incident",),
        spare=4,
    ),
    Action("previous-incident", "incident(-1)", ("N",), "", "time"),
    Action(
        "previous-slice",
        "slices(-1)",
        (",",),
        "the previous and the next slice of the chosen request",
        "time",
        "slice",
        lambda scene: scene.frozen and _live(scene) and _row(scene),
        also=("next-slice",),
        spare=7,
    ),
    Action("next-slice", "slices(1)", (".",), "", "time"),
    Action(
        "slower",
        "speed(-1)",
        ("<",),
        "slow motion of the last second or of the range; then slower and faster",
        "time",
        "slow motion",
        lambda scene: scene.frozen and _live(scene),
        also=("faster",),
        spare=8,
    ),
    Action("faster", "speed(1)", (">",), "", "time"),
    Action(
        "range",
        "span",
        ("v",),
        "select a range, or drop it; the keys for time and zoom then move and narrow it",
        "time",
        "range",
        lambda scene: scene.frozen and _live(scene),
        spare=6,
    ),
    Action(
        "lesson",
        "lesson",
        ("i",),
        "the lesson: why, what to look at, and the source as it runs",
        "views",
        "lesson",
        _live,
        spare=4,
    ),
    Action(
        "scenarios", "scenarios", ("s",), "choose another scenario", "run", "scenarios", spare=3
    ),
    Action(
        "less-load",
        "rate(-1)",
        ("[",),
        "less or more load: ×0.25 ×0.5 ×1 ×1.5 ×2 ×3 ×4 of the scenario's own",
        "run",
        "load",
        lambda scene: _running(scene) and _live(scene),
        also=("more-load",),
        spare=9,
    ),
    Action("more-load", "rate(1)", ("]",), "", "run"),
    Action(
        "previous-scenario",
        "neighbour(-1)",
        ("{",),
        "the previous or the next scenario",
        "run",
        also=("next-scenario",),
    ),
    Action("next-scenario", "neighbour(1)", ("}",), "", "run"),
    Action(
        "palette",
        "palette",
        ("ctrl+p",),
        "find anything by its name: keys, fixes, scenarios",
        "loopviz",
    ),
    Action("theme", "theme", ("T",), "other colours: dark, light, contrast", "loopviz"),
    Action(
        "screenshot",
        "screenshot",
        ("S",),
        "save the screen as SVG into the folder where loopviz was started",
        "loopviz",
    ),
    Action("help", "help", ("?",), "every key, glyph and column", "loopviz", "help"),
    Action("quit", "quit", ("q",), "stop everything and leave", "loopviz", "quit"),
)
"""In the order of the footer: what matters now goes first."""


def named(name: str) -> Action:
    """The action of that name."""
    return next(action for action in ACTIONS if action.name == name)


def keymap(own: Mapping[str, Sequence[str]] | None = None) -> Keymap:
    """The table's keys, but for the actions that `own` has others for."""
    return Keymap({action.name: action.keys for action in ACTIONS} | dict(own or {}))


DEFAULT_KEYS = keymap()


class Told(NamedTuple):
    """Actions that are told together."""

    names: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    """Of each, as people read them."""
    text: str
    group: str


def told(own: Mapping[str, Sequence[str]] | None = None) -> Iterator[Told]:
    """Every key with what it does, for tables; `own` as `keymap` has it."""
    keys = {action.name: action.keys for action in ACTIONS} | dict(own or {})
    for action in ACTIONS:
        if action.help:
            names = (action.name, *action.also)
            read = tuple(tuple(as_read(key) for key in keys[name]) for name in names)
            yield Told(names, read, action.help, action.group)


def footer(scene: Scene, *, tabs: bool = False) -> list[tuple[str, str, int]]:
    """What the footer offers now: key, word, and how soon it may go (see `spare`).

    `tabs`: the views' keys are on the screen already.
    """
    said = []
    for action in ACTIONS:
        if action.name == "next-view" and not tabs:
            said.append((scene.keys.shown(*(f"view-{name}" for name, _ in VIEWS)), "views", 1))
        if action.word and action.when(scene):
            names = (action.name, *action.also)
            if action.group == "fixes":
                names = names[: len(scene.scenario.fixes)]
            said.append((scene.keys.shown(*names), action.word, action.spare))
    return [item for item in said if item[0]]
