"""The diagnose view: every finding, its evidence and its line."""

from loopviz.tui.views.diagnose.view import DiagnoseView

__all__ = ["DiagnoseView"]
