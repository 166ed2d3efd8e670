"""Confidence intervals of quantiles, from the sample alone.

Distribution-free, by order statistics: how many of n independent values lie below the true
p-quantile is binomial(n, p), so the interval between two of the sorted values contains it
with a known probability (W. J. Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2;
H. A. David and H. N. Nagaraja, Order Statistics, section 7.1).
"""

from functools import lru_cache
from math import ceil, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARES", "Interval", "differ", "intervals", "samples_for"]

SHARES = (0.5, 0.9, 0.99)
"""The quantiles that are compared."""
CONFIDENCE = 0.95
_MOST = 50_000
"""Beyond so many samples ranks are scaled from those of so many, which errs on the safe side."""


class Interval(NamedTuple):
    """Contains the true quantile with 95 % confidence; None: open at that end."""

    low_ns: int | None
    high_ns: int | None


def intervals(values: NDArray[np.int64]) -> tuple[Interval, ...]:
    """The intervals of the p50, p90 and p99 of what the values are a sample of."""
    ordered = np.sort(values)
    found = []
    for share in SHARES:
        low, high = _ranks(len(ordered), share)
        found.append(
            Interval(
                int(ordered[low - 1]) if low >= 1 else None,
                int(ordered[high - 1]) if high <= len(ordered) else None,
            )
        )
    return tuple(found)


def differ(one: Interval, other: Interval) -> bool:
    """Whether the two do not overlap: then the true quantiles almost certainly differ."""
    return _below(one, other) or _below(other, one)


def samples_for(share: float) -> int:
    """How many values it takes until the interval of that quantile is closed above."""
    return ceil(log((1 - CONFIDENCE) / 2) / log(share))


def _below(one: Interval, other: Interval) -> bool:
    return one.high_ns is not None and other.low_ns is not None and one.high_ns < other.low_ns


@lru_cache(maxsize=1024)
def _ranks(count: int, share: float) -> tuple[int, int]:
    """Ranks, from 1, of the values that enclose the quantile; 0 or count + 1: open at that end."""
    tail = (1 - CONFIDENCE) / 2
    if count > _MOST:
        low, high = _ranks(_MOST, share)
        return low * count // _MOST, -(-high * count // _MOST)
    below = _binomial(count, share)  # below[k]: at most k of the values are below the quantile
    low = int(np.searchsorted(below, tail, side="right"))
    high = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    return low, high


def _binomial(count: int, share: float) -> NDArray[np.float64]:
    """The distribution function of binomial(count, share) at 0 … count."""
    factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))
    hits = np.arange(count + 1)
    chosen = factorial[count] - factorial - factorial[::-1]
    chances = np.exp(chosen + hits * log(share) + (count - hits) * log(1 - share))
    summed: NDArray[np.float64] = np.cumsum(chances)
    return summed
