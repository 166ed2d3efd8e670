"""The names of the figures that can be a scenario's headline."""

from typing import NamedTuple

from loopviz.wire.kinds import Family, kind_of

__all__ = ["Metric"]

_UNITS = {
    "p50_ms": "duration",
    "p90_ms": "duration",
    "p99_ms": "duration",
    "max_ms": "duration",
    "errors": "share",
    "counter": "rate",
    "lag_p99_ms": "duration",
    "utilization": "share",
    "in_use": "level",
    "in_use_max": "level",
    "waiting": "level",
    "waiting_max": "level",
}
_ALONE = ("lag_p99_ms", "utilization")
"""Those that are of the loop, and have no subject."""


class Metric(NamedTuple):
    """A figure of a phase: `p99_ms GET /ping` is the name and the subject."""

    name: str
    subject: str = ""

    @classmethod
    def of(cls, text: str) -> "Metric | None":
        """None if a phase has no such figure."""
        name, _, subject = text.partition(" ")
        fits = name in _UNITS and bool(subject) != (name in _ALONE)
        return cls(name, subject) if fits else None

    @property
    def unit(self) -> str:
        """`duration` (in nanoseconds), `share`, `rate` (a second), or `level`."""
        return _UNITS[self.name]

    @property
    def figure(self) -> str:
        """`p99`, `errors`, `waiting`; empty for a counter, whose title says it."""
        name = self.name.removesuffix("_ms").removesuffix("_max")
        return "" if name == "counter" else name.replace("_", " ")

    @property
    def title(self) -> str:
        """`p99 GET /ping`, `waiting asyncio.Lock`, `queue length`; of a counter, its key."""
        if self.figure == "in use" and kind_of(self.subject).family is Family.QUEUE:
            return "queue length"
        return f"{self.figure} {self.subject}".strip()
