"""A snapshot: the immutable picture of a run at one moment, in integer nanoseconds.

Everything here is frozen and shares nothing mutable with the model, except the two NumPy arrays
of a `Track`, which are views of arrays that the model only appends to. Do not write to them.
"""

from dataclasses import dataclass, field
from typing import Literal

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot.comparison import (
    Comparison,
    CounterComparison,
    LoopFigures,
    Pair,
    ResourceComparison,
    ResourceFigures,
    RouteComparison,
)
from loopviz.model.snapshot.critical_path import CriticalPath, PathPart
from loopviz.model.snapshot.findings import Consequence, Finding, Impact, Moment
from loopviz.model.snapshot.loop import (
    GcStats,
    LoopDistributions,
    LoopStats,
    Pause,
    Running,
    StallInfo,
)
from loopviz.model.snapshot.overview import Overview
from loopviz.model.snapshot.requests import (
    IncidentInfo,
    OrphanInfo,
    RequestInfo,
    RequestPhase,
    StreamInfo,
    WaitInfo,
)
from loopviz.model.snapshot.resources import (
    GaugeStats,
    HolderInfo,
    JobStats,
    ResourceInfo,
    WaiterInfo,
    WorkerInfo,
)
from loopviz.model.snapshot.tasks import TaskGroupInfo, TaskInfo, TaskTable, TaskTimes
from loopviz.model.snapshot.types import Distribution, Location, Quantiles, Span, State, Track
from loopviz.model.snapshot.wait_tree import WaitNode, WaitTree

__all__ = [
    "LOAD_BUSY",
    "LOAD_LATE_NS",
    "Comparison",
    "Consequence",
    "CounterComparison",
    "CounterValue",
    "CriticalPath",
    "Distribution",
    "Finding",
    "GaugeStats",
    "GcStats",
    "Health",
    "HolderInfo",
    "Impact",
    "IncidentInfo",
    "JobStats",
    "Location",
    "LoopDistributions",
    "LoopFigures",
    "LoopStats",
    "Mark",
    "Moment",
    "OrphanInfo",
    "Pair",
    "PathPart",
    "Pause",
    "Peer",
    "Quantiles",
    "RequestInfo",
    "RequestPhase",
    "ResourceComparison",
    "ResourceFigures",
    "ResourceInfo",
    "RouteComparison",
    "RouteInfo",
    "Running",
    "Snapshot",
    "Span",
    "StallInfo",
    "State",
    "StreamInfo",
    "TaskGroupInfo",
    "TaskInfo",
    "TaskTable",
    "TaskTimes",
    "Track",
    "WaitInfo",
    "WaitNode",
    "WaitTree",
    "WaiterInfo",
    "WorkerInfo",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterValue:
    """A counter of the scenario's endpoints."""

    key: str
    title: str
    bad: bool
    """It should stay 0."""
    value: int
    recent: int
    """By how much it grew over the last `recent_ns`."""
    recent_ns: int = 5 * SECOND
    """`Snapshot.recent_ns`, or since a change of fixes took effect; of a past moment, as far as is
    known."""
    still: bool = field(default=False, compare=False)
    """Whether it has had one value for all of `recent_ns`."""
    history: tuple[int, ...] = field(default=(), compare=False)
    """The values at the ends of the last `HISTORY_STEPS` steps, and at the start of the first."""


LOAD_LATE_NS = 5 * MS
"""A load that sends half of its requests this late or later is at its limit: latencies, which count
from when requests were due, then have its queue in them."""
LOAD_BUSY = 0.95
"""So is one that is busy for this share of the time or more: it can do no more, whatever the app
could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInfo:
    """One route as the load saw it. Latency counts from the scheduled time."""

    route: str
    offered_rps: float
    sent: int
    ok: int
    errors: dict[str, int]
    """By status (`"500"`), `"timeout"`, `"connection"`, `"left"` (the client left, as it was meant
    to), `"shed"`; only those that occurred."""
    in_flight: int
    latency_recent: Quantiles
    late_recent_ns: int = 0
    """How late, in the median, the load was with what was answered in that time: in sending it, and
    in reading the answer."""
    clients: int = 0
    """Of a closed loop: how many there are now; 0: it is an open one."""
    seen_as: str = ""
    """The name of its requests as the app sees them, if that is another one."""
    load_busy: float = 0.0
    """The share of that time in which the load had no moment to spare."""

    @property
    def at_limit(self) -> bool:
        """Whether the load itself is what these latencies and counts show, not the app alone."""
        return self.late_recent_ns >= LOAD_LATE_NS or self.load_busy >= LOAD_BUSY


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A change at one moment, or what the program said then, drawn on the time axis."""

    at_ns: int
    kind: Literal["fix", "load", "scenario", "baseline", "gap", "mark", "log"]
    """`gap`: events were lost; `mark`: a `loopviz.mark`; `log`: a log record."""
    text: str
    level: str = ""
    """Of a log record: `WARNING`, `ERROR`, …"""

    @property
    def said(self) -> bool:
        """Whether the program has said it: it is no change."""
        return self.kind in ("mark", "log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How completely the run was seen."""

    events: int = 0
    dropped_events: int = 0
    lost_strings: int = 0
    failed_hooks: tuple[str, ...] = ()
    newest_ns: int = 0
    """Time of the newest event; 0: none has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The loop of another worker process that serves the same address."""

    worker: int
    """2, 3, …; the first is the snapshot's own `loop`."""
    loop: LoopStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole picture at `now_ns`."""

    now_ns: int
    recent_ns: int
    loop: LoopStats
    requests: tuple[RequestInfo, ...]
    """Those that overlap the window, or whose orphans do, by number."""
    routes: tuple[RouteInfo, ...]
    """In the load's order."""
    marks: tuple[Mark, ...]
    findings: tuple[Finding, ...]
    """Worst first."""
    comparison: Comparison | None
    health: Health = field(default_factory=Health)
    tasks: TaskTable = field(default_factory=TaskTable)
    resources: tuple[ResourceInfo, ...] = ()
    """Those with waiters first, longest queue first; then by use."""
    jobs: tuple[JobStats, ...] = ()
    """The executors that have had jobs."""
    incidents: tuple[StallInfo, ...] = ()
    """Stalls whose surroundings are kept, oldest first: `Model.incident(start_ns)`."""
    counters: tuple[CounterValue, ...] = ()
    """In the scenario's order, added up over the workers."""
    peers: tuple[Peer, ...] = ()
    """The other workers, while there are any."""
    loops: "tuple[tuple[int, Snapshot], ...]" = ()
    """With `peers`, the picture of each loop by its number: see `merge.of_loop`."""
    orphans: tuple[OrphanInfo, ...] = ()
    """Those that overlap the window."""
    oldest_ns: int = 0
    """From when on requests and tracks are kept in detail; 0: no event has come."""
    overview: Overview = field(default_factory=Overview)
    """The figures of each second, over a much longer time."""
