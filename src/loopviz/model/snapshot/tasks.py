"""The part of a snapshot that lists what there is: tasks, counters, pauses.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from loopviz.model.snapshot.types import Buckets, Location, Quantiles, State

__all__ = [
    "CounterValue",
    "Distribution",
    "GcStats",
    "LoopDistributions",
    "Pause",
    "RequestPhase",
    "TaskGroupInfo",
    "TaskInfo",
    "TaskTable",
    "WaitInfo",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How long things of one kind took."""

    quantiles: Quantiles = field(default_factory=Quantiles)
    buckets: Buckets = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDistributions:
    """What a loop is measured by, over some time."""

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
class CounterValue:
    """Something that the scenario's endpoints count."""

    key: str
    title: str
    bad: bool
    """It ought to stay 0."""
    value: int
    recent: int
    """How much it grew over the last `Snapshot.recent_ns`."""


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
class WaitInfo:
    """What a request, all in all, waited for at one place."""

    what: str
    """The resource's name; else what is awaited there (`sleep`, `socket`, `task`); empty: that
    was not seen."""
    total_ns: int
    count: int
    location: Location | None
    """Where in the code; None if it was not seen."""
    resource: bool
    """Whether `what` is a resource's name, see `ResourceInfo.name`."""


class RequestPhase(NamedTuple):
    """A phase of a request, as FastAPI goes through it."""

    name: str
    """`dependencies`, `endpoint`, `serialization`, `background`."""
    start_ns: int
    end_ns: int
    """So far, while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """One task. `busy_ns + ready_ns + waiting_ns` is its lifetime as far as it was seen."""

    number: int
    label: str
    """The route it serves, its name, or its coroutine's."""
    site: Location | None
    """Where it was made; None if that is not known."""
    parent: int
    """The number of the task that made it, 0: none."""
    request: int
    """The number of the request it works for, 0: none."""
    state: State | None
    """`RUN`, `READY` (only before its first step: when it is woken shows when it runs), `AWAIT`;
    None once it has ended."""
    waits_for: str
    """While it waits, and that is known: the resource's name."""
    place: Location | None
    """Where it waits for it; else where it waited last."""
    place_what: str
    """What is awaited at that place (`sleep`, `socket`); empty if not known."""
    since_ns: int
    """Since when it is in this state; when it ended."""
    started_ns: int
    steps: int
    busy_ns: int
    ready_ns: int
    waiting_ns: int
    holds: tuple[str, ...]
    """The names of the resources of which it holds a unit."""
    waker: int
    """The task whose step last woke it, 0: none did."""
    outcome: Literal["", "returned", "raised", "cancelled", "lost"]
    """Empty while it lives; `lost`: destroyed while it was pending, nothing referenced it."""
    orphan: bool
    """The task that made it has ended before it."""
    outlived_ns: int
    """By how long it outlived that one, once it has ended."""
    never_retrieved: str
    """The exception it raised, if nobody ever retrieved it; else empty."""
    group: int = 0
    """The number of its group, 0: not known."""
    idle: bool = False
    """It waits to take something out: a consumer without work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroupInfo:
    """The tasks that serve one route, or were made at one line. Counts are since the run began."""

    number: int
    label: str
    """The route, or the coroutine's name."""
    route: bool
    site: Location | None
    """Where they were made; of a route, where its first one was."""
    live: int
    started: int
    busy_ns: int
    """Steps that go on are not yet counted."""
    ready_ns: int
    waiting_ns: int
    steps_per_s: float
    """Over the last seconds."""
    steps: Distribution
    """How long steps took."""
    delays: Distribution
    """Ready delays: how long tasks that could run waited for the loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTable:
    """The tasks. Counts are since the run began."""

    live: int = 0
    started: int = 0
    raised: int = 0
    cancelled: int = 0
    never_retrieved: int = 0
    outlived_parent: int = 0
    lost: int = 0
    tasks: tuple[TaskInfo, ...] = ()
    """Live ones, oldest first; of very many, the oldest and the newest."""
    troubled: tuple[TaskInfo, ...] = ()
    """The last that were lost, outlived their parent, or whose exception nobody retrieved."""
    groups: tuple[TaskGroupInfo, ...] = ()
    """In the order of their first tasks."""
