"""The tasks view: a table by group, and one task in detail."""

from loopviz.tui.views.tasks.view import TasksView

__all__ = ["TasksView"]
