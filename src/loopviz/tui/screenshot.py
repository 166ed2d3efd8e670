"""What is on the screen: as the rows a terminal gets, and as an SVG."""

from typing import Any

from textual._context import visible_screen_stack
from textual.app import App
from textual.strip import Strip

from loopviz.tui.draw.palette import DARK, Theme
from loopviz.tui.draw.svg import picture

__all__ = ["picture_of", "rows_of"]


def rows_of(app: App[Any]) -> list[Strip]:
    """A row each: a box, and what shows around it."""
    visible_screen_stack.set(app._background_screens)  # noqa: SLF001  # as Textual's own export does
    return app.screen._compositor.render_strips()  # noqa: SLF001


def picture_of(app: App[Any], theme: Theme) -> str:
    """A small SVG that fetches nothing, on the ground of the theme; without colours: dark."""
    palette = theme.palette if theme.edges and theme.palette else DARK
    return picture(rows_of(app), palette.text, palette.ground)
