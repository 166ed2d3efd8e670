"""The part of a snapshot that shows the loop: its tracks, and what blocks or blocked it.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from loopviz.model.snapshot.types import NOTHING, Cause, Distribution, Location, Quantiles, Track
from loopviz.wire.endpoint_work import EndpointWork

__all__ = ["GcStats", "LoopDistributions", "LoopStats", "Pause", "Running", "StallInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDistributions:
    """What a loop is measured by, over a stretch of time."""

    ready_delay: Distribution = field(default_factory=Distribution)
    callback: Distribution = field(default_factory=Distribution)
    iteration: Distribution = field(default_factory=Distribution)
    lag: Distribution = field(default_factory=Distribution)


class Pause(NamedTuple):
    """A garbage collection; it paused every loop of the process."""

    start_ns: int
    end_ns: int
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GcStats:
    """The garbage collections since the run began."""

    count: int = 0
    total_ns: int = 0
    max_ns: int = 0
    by_generation: tuple[int, ...] = (0, 0, 0)
    """How many of each; those of the youngest that took less than 50 µs are not counted."""
    last: tuple[Pause, ...] = ()
    """The newest ones, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The callback that runs at this moment."""

    since_ns: int
    label: str
    """Route, task or callback: `GET /report`, `Task refresh`, `callback _read_ready`."""
    location: Location | None
    """The line that it is at, once the watchdog has seen it (after about 10 ms)."""
    request: int
    """The number of the request that it works for, 0: none."""
    gil: bool = False
    """It waits for the GIL, and the line is that of the thread that has it."""


_NOBODYS = {
    "gil": "the GIL",
    "machine": "a wait for a core",
    "limit": "a wait for a core",
    "gc": "a garbage collection",
    "loopviz": "loopviz itself",
}
"""What blocked the loop, by its cause, where that is nobody's step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StallInfo:
    """A callback that blocked the loop for 20 ms or more; while `open`, for 12 ms or more."""

    start_ns: int
    end_ns: int
    """Up to now, while `open`."""
    open: bool
    label: str
    location: Location | None
    request: int
    victims: int
    call: Location | None = None
    """The library call that the line made, and the line in it; None: a C function's."""
    cause: Cause = "callback"
    """With `gil`, the location is that of the thread that had the GIL."""
    work: EndpointWork | None = None
    """What FastAPI did, if the location is that of an endpoint that did not run itself."""
    imported: str = ""
    """The module whose import was the cause; empty: it was no import, or is not known."""

    @property
    def nobodys(self) -> bool:
        """Whether no step is to blame: another thread's, or none at all."""
        return self.cause in _NOBODYS

    @property
    def did(self) -> str:
        """What it was, if it was not the user's code: `first use: imported jinja2`; else empty."""
        if self.cause == "import":
            return f"first use: imported {self.imported or 'a module'}"
        if self.work is not None and self.location is not None:
            return self.work.text(self.location.function)
        return _NOBODYS.get(self.cause, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStats:
    """The loop: its tracks over the window, its recent figures, and its counts."""

    busy: Track
    """Cumulative busy nanoseconds at each change between busy and idle. Between two entries it
    either grows or stays: linear interpolation (`numpy.interp`) yields the exact busy share."""
    lag: Track
    """How late each timer ran, at the time it ran."""
    stalls: tuple[StallInfo, ...]
    """Those that overlap the window, oldest first; the last may be open."""
    running: Running | None
    """None while idle."""
    lag_recent: Quantiles
    """Over the last `Snapshot.recent_ns`."""
    ready_delay_recent: Quantiles
    utilization_recent: float
    callbacks: int
    iterations: int
    gc: GcStats = field(default_factory=GcStats)
    coverage: str = "full"
    """How much of this loop is seen: `full`; `uvloop` (utilization by CPU time, protocols as one
    callback); `steps` (another foreign loop: no callbacks, no ready delay, no idle time)."""
    ready_delay: Track = NOTHING
    """How long each callback had been ready, at its start."""
    callback: Track = NOTHING
    """How long each callback ran, at its end."""
    iteration: Track = NOTHING
    """How long each iteration took, its select not counted, at its end."""
    whole: LoopDistributions = field(default_factory=LoopDistributions)
    """Since the run began."""
    before: LoopDistributions | None = None
    """In the phase with which this one is compared; None: there is none."""
