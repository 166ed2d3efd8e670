"""The compare view."""

from typing import ClassVar

from loopviz.tui.views.view import View

__all__ = ["CompareView"]


class CompareView(View):
    """To come."""

    NAME: ClassVar[str] = "compare"
