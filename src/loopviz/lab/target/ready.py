"""The message that a target sends once it serves."""

from dataclasses import dataclass

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.wire.control import Message

__all__ = ["TargetReady"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReady(Message):
    """It serves the scenario, at that address."""

    url: str
    scenario: ScenarioInfo
    """As it is when run; what was listed was read from its file."""
