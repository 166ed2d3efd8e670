"""What keeps the tour's progress: the screen knows only this much of it."""

from collections.abc import Sequence
from typing import Protocol

from loopviz.tui.state.tour import Tour

__all__ = ["NoProgress", "Progress"]


class Progress(Protocol):
    """The tour as it was left, and as it is to be found next time."""

    def tour(self, lessons: Sequence[str], *, again: bool) -> Tour:
        """The tour of these lessons where it was left, or from its beginning."""

    def keep(self, tour: Tour) -> str:
        """Keep it. Returns one sentence if that is not possible, the first time; else nothing."""


class NoProgress:
    """Keeps nothing: each tour begins at the beginning."""

    def tour(self, lessons: Sequence[str], *, again: bool) -> Tour:  # noqa: ARG002
        return Tour.begun(lessons)

    def keep(self, tour: Tour) -> str:  # noqa: ARG002
        return ""
