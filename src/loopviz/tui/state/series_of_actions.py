"""The actions of which there is one for each fix, and one for each view."""

from collections.abc import Iterator

from loopviz.tui.state.action import Action
from loopviz.tui.state.view_state import FIX_LETTERS, LIVE, VIEWS

__all__ = ["fix_actions", "view_actions"]


def fix_actions() -> Iterator[Action]:
    """By their letters."""
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


def view_actions() -> Iterator[Action]:
    """By their numbers."""
    help_of = {
        LIVE: "requests, the loop, lag and what is wrong",
        "tasks": "every task: what it did and what it waits for",
        "resources": "semaphores, locks, queues, pools: who holds, who waits",
        "loop": "ready delay over time, steps, pauses",
        "diagnose": "every finding with its evidence and its line",
        "compare": "before and after the fix, in figures",
        "log": "what the app prints and logs",
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
