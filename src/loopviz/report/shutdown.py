"""How a program ended when it was asked to."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Shutdown"]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The report's `shutdown`."""

    seconds: float
    """From the first SIGINT to the end."""
    second_sigint: bool
    """Whether it needed another one."""
    killed: bool
    """Whether it needed SIGKILL."""
    waited_for: str
    """What it waited for, if one SIGINT was not enough; empty: not known."""

    @classmethod
    def of(cls, report: dict[str, Any]) -> "Shutdown | None":
        """The one in a report, if it has one."""
        return cls(**report["shutdown"]) if report.get("shutdown") else None

    def sentence(self, name: str) -> str:
        """One sentence; empty if it ended by itself."""
        if not (self.second_sigint or self.killed):
            return ""
        waited = f"its shutdown waited for {self.waited_for}" if self.waited_for else ""
        if self.killed:
            after = f"{name} was killed, {self.seconds:.1f} s after SIGINT"
            return f"{after}: {waited}." if waited else f"{after}."
        after = f"{name} ended {self.seconds:.1f} s after SIGINT, and only after a second one"
        return f"{after}: {waited}." if waited else f"{after}."
