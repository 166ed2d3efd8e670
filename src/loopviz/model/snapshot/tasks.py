"""The part of a snapshot that lists the tasks.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass
from typing import Literal

from loopviz.model.snapshot.types import Distribution, Location, State

__all__ = [
    "TaskGroupInfo",
    "TaskInfo",
    "TaskTable",
    "TaskTimes",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """One task. `busy_ns + ready_ns + waiting_ns` is its lifetime as far as it was seen."""

    number: int
    label: str
    """The route it serves, its name, or its coroutine's."""
    site: Location | None
    """The line that created it; None: not known."""
    parent: int
    """The number of the task that created it, 0: none."""
    request: int
    """The number of the request that it works for, 0: none."""
    state: State | None
    """`RUN`, `READY` (only before its first step: later, a wake-up is seen when the step begins) or
    `AWAIT`; None once it has ended."""
    waits_for: str
    """The name of the resource that it waits for; empty: none, or not known."""
    place: Location | None
    """Where it waits, or last waited."""
    place_what: str
    """What is awaited at that place (`sleep`, `socket`); empty: not known."""
    since_ns: int
    """Since when it has been in this state, or when it ended."""
    started_ns: int
    steps: int
    busy_ns: int
    ready_ns: int
    waiting_ns: int
    holds: tuple[str, ...]
    """The names of the resources of which it holds a unit."""
    waker: int
    """The number of the task whose step last woke it, 0: none did."""
    outcome: Literal["", "returned", "raised", "cancelled", "lost"]
    """Empty while it lives; `lost`: destroyed while pending, since nothing referenced it."""
    orphan: bool
    """Whether the task that created it ended first."""
    outlived_ns: int
    """By how much it outlived that task, once it has ended."""
    never_retrieved: str
    """The exception that it raised, if nobody retrieved it; else empty."""
    group: int = 0
    """The number of its group, 0: not known."""
    idle: bool = False
    """Whether it is a consumer without work: it waits to take something out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTimes:
    """What the tasks of a group did in some time."""

    busy_ns: int = 0
    ready_ns: int = 0
    waiting_ns: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroupInfo:
    """The tasks of one route, or those created at one line. Counts are since the run began."""

    number: int
    label: str
    """The route, or the coroutine's name."""
    route: bool
    site: Location | None
    """The line that created them; of a route, its first one."""
    live: int
    started: int
    busy_ns: int
    """Without steps that still run."""
    ready_ns: int
    waiting_ns: int
    steps_per_s: float
    """Over the last seconds."""
    recent: TaskTimes | None
    """Over the last `Snapshot.recent_ns`, or since it was first seen; None: it was just now."""
    steps: Distribution
    """How long steps took."""
    delays: Distribution
    """How long their steps had been ready before they ran."""


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
    """The live ones, oldest first; of very many, the oldest and the newest."""
    troubled: tuple[TaskInfo, ...] = ()
    """The last ones that were lost, outlived their parent, or raised unretrieved."""
    groups: tuple[TaskGroupInfo, ...] = ()
    """In the order of their first tasks."""
