"""Commands: functions that take the controller, by the names that the action table uses.

`run` changes what runs, `rows` moves the cursor, `travel` moves in time, `tour` leads through the
lessons, `pointer` is the mouse. What needs the app itself (screens, themes, the outside world) are
the app's own `do_…` methods.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from loopviz.tui.commands import rows, run, tour, travel

__all__ = ["COMMANDS", "Command"]

Command = Callable[..., Any]
"""Takes the controller, and the action's argument if it has one."""


def _of(module: ModuleType) -> dict[str, Command]:
    return {name: getattr(module, name) for name in module.__all__}


COMMANDS: dict[str, Command] = {**_of(run), **_of(rows), **_of(travel), **_of(tour)}
