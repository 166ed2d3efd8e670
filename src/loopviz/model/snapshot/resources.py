"""The part of a snapshot that lists what tasks share: resources, who holds them, who waits, jobs.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from loopviz.model.snapshot.types import Location, Quantiles, Track
from loopviz.wire.kinds import Family, kind_of

__all__ = [
    "HolderInfo",
    "JobStats",
    "Occupied",
    "ResourceInfo",
    "WaiterInfo",
    "WorkerInfo",
]


@dataclass(frozen=True, slots=True)
class Occupied:
    """A count over time: now, on average (by time) and at its peak since the run began."""

    now: int
    mean: float
    max: int


class HolderInfo(NamedTuple):
    """A task that holds a unit of a resource."""

    task: int
    """0: not known which."""
    label: str
    since_ns: int
    location: Location | None = None
    """Where in its code it waited for the unit; None: it had it at once."""
    place: Location | None = None
    """Where its task waits now, or has waited last: what the unit is held across."""
    place_what: str = ""
    """What it awaits there: a resource's name, `sleep`, `socket`; empty if not known."""


class WaiterInfo(NamedTuple):
    """A task that waits for a resource."""

    task: int
    label: str
    since_ns: int
    location: Location | None
    """Where in its code."""


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource, or all that were made at one line under one name: then counts are sums."""

    name: str
    """As the app calls it, or `db.py:17 Semaphore(10)`."""
    kind: str
    """`asyncio.Semaphore`, see docs/probe.md; empty if it was never introduced."""
    capacity: int
    """Of one instance; 0: unbounded, or not known."""
    instances: int
    location: Location | None
    """Where it was made."""
    in_use: Occupied
    """Units held; of a queue, the items in it; of an executor, its running jobs."""
    waiting: Occupied
    """Tasks that wait to get in; of an executor, queued jobs. Idle consumers do not count."""
    idle: int
    """Tasks that wait to take something out."""
    waited: Quantiles
    """How long those waited that got it."""
    given_up: Quantiles
    """How long those waited that gave up: timed out, cancelled."""
    holders: tuple[HolderInfo, ...]
    """Longest first; of very many, the first."""
    waiters: tuple[WaiterInfo, ...]
    """The same."""
    in_use_track: Track
    """For drawing, over the last minute: `values[i]` from `times_ns[i]` on; peaks of 10 ms where it
    changes more often."""
    waiting_track: Track

    @property
    def family(self) -> Family:
        """What it is used for."""
        return kind_of(self.kind).family


class WorkerInfo(NamedTuple):
    """A worker at work."""

    worker: str
    job: str
    """The function's name."""
    since_ns: int
    task: int
    """The task that submitted it, 0: not known."""


@dataclass(frozen=True, slots=True)
class JobStats:
    """The worker jobs of one executor. Counts are since the run began."""

    name: str
    """As its `ResourceInfo`."""
    queued: int
    running: tuple[WorkerInfo, ...]
    finished: int
    raised: int
    queued_times: Quantiles
    """From its submission until a worker takes a job up."""
    run_times: Quantiles
