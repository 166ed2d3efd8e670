"""The part of a snapshot that lists what tasks share: resources, holders, waiters, jobs.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from loopviz.model.snapshot.types import Location, Quantiles, Track
from loopviz.wire.kinds import Family, kind_of

__all__ = [
    "GaugeStats",
    "HolderInfo",
    "JobStats",
    "ResourceInfo",
    "WaiterInfo",
    "WorkerInfo",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeStats:
    """A count over time: now, its mean by time, and its peak since the run began."""

    now: int
    mean: float
    max: int


class HolderInfo(NamedTuple):
    """A task that holds a unit of a resource."""

    task: int
    """The task's number, 0: not known."""
    label: str
    since_ns: int
    location: Location | None = None
    """Where in its code it waited for the unit; None: it got it at once."""
    place: Location | None = None
    """Where the task waits now, or last waited: what the unit is held across."""
    place_what: str = ""
    """What it awaits there: a resource's name, `sleep`, `socket`; empty: not known."""
    waits_now: bool = False
    """Whether it waits there now; else it last waited there, and where it does now is not known."""


class WaiterInfo(NamedTuple):
    """A task that waits for a resource."""

    task: int
    label: str
    since_ns: int
    location: Location | None
    """Where in its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceInfo:
    """A resource, or all that were made at one line under one name; then counts are sums."""

    name: str
    """The app's name for it, or `db.py:17 Semaphore(10)`."""
    kind: str
    """`asyncio.Semaphore`, see docs/probe.md; empty if it was never introduced."""
    capacity: int
    """The capacity of one instance; 0: unbounded, or not known."""
    instances: int
    location: Location | None
    """Where it was made."""
    in_use: GaugeStats
    """Units held; items in a queue; running jobs of an executor."""
    waiting: GaugeStats
    """Tasks that wait for a unit; queued jobs of an executor. Idle consumers do not count."""
    idle: int
    """Tasks that wait to take something out."""
    waited: Quantiles
    """How long those who got it had waited."""
    given_up: Quantiles
    """How long those who gave up (timed out, cancelled) had waited."""
    holders: tuple[HolderInfo, ...]
    """Longest first; of very many, the first."""
    waiters: tuple[WaiterInfo, ...]
    """The same."""
    in_use_track: Track
    """For drawing, over the last minute: `values[i]` from `times_ns[i]` on. Where it changes more
    often than every 10 ms, the peaks."""
    waiting_track: Track

    @property
    def family(self) -> Family:
        """What it is used for."""
        return kind_of(self.kind).family


class WorkerInfo(NamedTuple):
    """A worker and the job that it runs."""

    worker: str
    job: str
    """The function's name."""
    since_ns: int
    task: int
    """The task that submitted it, 0: not known."""
    label: str = ""
    """That task's: the route that it serves, or its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStats:
    """The worker jobs of one executor. Counts are since the run began."""

    name: str
    """The executor's name, as in its `ResourceInfo`."""
    queued: int
    running: tuple[WorkerInfo, ...]
    finished: int
    raised: int
    queued_times: Quantiles
    """From a job's submission until a worker takes it up."""
    run_times: Quantiles
