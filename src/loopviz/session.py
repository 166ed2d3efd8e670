"""Start, wire up and stop one run: target + load + collector. What the UI and the reports hold."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from loopviz.catalogue import ScenarioInfo
from loopviz.model.snapshot import Snapshot

__all__ = ["Controller", "Frame", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How the run stands."""

    phase: Literal["starting", "running", "target-died", "load-died", "failed"]
    why: str = ""
    """One sentence for the phases that are no good, with what to do next."""
    url: str = ""
    fixes_on: frozenset[str] = frozenset()
    rate: float = 1.0
    """Factor on the scenario's load."""


class Frame(NamedTuple):
    """All that a screen needs at one moment."""

    scenario: ScenarioInfo
    status: Status
    snapshot: Snapshot | None
    """None until the target has written its first event."""


class Controller(Protocol):
    """A run, seen from the screen. No call blocks for longer than a millisecond or two."""

    def poll(self, now_ns: int, window_ns: int) -> Frame:
        """Take in what has come since, and say how things stand; `window_ns` of history."""

    def entries(self) -> tuple[ScenarioInfo, ...]:
        """The catalogue."""

    def toggle(self, key: str) -> None:
        """Flip a fix; effective at once, the loop blocked or not."""

    def set_rate(self, factor: float) -> None:
        """Scale the load: 1.0 is the scenario's own."""

    def switch(self, scenario_id: str) -> None:
        """Go to another scenario, its fixes off."""

    def restart(self) -> None:
        """Start again what has died, with the same fixes and load."""

    def close(self) -> None:
        """Stop everything."""
