"""For tests, ours and yours: a loop on virtual time, and stories to feed the model with."""

from loopviz.testing.clock import VirtualClock
from loopviz.testing.loop import VirtualLoop
from loopviz.testing.story import Story

__all__ = ["Story", "VirtualClock", "VirtualLoop"]
