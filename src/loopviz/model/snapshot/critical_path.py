"""What decided a request's latency: its own steps and waits, and those of the tasks that woke it.

Frozen, in integer nanoseconds; see `snapshot`. It is built on request.
"""

from dataclasses import dataclass
from typing import Literal

from loopviz.model.snapshot.types import Location

__all__ = ["CriticalPath", "PathPart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPart:
    """A part of the path: what tasks of one kind did for the same at the same line."""

    task: int
    """The number of the task; of several, the one with the largest share; 0: not known."""
    label: str
    request: int
    """The request that this task works for, 0: none."""
    own: bool
    """Whether it is the request's own task."""
    tasks: int
    """How many tasks did it, one after the other."""
    kind: Literal["ran", "ready", "await", "resource", "job", "queued", "unknown"]
    """`ran`, `ready`: its steps, and the loop's delay before them; `await`, `resource`: it waited
    for `what`, and no task is known that woke it; `job`, `queued`: a worker ran its job, or had not
    begun; `unknown`: nothing is recorded."""
    what: str
    """The resource, the job's function, or what was awaited (`socket`, `sleep`)."""
    location: Location | None
    via: str
    """What the request, or a task between, waited for meanwhile: a resource's name, or else what
    it awaited; empty: it is the request's own part."""
    total_ns: int
    queued_for: str = ""
    """The executor or limiter for which its job was queued; empty: it was not, or not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """The chain of wakers that leads from a request's end back to its start."""

    total_ns: int
    parts: tuple[PathPart, ...]
    """From the end back to the start, each at the place of its last piece. They sum to the total,
    to the nanosecond."""

    @property
    def others(self) -> bool:
        """Whether anything but the request's own task is part of it."""
        return any(not part.own or part.kind in ("job", "queued") for part in self.parts)
