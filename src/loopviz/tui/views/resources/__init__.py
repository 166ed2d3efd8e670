"""The resources view: who holds what, who waits."""

from loopviz.tui.views.resources.view import ResourcesView

__all__ = ["ResourcesView"]
