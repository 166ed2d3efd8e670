"""The one table of what keys do: bindings, footer, help, palette and the docs are made from it."""

from collections.abc import Iterator, Mapping, Sequence

from loopviz.tui.state import availability
from loopviz.tui.state.action import Action
from loopviz.tui.state.keys import Keymap
from loopviz.tui.state.view_state import FIX_LETTERS, LIVE, VIEWS

__all__ = ["ACTIONS", "DEFAULT_KEYS", "action_named", "make_keymap"]


def _fixes() -> Iterator[Action]:
    names = tuple(f"fix-{letter}" for letter in FIX_LETTERS)
    for place, (name, letter) in enumerate(zip(names, FIX_LETTERS, strict=True)):
        yield Action(
            name,
            "fix",
            (letter,),
            "" if place else "switch to a fix, or off again: at once, under the same load",
            "fixes",
            "" if place else "fixes",
            lambda scene: bool(scene.scenario.fixes),
            also=() if place else names[1:],
            argument=place,
        )


def _views() -> Iterator[Action]:
    help_of = {
        LIVE: "requests, the loop, lag and what is wrong",
        "tasks": "every task: what it did and what it waits for",
        "resources": "semaphores, locks, queues, pools: who holds, who waits",
        "loop": "ready delay over time, steps, pauses",
        "diagnose": "every finding with its evidence and its line",
        "compare": "before and after the fix, in figures",
    }
    for place, (name, word) in enumerate(VIEWS, 1):
        yield Action(
            f"view-{name}",
            "view",
            (str(place),),
            f"{word}: {help_of[name]}",
            "views",
            argument=name,
        )


ACTIONS: tuple[Action, ...] = (
    Action(
        "restart",
        "restart",
        ("R",),
        "restart the scenario from its file, with the same fixes and load",
        "run",
        "restart",
        availability.is_stale,
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
        availability.has_suggestion,
        spare=2,
    ),
    Action(
        "baseline",
        "baseline",
        ("B",),
        "compare everything with what runs now, from here on",
        "fixes",
        "baseline",
        lambda scene: scene.view == "compare" and availability.is_running(scene),
        spare=3,
    ),
    *_views(),
    Action(
        "next-view",
        "next_view",
        ("tab",),
        "the next view, the previous one",
        "views",
        also=("previous-view",),
        argument=1,
    ),
    Action("previous-view", "next_view", ("shift+tab",), "", "views", argument=-1),
    Action(
        "down",
        "move",
        ("j", "down"),
        "down and up a row",
        "rows",
        "row",
        availability.has_table,
        also=("up",),
        spare=6,
        argument=1,
    ),
    Action("up", "move", ("k", "up"), "", "rows", argument=-1),
    Action(
        "page-down",
        "move",
        ("pgdn",),
        "ten rows down, ten rows up",
        "rows",
        also=("page-up",),
        argument=10,
    ),
    Action("page-up", "move", ("pgup",), "", "rows", argument=-10),
    Action(
        "first",
        "move",
        ("g", "home"),
        "the first row, the last row",
        "rows",
        also=("last",),
        argument=-100_000,
    ),
    Action("last", "move", ("G", "end"), "", "rows", argument=100_000),
    Action(
        "enter",
        "enter",
        ("enter",),
        "open the chosen row",
        "rows",
        "open",
        availability.can_open,
    ),
    Action(
        "back",
        "back",
        ("esc",),
        "close what was opened last: detail, range, cursor, filter, view",
        "rows",
        "back",
        availability.can_close,
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
        "tree",
        "tree",
        ("t",),
        "tasks as a tree of who waits for whom, or as a table again",
        "rows",
        "tree",
        availability.is_tasks,
        spare=3,
    ),
    Action(
        "pin",
        "pin",
        ("p",),
        "keep the chosen row on top, or let it go",
        "rows",
        "pin",
        availability.can_pin,
        spare=9,
    ),
    Action(
        "copy",
        "copy",
        ("y",),
        "copy file:line of the chosen row",
        "rows",
        "copy line",
        availability.has_line,
        spare=7,
    ),
    Action(
        "editor",
        "edit",
        ("E",),
        "open the line of the chosen row in $VISUAL or $EDITOR",
        "rows",
        "edit",
        availability.has_line,
        spare=5,
    ),
    Action(
        "freeze",
        "freeze",
        ("space",),
        "freeze the picture, or let it go on; recording continues",
        "time",
        "freeze",
        availability.can_freeze,
        spare=1,
    ),
    Action(
        "earlier",
        "scroll",
        ("h", "left"),
        "back and forward in time, by a quarter of the window; in the tree: close and open a row",
        "time",
        "time",
        availability.in_past,
        also=("later",),
        spare=2,
        argument=-1,
    ),
    Action("later", "scroll", ("l", "right"), "", "time", argument=1),
    Action(
        "column-back",
        "column",
        ("H", "shift+left"),
        "back and forward by a column",
        "time",
        also=("column-on",),
        argument=-1,
    ),
    Action("column-on", "column", ("L", "shift+right"), "", "time", argument=1),
    Action(
        "zoom-in",
        "zoom",
        ("+", "="),
        "closer and further away: a column is 1 ms to 60 s",
        "time",
        "zoom",
        availability.in_past,
        also=("zoom-out",),
        spare=5,
        argument=1,
    ),
    Action("zoom-out", "zoom", ("-", "_"), "", "time", argument=-1),
    Action(
        "next-incident",
        "incident",
        ("n",),
        "the next and the previous time that something blocked the loop",
        "time",
        "incident",
        availability.in_past,
        also=("previous-incident",),
        spare=4,
        argument=1,
    ),
    Action("previous-incident", "incident", ("N",), "", "time", argument=-1),
    Action(
        "previous-slice",
        "slices",
        (",",),
        "the previous and the next slice of the chosen request",
        "time",
        "slice",
        availability.in_past,
        also=("next-slice",),
        spare=6,
        argument=-1,
    ),
    Action("next-slice", "slices", (".",), "", "time", argument=1),
    Action(
        "slower",
        "speed",
        ("<",),
        "slow motion of the last second or of the range; then slower and faster",
        "time",
        "replay",
        availability.in_past,
        also=("faster",),
        spare=2,
        argument=-1,
    ),
    Action("faster", "speed", (">",), "", "time", argument=1),
    Action(
        "range",
        "select_range",
        ("v",),
        "select a range, or drop it; the keys for time and zoom then move and narrow it",
        "time",
        "range",
        availability.in_past,
        spare=7,
    ),
    Action(
        "lesson",
        "lesson",
        ("i",),
        "the lesson: why, what to watch, and the source as it runs",
        "views",
        "lesson",
        availability.has_lesson,
        spare=4,
    ),
    Action(
        "scenarios", "scenarios", ("s",), "choose another scenario", "run", "scenarios", spare=3
    ),
    Action(
        "less-load",
        "rate",
        ("[",),
        "less or more load: ×0.25 ×0.5 ×1 ×1.5 ×2 ×3 ×4 of the scenario's own",
        "run",
        "load",
        availability.has_load,
        also=("more-load",),
        spare=9,
        argument=-1,
    ),
    Action("more-load", "rate", ("]",), "", "run", argument=1),
    Action(
        "previous-scenario",
        "neighbour",
        ("{",),
        "the previous or the next scenario",
        "run",
        also=("next-scenario",),
        argument=-1,
    ),
    Action("next-scenario", "neighbour", ("}",), "", "run", argument=1),
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
        ("S", "ctrl+s"),
        "save the screen as SVG where loopviz was started (in a box: ctrl+s)",
        "loopviz",
    ),
    Action("help", "help", ("?",), "every key, glyph and column", "loopviz", "help"),
    Action("quit", "quit", ("q",), "stop everything and leave", "loopviz", "quit"),
)
"""In the order of the footer: what matters now goes first."""


def action_named(name: str) -> Action:
    """The action of that name."""
    return next(action for action in ACTIONS if action.name == name)


def make_keymap(own: Mapping[str, Sequence[str]] | None = None) -> Keymap:
    """The table's keys, but for the actions that `own` has others for."""
    return Keymap({action.name: action.keys for action in ACTIONS} | dict(own or {}))


DEFAULT_KEYS = make_keymap()
