"""Types that the parts of a snapshot have in common."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS

__all__ = [
    "EDGES_NS",
    "HISTORY_STEPS",
    "HISTORY_STEP_NS",
    "NOTHING",
    "Buckets",
    "Cause",
    "Distribution",
    "Location",
    "Quantiles",
    "Span",
    "State",
    "Track",
]


Cause = Literal["callback", "gil", "gc", "import", "machine", "limit", "loopviz"]
"""What blocked the loop: the callback's own work, a thread that had the GIL, a garbage collection
within it, a module that it imported, want of a core, or want of CPU time within a limit."""


class State(IntEnum):
    """What a request's task does at one moment."""

    RUN = 1
    """One of its steps runs."""
    READY = 2
    """It could run, but the loop is busy with others, or has not read the request yet."""
    AWAIT = 3
    """It waits for something that is not the loop."""
    BLOCKING = 4
    """One of its steps runs for longer than the slow-callback threshold: it blocks the loop."""
    RESOURCE = 5
    """It waits for a resource: a unit, an item, or its turn."""
    THREAD = 6
    """A worker thread or process runs a job for it."""
    GIL = 7
    """One of its steps waits, for longer than that threshold, until a thread releases the GIL."""

    @property
    def runs(self) -> bool:
        """Whether one of its steps is on the loop."""
        return self in (State.RUN, State.BLOCKING, State.GIL)

    @property
    def waits(self) -> bool:
        """Whether it waits for something that is not the loop."""
        return self in (State.AWAIT, State.RESOURCE, State.THREAD)


Span = tuple[int, int, State]
"""start_ns, end_ns, state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A line of code. `file` is shortened for people (`scenarios/block.py`), `path` is complete."""

    file: str
    line: int
    function: str
    path: str = ""


EDGES_NS = tuple(step * 10**power for power in range(3, 11) for step in (1, 2, 5))
"""Edges of the bins of a histogram for people: 1, 2, 5, 10, 20, 50 … µs, up to 50 s."""

Buckets = tuple[int, ...]
"""Counts of values by bin: `buckets[i]` values are at least `EDGES_NS[i - 1]` and less than
`EDGES_NS[i]`; the first bin lies below all edges, the last above. Empty: no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Quantiles of `count` values; all zero if there are none."""

    count: int = 0
    p50_ns: int = 0
    p90_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How long occurrences of one kind took."""

    quantiles: Quantiles = field(default_factory=Quantiles)
    buckets: Buckets = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Values over time, oldest first: the value is `values[i]` at `times_ns[i]`."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.int64]


HISTORY_STEP_NS, HISTORY_STEPS = 500 * MS, 20
"""The steps of what is drawn as a sparkline: the last ten seconds."""

NOTHING = Track(times_ns=np.empty(0, np.int64), values=np.empty(0, np.int64))
"""A track without values."""
