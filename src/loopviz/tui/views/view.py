"""The base class of views."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.strip import Strip

from loopviz.model.snapshot import Finding, Location, RequestInfo
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
    """The orders of its rows; the first is the usual one."""
    FILTERS: ClassVar[bool] = False
    """True if its rows can be filtered."""
    HELP: ClassVar[Sequence[tuple[str, str]]] = ()
    """Every column, word and glyph that only this view has, and what it means."""

    def orders(self, state: ViewState) -> Sequence[str]:  # noqa: ARG002
        """The orders that its rows have now."""
        return self.ORDERS

    def offers(self, state: ViewState) -> frozenset[str]:
        """The names of actions that the view has a use for."""
        orders = {"order"} if len(self.orders(state)) > 1 else set()
        return frozenset(orders | ({"filter"} if self.FILTERS else set()))

    def keys(self, scene: Scene) -> Sequence[Key]:  # noqa: ARG002
        """The rows on which the cursor can be, from the top; after filter and order."""
        return ()

    def cursor(self, scene: Scene) -> Key | None:
        """The row that has the cursor; a view may have a default."""
        return scene.view_state.row

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """`height` strips of `width` cells."""
        return [Line(width).strip(scene.theme.text)] * height

    def row_at(self, y: int) -> Hashable | None:  # noqa: ARG002
        """The key of what was drawn on that row of the panel; None: no row of the table."""
        return None

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:  # noqa: ARG002
        """The effects of the key for opening; None: open the chosen row.

        `view_state` is the present one; that of the scene is of the frame that was drawn last.
        """
        return None

    def stack_task(self, state: ViewState) -> int:  # noqa: ARG002
        """The task whose await stack it would show; 0: none's."""
        return 0

    def shows_tree(self, state: ViewState) -> bool:  # noqa: ARG002
        """Whether it would show the tree of who waits for whom."""
        return False

    def path_request(self, scene: Scene) -> RequestInfo | None:  # noqa: ARG002
        """The request whose critical path it would show."""
        return None

    def unfold(self, scene: Scene | None, state: ViewState, *, open_: bool) -> Effects:  # noqa: ARG002
        """The effects of opening what is below the chosen row, or closing it; None: none has it."""
        return None

    def finding(self, scene: Scene) -> Finding | None:
        """The finding that is looked at: the worst one, unless the view has another."""
        return scene.finding

    def location(self, scene: Scene) -> Location | None:  # noqa: ARG002
        """The line of code that the chosen row is about: to copy, to open."""
        return None

    def move(self, scene: Scene | None, state: ViewState, by: int) -> Effects:  # noqa: ARG002
        """The effects of moving by that many rows; None: move the cursor."""
        return None

    def follow(self, scene: Scene) -> Key | None:
        """The row to choose now that time has passed."""
        return scene.view_state.row

    def pin_key(self, scene: Scene) -> Key | None:
        """The key by which the chosen row is pinned."""
        return scene.view_state.row

    def reset(self) -> None:
        """Another run begins."""
