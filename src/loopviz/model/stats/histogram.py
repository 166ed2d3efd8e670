"""Histograms of durations in logarithmic bins: bounded memory, exact to within 1.6 %."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loopviz.model.snapshot.types import EDGES_NS, Buckets, Quantiles

__all__ = ["Histogram", "quantiles"]

_SUB = 32  # bins per octave
_OCTAVES = 45  # 2**45 ns is about ten hours
_NOTED = 512
"""How many single values are collected before they are counted: NumPy is slow one by one."""


class Histogram:
    """Counts of non-negative integer nanoseconds; 32 bins per octave, exact below 32 ns."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] | None = None
        self._noted: list[int] = []
        self.max_ns = 0

    def note(self, value: int) -> None:
        """Counts one value."""
        self._noted.append(value)
        if len(self._noted) >= _NOTED:
            self._count_noted()

    def add(self, values: NDArray[np.int64]) -> None:
        """Counts the values; negative ones as 0."""
        if not len(values):
            return
        values = np.maximum(values, 0)
        if self._counts is None:
            self._counts = np.zeros(_SUB * _OCTAVES, np.int64)
        self._counts += np.bincount(_bin(values), minlength=len(self._counts))
        self.max_ns = max(self.max_ns, int(values.max()))

    def quantiles(self) -> Quantiles:
        """p50, p90 and p99 to within a bin's width, and the exact maximum."""
        self._count_noted()
        if self._counts is None:
            return Quantiles()
        total = int(self._counts.sum())
        ranks = np.ceil(np.array([0.5, 0.9, 0.99]) * total).astype(np.int64)
        bins = np.searchsorted(np.cumsum(self._counts), ranks)
        p50, p90, p99 = (min(_middle(int(b)), self.max_ns) for b in bins)
        return Quantiles(count=total, p50_ns=p50, p90_ns=p90, p99_ns=p99, max_ns=self.max_ns)

    def and_also(self, values: NDArray[np.int64]) -> "Histogram":
        """A copy that also has these values; itself if there are none."""
        if not len(values):
            return self
        more = Histogram()
        more._counts, more.max_ns = self.tally(), self.max_ns
        more.add(values)
        return more

    def buckets(self) -> Buckets:
        """How many values lie in each of the wide bins of `EDGES_NS`."""
        self._count_noted()
        if self._counts is None:
            return ()
        return tuple(np.bincount(_wide(), self._counts, len(EDGES_NS) + 1).astype(int).tolist())

    @property
    def count(self) -> int:
        """The number of values."""
        noted = len(self._noted)
        return noted if self._counts is None else noted + int(self._counts.sum())

    def tally(self) -> NDArray[np.int64]:
        """A copy of the number of values in each bin."""
        self._count_noted()
        return np.zeros(_SUB * _OCTAVES, np.int64) if self._counts is None else self._counts.copy()

    def count_in(self, bins: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Adds `counts` values to these bins, which are numbered as in `tally`."""
        if not len(bins):
            return
        if self._counts is None:
            self._counts = np.zeros(_SUB * _OCTAVES, np.int64)
        self._counts[bins] += counts
        self.max_ns = max(self.max_ns, _middle(int(bins.max())))

    def _count_noted(self) -> None:
        if self._noted:
            noted, self._noted = self._noted, []
            self.add(np.array(noted, np.int64))


def quantiles(values: NDArray[np.int64]) -> Quantiles:
    """Exact quantiles: the smallest value that this share of the values does not exceed."""
    count = len(values)
    if not count:
        return Quantiles()
    ranks = [int(np.ceil(q * count)) - 1 for q in (0.5, 0.9, 0.99)]
    ordered = np.partition(values, sorted({*ranks, count - 1}))
    p50, p90, p99 = (int(ordered[r]) for r in ranks)
    return Quantiles(count=count, p50_ns=p50, p90_ns=p90, p99_ns=p99, max_ns=int(ordered[-1]))


def _bin(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin of each value: the value itself below 32, then 32 bins per octave."""
    octave = np.maximum(np.frexp(values.astype(np.float64))[1] - 6, 0)  # 0 below 64
    index = octave * _SUB + (values >> octave)
    binned: NDArray[np.int64] = np.minimum(index, _SUB * _OCTAVES - 1)
    return binned


@lru_cache(maxsize=1)
def _wide() -> NDArray[np.int64]:
    """For each bin, the wide bin in which its middle lies."""
    middles = [_middle(index) for index in range(_SUB * _OCTAVES)]
    wide: NDArray[np.int64] = np.searchsorted(EDGES_NS, middles, side="right")
    return wide


def _middle(index: int) -> int:
    """The middle of a bin."""
    if index < 2 * _SUB:
        return index
    octave = index // _SUB - 1
    low = (index - octave * _SUB) << octave
    return low + ((1 << octave) >> 1)
