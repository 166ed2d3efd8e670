"""The resources view."""

from typing import ClassVar

from loopviz.tui.views.view import View

__all__ = ["ResourcesView"]


class ResourcesView(View):
    """To come."""

    NAME: ClassVar[str] = "resources"
