"""What the six views have in common."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Location
from loopviz.tui.draw.text import Line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.effects import Effects
from loopviz.tui.state.view_state import Key, ViewState

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

    @property
    def offers(self) -> frozenset[str]:
        """What the footer can offer of it."""
        orders = {"order"} if len(self.ORDERS) > 1 else set()
        return frozenset(orders | ({"filter"} if self.FILTERS else set()))

    def keys(self, scene: Scene) -> Sequence[Key]:  # noqa: ARG002
        """The rows on which the cursor can be, from the top; after filter and order."""
        return ()

    def cursor(self, scene: Scene) -> Key | None:
        """Where the cursor is; a view that shows a row unasked says which."""
        return scene.view_state.row

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """`height` strips of `width` cells."""
        return [Line(width).strip(scene.theme.text)] * height

    def row_at(self, y: int) -> Hashable | None:  # noqa: ARG002
        """What was drawn on that row of the panel; None: no row of the table."""
        return None

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:  # noqa: ARG002
        """What to do now that the key for opening was pressed; None: open the chosen row.

        `view_state` is the present one; that of the scene is of the frame that was drawn last.
        """
        return None

    def stack_task(self, state: ViewState) -> int:  # noqa: ARG002
        """The task whose await stack it would show; 0: none's."""
        return 0

    def location(self, scene: Scene) -> Location | None:  # noqa: ARG002
        """The line of code that the chosen row is about: to copy, to open."""
        return None

    def move(self, scene: Scene | None, state: ViewState, by: int) -> Effects:  # noqa: ARG002
        """What to do instead of moving the cursor by that many rows; None: move it."""
        return None

    def follow(self, scene: Scene) -> Key | None:
        """What is chosen now that time has passed."""
        return scene.view_state.row

    def pin_key(self, scene: Scene) -> Key | None:
        """What is pinned of the chosen row."""
        return scene.view_state.row

    def reset(self) -> None:
        """Another run begins."""
