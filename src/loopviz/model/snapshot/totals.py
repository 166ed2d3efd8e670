"""The figures of a whole run, from its beginning to its end: what a report is made of.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loopviz.model.snapshot import Finding
from loopviz.model.snapshot.loop import GcStats
from loopviz.model.snapshot.resources import JobStats, ResourceInfo
from loopviz.model.snapshot.types import Quantiles

__all__ = [
    "LoopCounts",
    "LoopTotals",
    "ProbeTotals",
    "RouteTotals",
    "RunTotals",
    "SaidTotals",
    "TaskTotals",
    "WorkerTotals",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTotals:
    """What the load saw of one route. Latency counts from the scheduled time."""

    route: str
    offered_rps: float
    sent: int
    ok: int
    errors: Mapping[str, int]
    """As in `RouteInfo`."""
    unanswered: int
    latency: Quantiles
    """A request without an answer counts with its age."""
    lower_bounds: tuple[str, ...]
    """Which of `p50`, `p90`, `p99`, `max` are lower bounds: they reach into such ages."""
    late_sends: Quantiles
    """How late the load was, in sending and in reading the answers."""
    clients: int = 0
    """As in `RouteInfo`, at the end."""
    load_busy: float = 0.0
    """The share of the run in which the load had no moment to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCounts:
    """How often things happened on one loop; see `LoopTimes`."""

    iterations: int
    callbacks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTotals:
    """One loop, or several, one after another. None: the probe's coverage does not show it."""

    counts: LoopCounts | None
    utilization: float | None
    lag: Quantiles
    ready_delay: Quantiles
    callback: Quantiles
    """How long callbacks ran."""
    gc: GcStats
    loops: int = 1
    """How many there were, one after another; counts and times are of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTotals:
    """How well one loop was seen, and what that cost it."""

    coverage: str
    """See `LoopStats.coverage`."""
    events: int
    dropped_events: int
    failed_hooks: tuple[str, ...]
    ns_per_event: int | None
    """Measured at the start; None: it was not."""
    cpu_share: float | None
    """Share of the loop's busy time that recording took; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTotals:
    """One worker process."""

    number: int
    loop: LoopTotals
    probe: ProbeTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTotals:
    """How many tasks there were; see `TaskTable`."""

    started: int
    raised: int
    cancelled: int
    never_retrieved: int
    outlived_parent: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTotals:
    """The WebSockets and streams of one route."""

    route: str
    count: int
    open: int
    """How many of them are open at the end."""
    sent: int
    """Messages that they have sent, or parts."""
    received: int
    first_ns: int
    """The longest that one took until its first was sent."""
    gap_ns: int
    """The longest time from one that was sent to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidTotals:
    """One of the marks or log records of the program, and how often it was said."""

    kind: str
    """`mark`, or `log`."""
    level: str
    """Of a log record."""
    text: str
    """`…`: all those of which there were too many different ones."""
    count: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """The whole run; of several workers, added up, or named after their worker."""

    routes: tuple[RouteTotals, ...]
    """In the load's order."""
    workers: tuple[WorkerTotals, ...]
    """By number; the first one lives as long as the run."""
    resources: tuple[ResourceInfo, ...]
    """Those that were used."""
    jobs: tuple[JobStats, ...]
    """Executors that have had work."""
    tasks: TaskTotals
    findings: tuple[Finding, ...]
    """Worst first."""
    counters: Mapping[str, int | None]
    """In the scenario's order; None: no value was received, since the target has no probe."""
    gone: Mapping[str, int]
    """By route: requests whose client the app saw go away."""
    streams: tuple[StreamTotals, ...] = ()
    """By route, in the order of their first."""
    said: tuple[SaidTotals, ...] = ()
    """The program's own marks and log records, in the order in which they were first said."""
    earlier: int = 0
    """How many workers have ended that are not in `workers`, nor their resources and jobs listed.
    What is added up counts them, too."""
