"""What one frame shows: an immutable picture of the run, in integer nanoseconds.

Everything here is frozen and shares nothing that changes with the model, but for the two NumPy
arrays of a `Track`, which are views that the model only ever appends to; do not write to them.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Comparison",
    "Finding",
    "Health",
    "Location",
    "LoopView",
    "Mark",
    "Quantiles",
    "RequestView",
    "RouteComparison",
    "RouteView",
    "Running",
    "Snapshot",
    "Span",
    "StallView",
    "State",
    "Track",
]


class State(IntEnum):
    """What a request's task does at a moment."""

    RUN = 1
    """A step of it runs."""
    READY = 2
    """It could run; the loop is busy with others (or has not yet read the request)."""
    AWAIT = 3
    """It waits for something that is not the loop."""
    BLOCKING = 4
    """A step of it runs for longer than the slow-callback threshold: it holds the loop."""


Span = tuple[int, int, State]
"""start_ns, end_ns, state."""


@dataclass(frozen=True, slots=True)
class Location:
    """A line of code. `file` is shortened for people (`scenarios/block.py`), `path` is whole."""

    file: str
    line: int
    function: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of `count` values; all zero when there are none."""

    count: int = 0
    p50_ns: int = 0
    p90_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """Values over time, oldest first: `values[i]` holds at `times_ns[i]`."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.int64]


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
class StallView:
    """A callback that held the loop for 20 ms or more; or, `open`, holds it for 12 ms so far."""

    start_ns: int
    end_ns: int
    """So far, while `open`."""
    open: bool
    label: str
    location: Location | None
    request: int
    victims: int


@dataclass(frozen=True, slots=True)
class LoopView:
    """The loop itself."""

    busy: Track
    """Cumulative busy nanoseconds at each change between busy and idle. Between two entries it
    grows or stays: interpolate linearly (`numpy.interp`), and a column's busy share is exact."""
    lag: Track
    """How late each timer ran, at the time it ran."""
    stalls: tuple[StallView, ...]
    """Those that overlap the window, oldest first; the last may be open."""
    running: Running | None
    """None while idle."""
    lag_recent: Quantiles
    """Over the last `Snapshot.recent_ns`."""
    ready_delay_recent: Quantiles
    utilization_recent: float
    callbacks: int
    iterations: int


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request on its lane."""

    number: int
    route: str
    lane: int
    """Requests of a route that overlap in time lie on different lanes: 0, 1, 2 …"""
    spans: tuple[Span, ...]
    """Without gaps, oldest first, from `sent_ns` (or the start) to the end, or to now."""
    start_ns: int
    end_ns: int
    """So far, while `open`."""
    open: bool
    status: int
    """0 while open or when no response was sent."""
    busy_ns: int
    ready_ns: int
    waiting_ns: int


@dataclass(frozen=True, slots=True)
class RouteView:
    """What the load saw of one route. Latency counts from the scheduled time."""

    route: str
    offered_rps: float
    sent: int
    ok: int
    errors: dict[str, int]
    """By status (`"500"`), `"timeout"`, `"connection"`; only those that happened."""
    in_flight: int
    latency_recent: Quantiles


@dataclass(frozen=True, slots=True)
class Mark:
    """Something changed at this moment: drawn on the time axis."""

    at_ns: int
    kind: Literal["fix", "load", "scenario", "gap"]
    """`gap`: events were lost here."""
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong, with its evidence."""

    rule: str
    severity: Literal["error", "warning"]
    title: str
    sentence: str
    count: int
    worst_ns: int
    total_ns: int
    last_ns: int
    """When it was last seen."""
    location: Location | None
    source: str
    """The culprit line's text, stripped; empty if unknown."""
    victims: int
    victim_wait_ns: int
    suggested_fix: str
    """A fix's key, empty if the scenario has none."""


@dataclass(frozen=True, slots=True)
class RouteComparison:
    """One route before and after the last change of fixes."""

    route: str
    before: Quantiles
    after: Quantiles
    enough: bool
    """False: one side has fewer than `Comparison.needed` samples; do not compare thin air."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Before and after the last change of fixes, under the same load."""

    before_fixes: tuple[str, ...]
    after_fixes: tuple[str, ...]
    since_ns: int
    needed: int
    routes: tuple[RouteComparison, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """How well loopviz sees."""

    events: int = 0
    dropped_events: int = 0
    lost_strings: int = 0
    failed_hooks: tuple[str, ...] = ()
    newest_ns: int = 0
    """Time of the newest event; 0: nothing was seen yet."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole picture at `now_ns`."""

    now_ns: int
    recent_ns: int
    loop: LoopView
    requests: tuple[RequestView, ...]
    """Those that overlap the window, by number."""
    routes: tuple[RouteView, ...]
    """In the load's order."""
    marks: tuple[Mark, ...]
    findings: tuple[Finding, ...]
    """Worst first."""
    comparison: Comparison | None
    health: Health = field(default_factory=Health)
