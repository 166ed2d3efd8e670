"""The part of a snapshot that shows the loop itself: its tracks, what holds it, what held it.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass, field

from loopviz.model.snapshot.tasks import GcStats, Spreads
from loopviz.model.snapshot.types import NOTHING, Location, Quantiles, Track

__all__ = ["LoopStats", "Running", "StallInfo"]


@dataclass(frozen=True, slots=True)
class Running:
    """What holds the loop at this moment."""

    since_ns: int
    label: str
    """Route, task or callback: `GET /report`, `Task refresh`, `callback _read_ready`."""
    location: Location | None
    """The line it is at, once the watchdog has seen it (after about 10 ms)."""
    request: int
    """The request it works for, 0 if none."""


@dataclass(frozen=True, slots=True)
class StallInfo:
    """A callback that held the loop for 20 ms or more; or, `open`, holds it for 12 ms so far."""

    start_ns: int
    end_ns: int
    """So far, while `open`."""
    open: bool
    label: str
    location: Location | None
    request: int
    victims: int
    call: Location | None = None
    """The library call that the line has made, and the line in it; None: it is a C function's."""


@dataclass(frozen=True, slots=True)
class LoopStats:
    """The loop itself."""

    busy: Track
    """Cumulative busy nanoseconds at each change between busy and idle. Between two entries it
    grows or stays: interpolate linearly (`numpy.interp`), and a column's busy share is exact."""
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
    """How much is seen of this loop: `full`, or `steps` (a foreign loop: no callbacks, no ready
    delay, no idle time)."""
    ready_delay: Track = NOTHING
    """How long each callback had waited, at its start."""
    callback: Track = NOTHING
    """How long each callback ran, at its end."""
    iteration: Track = NOTHING
    """How long each iteration took, its select not counted, at its end."""
    whole: Spreads = field(default_factory=Spreads)
    """Since the run began."""
    before: Spreads | None = None
    """Of the phase with which this one is compared; None: there is none."""
