"""Effects: what a view wants done for a key. `Controller.apply` does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loopviz.tui.state.view_state import ViewState

__all__ = ["Change", "Effect", "Effects", "Freeze", "GoTo", "Notify"]


@dataclass(frozen=True, slots=True)
class Notify:
    """Answer the key in one sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """Replace the view state, as it is by then, with what `edit` makes of it."""

    edit: Callable[[ViewState], ViewState]


@dataclass(frozen=True, slots=True)
class Freeze:
    """Freeze the picture; with `at_ns` so that this moment is in sight."""

    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class GoTo:
    """Show the live view, frozen around `at_ns`, with that request chosen (0: none)."""

    request: int
    at_ns: int


Effect = Notify | Change | Freeze | GoTo
Effects = Sequence[Effect] | None
"""In order. None: the view leaves the key to what it does elsewhere."""
