"""What a suspended task awaits, as the probe reads it and the model takes it."""

from typing import NamedTuple

__all__ = ["Awaiting"]


class Awaiting(NamedTuple):
    """What one suspended task awaits."""

    task: int
    place: str
    """The innermost user line, as `probe.await_site` writes it; empty if there is none."""
    tasks: tuple[int, ...]
    """The unfinished tasks whose end it awaits."""
    any_of: bool
    """One of them is enough to go on; otherwise it awaits all."""
