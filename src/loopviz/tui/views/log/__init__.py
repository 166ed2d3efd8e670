"""The log view."""

from loopviz.tui.views.log.view import LogView

__all__ = ["LogView"]
