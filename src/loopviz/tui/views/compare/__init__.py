"""The compare view: before and after in figures."""

from loopviz.tui.views.compare.view import CompareView

__all__ = ["CompareView"]
