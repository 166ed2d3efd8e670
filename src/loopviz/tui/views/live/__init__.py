"""The live view: request lanes, the chosen request, a selected range."""

from loopviz.tui.views.live.view import LiveView

__all__ = ["LiveView"]
