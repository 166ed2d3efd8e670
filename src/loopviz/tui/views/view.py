"""What the six views have in common."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Location
from loopviz.tui.look import Key
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line

__all__ = ["View"]


class View:
    """Turns a scene into rows. Pure, but for what it remembers to keep rows where they are.

    Each has a row of its own for the cursor, named by a `Key` that stays the same while rows move.
    """

    NAME: ClassVar[str] = ""
    ORDERS: ClassVar[Sequence[str]] = ()
    """What its rows can be sorted by; the first is the usual one."""
    FILTERS: ClassVar[bool] = False
    """Whether `/` narrows its rows."""
    HELP: ClassVar[Sequence[tuple[str, str]]] = ()
    """Every column, word and glyph that only this view has, and what it means."""

    def keys(self, scene: Scene) -> Sequence[Key]:  # noqa: ARG002
        """The rows on which the cursor can be, from the top; after filter and order."""
        return ()

    def paint(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """`height` strips of `width` cells."""
        return [Line(width).strip(scene.looks.text)] * height

    def row_at(self, y: int) -> Hashable | None:  # noqa: ARG002
        """What was painted on that row of the panel; None: no row of the table."""
        return None

    def where(self, scene: Scene) -> Location | None:  # noqa: ARG002
        """The line of code that the chosen row is about: to copy, to open."""
        return None

    def forget(self) -> None:
        """Another run begins."""
