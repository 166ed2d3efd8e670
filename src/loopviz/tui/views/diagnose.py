"""The diagnose view."""

from typing import ClassVar

from loopviz.tui.views.view import View

__all__ = ["DiagnoseView"]


class DiagnoseView(View):
    """To come."""

    NAME: ClassVar[str] = "diagnose"
