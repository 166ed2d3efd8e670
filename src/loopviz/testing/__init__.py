"""Helpers for tests, yours included: a loop on virtual time, and event stories for the model."""

from loopviz.testing.clock import VirtualClock
from loopviz.testing.loop import VirtualLoop
from loopviz.testing.story import Story

__all__ = ["Story", "VirtualClock", "VirtualLoop"]
