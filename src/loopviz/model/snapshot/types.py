"""What the parts of a snapshot have in common."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EDGES_NS",
    "NOTHING",
    "Buckets",
    "Location",
    "Quantiles",
    "Span",
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
    """A step of it runs for longer than the slow-callback threshold: it blocks the loop."""
    RESOURCE = 5
    """It waits for a unit, an item or a turn of a resource."""
    THREAD = 6
    """A worker thread or process does something for it."""

    @property
    def waits(self) -> bool:
        """Whether it waits for something that is not the loop."""
        return self in (State.AWAIT, State.RESOURCE, State.THREAD)


Span = tuple[int, int, State]
"""start_ns, end_ns, state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A line of code. `file` is shortened for people (`scenarios/block.py`), `path` is whole."""

    file: str
    line: int
    function: str
    path: str = ""


EDGES_NS = tuple(step * 10**power for power in range(3, 11) for step in (1, 2, 5))
"""Of the bins of a histogram for people: 1, 2, 5, 10, 20, 50 … µs, up to 50 s."""

Buckets = tuple[int, ...]
"""`buckets[i]` values are at least `EDGES_NS[i - 1]` and less than `EDGES_NS[i]`; the first ones
are below all edges, the last ones above. Empty: there are no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Of `count` values; all zero when there are none."""

    count: int = 0
    p50_ns: int = 0
    p90_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Values over time, oldest first: `values[i]` holds at `times_ns[i]`."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.int64]


NOTHING = Track(times_ns=np.empty(0, np.int64), values=np.empty(0, np.int64))
"""No values."""
