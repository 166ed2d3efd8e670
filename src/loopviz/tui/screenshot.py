"""Screenshots as SVG."""

from typing import Any

from textual.app import App

from loopviz.tui._textual import screen_rows
from loopviz.tui.draw.palette import DARK, Theme
from loopviz.tui.draw.svg import svg_picture

__all__ = ["screenshot_svg"]


def screenshot_svg(app: App[Any], theme: Theme) -> str:
    """A small SVG that fetches nothing, on the ground of the theme; without colours: dark."""
    palette = theme.palette if theme.edges and theme.palette else DARK
    return svg_picture(screen_rows(app), palette.text, palette.ground)
