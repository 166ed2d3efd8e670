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
    """The name of a function in `tui.commands`, or of the app's `do_…` method."""
    keys: tuple[str, ...]
    """The default keys, as people write them. The first one is its label."""
    help: str
    """Its effect, for the help, the command palette and the docs; empty: another action has it."""
    group: str
    word: str = ""
    """For the footer; empty: it is not there."""
    when: Callable[[Scene], bool] = availability.always
    """True if the footer offers it now."""
    also: tuple[str, ...] = ()
    """Actions that share its help: `j k`."""
    argument: int | str | None = None
    """Handed to the command; None: it takes none."""
    spare: int = 0
    """In a narrow footer, words with the highest are left out first; 0: it stays."""


GROUPS = ("fixes", "views", "rows", "time", "run", "loopviz")
"""In the order of the help."""
