"""A few figures of each second, kept for hours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Overview", "merge_overviews"]

Ints = NDArray[np.int64]


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Overview:
    """Figures by second: element i of each array belongs to the clock's second `start_s + i`."""

    start_s: int = 0
    busy_ns: Ints = field(default_factory=_none)
    """How long the loop was busy."""
    lag_max_ns: Ints = field(default_factory=_none)
    stall_max_ns: Ints = field(default_factory=_none)
    """The longest stall that overlaps the second; 0: none does."""
    requests: Ints = field(default_factory=_none)
    """How many requests ended."""
    slowest_ns: Ints = field(default_factory=_none)
    """The duration of the slowest of them."""


@lru_cache(maxsize=4)
def merge_overviews(first: Overview, *others: Overview) -> Overview:
    """One overview of several workers; the loop's figures are the first one's."""
    start = min(o.start_s for o in (first, *others) if o.start_s)
    size = max(o.start_s + len(o.busy_ns) for o in (first, *others)) - start

    def column(name: str, of: Sequence[Overview], add: np.ufunc) -> Ints:
        whole = np.zeros(size, np.int64)
        for overview in of:
            values, at = getattr(overview, name), overview.start_s - start
            if len(values):
                add(whole[at : at + len(values)], values, out=whole[at : at + len(values)])
        return whole

    return Overview(
        start_s=start,
        busy_ns=column("busy_ns", (first,), np.add),
        lag_max_ns=column("lag_max_ns", (first,), np.add),
        stall_max_ns=column("stall_max_ns", (first,), np.add),
        requests=column("requests", (first, *others), np.add),
        slowest_ns=column("slowest_ns", (first, *others), np.maximum),
    )
