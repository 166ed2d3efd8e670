"""The awaits of suspended tasks, as the probe reads them and the model takes them."""

from typing import NamedTuple

__all__ = ["Awaiting"]


class Awaiting(NamedTuple):
    """The tasks that one suspended task awaits, and where it does."""

    task: int
    place: str
    """The innermost user line, as `probe.await_site` writes it; empty if there is none."""
    tasks: tuple[int, ...]
    """The unfinished tasks whose end it awaits."""
    any_of: bool
    """True if the end of one of them is enough; otherwise it awaits all."""
