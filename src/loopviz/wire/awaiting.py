"""The awaits of suspended tasks, as the probe reads them and the model takes them."""

from typing import NamedTuple

__all__ = ["Awaiting"]


class Awaiting(NamedTuple):
    """The tasks that one suspended task awaits, and where it does."""

    task: int
    place: str
    """Its innermost user line, or without one the innermost, as `probe.await_site` writes it."""
    tasks: tuple[int, ...]
    """The unfinished tasks whose end it awaits."""
    any_of: bool
    """True if the end of one of them is enough; otherwise it awaits all."""
    through: str = ""
    """How it awaits them: `task` (one, directly), `gather`, `wait`, `wait_for`, `TaskGroup`,
    `shield`; empty if it awaits none."""
    cancelled: bool = False
    """Whether the task itself has been cancelled, and goes on."""
