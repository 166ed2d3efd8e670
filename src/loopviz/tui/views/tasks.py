"""The tasks view."""

from typing import ClassVar

from loopviz.tui.views.view import View

__all__ = ["TasksView"]


class TasksView(View):
    """To come."""

    NAME: ClassVar[str] = "tasks"
