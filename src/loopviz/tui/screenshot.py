"""What is on the screen: as the rows a terminal gets, and as an SVG."""

from typing import Any

from textual._context import visible_screen_stack
from textual.app import App
from textual.strip import Strip

from loopviz.tui.draw.palette import DARK, Theme
from loopviz.tui.draw.svg import svg_picture

__all__ = ["screen_rows", "screenshot_svg"]


def screen_rows(app: App[Any]) -> list[Strip]:
    """A row each: a box, and what shows around it."""
    visible_screen_stack.set(app._background_screens)  # noqa: SLF001  # as Textual's own export does
    return app.screen._compositor.render_strips()  # noqa: SLF001


def screenshot_svg(app: App[Any], theme: Theme) -> str:
    """A small SVG that fetches nothing, on the ground of the theme; without colours: dark."""
    palette = theme.palette if theme.edges and theme.palette else DARK
    return svg_picture(screen_rows(app), palette.text, palette.ground)
