"""The loop view: heat-map, histograms, utilization, pauses."""

from loopviz.tui.views.loop.view import LoopView

__all__ = ["LoopView"]
