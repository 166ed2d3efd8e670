"""Commands that move in time."""

from loopviz.tui.desk import Desk

__all__ = ["freeze", "now"]


def freeze(desk: Desk) -> None:
    """Hold the picture, or go live again."""
    if desk.look.frozen:
        desk.go_live()
    else:
        desk.freeze()


def now(desk: Desk) -> None:
    """Back to what happens now."""
    desk.go_live()
