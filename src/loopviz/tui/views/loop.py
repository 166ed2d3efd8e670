"""The loop view."""

from typing import ClassVar

from loopviz.tui.views.view import View

__all__ = ["LoopView"]


class LoopView(View):
    """To come."""

    NAME: ClassVar[str] = "loop"
