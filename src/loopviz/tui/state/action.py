"""An action: something that a key does, with all that is known of it."""

from collections.abc import Callable
from dataclasses import dataclass

from loopviz.tui.panels.scene import Scene
from loopviz.tui.state import availability

__all__ = ["GROUPS", "Action"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key does."""

    name: str
    """In the keymap file: `zoom-in`."""
    command: str
    """Its function in `tui.commands`, or the app's `do_` method of that name."""
    keys: tuple[str, ...]
    """As people write them; the first is the one shown; the configuration file can have others."""
    help: str
    """What it does, for help, palette and docs; empty: another action says it."""
    group: str
    word: str = ""
    """For the footer; empty: it is not there."""
    when: Callable[[Scene], bool] = availability.always
    """Whether the footer offers it now."""
    also: tuple[str, ...] = ()
    """Actions that share its help: `j k`."""
    argument: int | str | None = None
    """Handed to the command; None: it takes none."""
    spare: int = 0
    """Where the footer is too narrow the words with the highest go first; 0: it stays."""


GROUPS = ("fixes", "views", "rows", "time", "run", "loopviz")
"""In the order of the help."""
