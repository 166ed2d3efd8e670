"""Columns of numbers over time that forget their oldest part."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series"]

Ints = NDArray[np.int64]


class Series:
    """Pairs (time, value) in time order, in two growing arrays; old pairs are forgotten.

    Appending is amortised O(1) per pair; `times` and `values` are views, not copies, and stay
    valid: the arrays behind them are replaced, never rewritten where a view can see it.
    """

    def __init__(self, size: int = 4096) -> None:
        self._times: Ints = np.empty(size, np.int64)
        self._values: Ints = np.empty(size, np.int64)
        self._first = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def times(self) -> Ints:
        return self._times[self._first : self._end]

    @property
    def values(self) -> Ints:
        return self._values[self._first : self._end]

    def extend(self, times: Ints, values: Ints) -> None:
        count = len(times)
        if self._end + count > len(self._times):
            kept = len(self)
            size = max(4096, 2 * (kept + count))
            for name in ("_times", "_values"):
                old = getattr(self, name)
                new = np.empty(size, np.int64)
                new[:kept] = old[self._first : self._end]
                setattr(self, name, new)
            self._first, self._end = 0, kept
        self._times[self._end : self._end + count] = times
        self._values[self._end : self._end + count] = values
        self._end += count

    def forget_before(self, time: int) -> None:
        """Drop pairs older than `time`, but for the last of them: it holds until the next."""
        self._first += max(int(np.searchsorted(self.times, time)) - 1, 0)

    def since(self, time: int) -> Ints:
        """The values at or after `time`."""
        return self.values[int(np.searchsorted(self.times, time)) :]
