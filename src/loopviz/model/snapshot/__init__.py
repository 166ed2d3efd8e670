"""What one frame shows: an immutable picture of the run, in integer nanoseconds.

Everything here is frozen and shares nothing that changes with the model, but for the two NumPy
arrays of a `Track`, which are views that the model only ever appends to; do not write to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from loopviz.model.phases.types import (
    Comparison,
    CounterComparison,
    LoopFigures,
    Pair,
    ResourceComparison,
    ResourceFigures,
    RouteComparison,
)
from loopviz.model.snapshot.loop import LoopView, Running, StallView
from loopviz.model.snapshot.overview import Overview
from loopviz.model.snapshot.resources import (
    HolderView,
    JobsView,
    Occupied,
    ResourceView,
    WaiterView,
    WorkerView,
)
from loopviz.model.snapshot.tasks import (
    CounterView,
    GcView,
    GroupView,
    Moment,
    Pause,
    PhaseView,
    Spread,
    Spreads,
    Suffering,
    TasksView,
    TaskView,
    WaitView,
)
from loopviz.model.snapshot.types import Location, Quantiles, Span, State, Track

__all__ = [
    "Comparison",
    "CounterComparison",
    "CounterView",
    "Finding",
    "GcView",
    "GroupView",
    "Health",
    "HolderView",
    "IncidentView",
    "JobsView",
    "Location",
    "LoopFigures",
    "LoopView",
    "Mark",
    "Moment",
    "Occupied",
    "Pair",
    "Pause",
    "Peer",
    "PhaseView",
    "Quantiles",
    "RequestView",
    "ResourceComparison",
    "ResourceFigures",
    "ResourceView",
    "RouteComparison",
    "RouteView",
    "Running",
    "Snapshot",
    "Span",
    "Spread",
    "Spreads",
    "StallView",
    "State",
    "Suffering",
    "TaskView",
    "TasksView",
    "Track",
    "WaitView",
    "WaiterView",
    "WorkerView",
]


@dataclass(slots=True, unsafe_hash=True)  # `frozen` would make it seven times as slow to make
class RequestView:
    """One request on its lane; it is never changed."""

    number: int
    route: str
    lane: int
    """Requests of a route that overlap in time lie on different lanes: 0, 1, 2 …"""
    spans: Sequence[Span]
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
    waits: Sequence[WaitView] = ()
    """Longest first; their totals sum to `waiting_ns`."""
    phases: Sequence[PhaseView] = ()
    """Oldest first."""
    task: int = 0
    """The number of the task that serves it."""
    bytes_sent: int = 0
    """Of the response's body; 0 while open."""
    calls: int = 0
    """Outbound HTTP calls that it made, its child tasks included."""
    gone_ns: int = 0
    """When its client went away before the response was complete; 0: it stayed."""
    worker: int = 1
    """The number of the worker that serves it."""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """A stall, and what was kept of the second before and after it, for good."""

    stall: StallView
    start_ns: int
    end_ns: int
    stalls: tuple[StallView, ...]
    """All stalls in that window."""
    requests: tuple[RequestView, ...]
    """Those that overlap it, by number; of very many, those nearest to the stall."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """What the load saw of one route. Latency counts from the scheduled time."""

    route: str
    offered_rps: float
    sent: int
    ok: int
    errors: dict[str, int]
    """By status (`"500"`), `"timeout"`, `"connection"`, `"left"` (the client went away, as it was
    to), `"shed"`; only those that happened."""
    in_flight: int
    latency_recent: Quantiles


@dataclass(frozen=True, slots=True)
class Mark:
    """Something changed at this moment: drawn on the time axis."""

    at_ns: int
    kind: Literal["fix", "load", "scenario", "baseline", "gap"]
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
    moments: tuple[Moment, ...] = ()
    """The last times that it happened, the newest first."""
    sufferings: tuple[Suffering, ...] = ()
    """By route, the longest wait first; of very many routes, the first that were met."""
    open: int = 0
    """Of `count`, how many have not ended."""
    open_ns: int = 0
    """How long the longest of these has lasted."""


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
class Peer:
    """The loop of another worker process that serves the same address."""

    worker: int
    """2, 3, …; the first is the snapshot's own `loop`."""
    loop: LoopView


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
    tasks: TasksView = field(default_factory=TasksView)
    resources: tuple[ResourceView, ...] = ()
    """Those with waiters first, longest queue first; then by use."""
    jobs: tuple[JobsView, ...] = ()
    """Executors that have had work."""
    incidents: tuple[StallView, ...] = ()
    """Stalls whose surroundings are kept, oldest first: `Model.incident(start_ns)`."""
    counters: tuple[CounterView, ...] = ()
    """In the scenario's order; of several workers, added up."""
    peers: tuple[Peer, ...] = ()
    """The other workers, while there are any."""
    oldest_ns: int = 0
    """From when on requests and tracks are kept in detail; 0: nothing was seen yet."""
    overview: Overview = field(default_factory=Overview)
    """Second by second, much longer."""
