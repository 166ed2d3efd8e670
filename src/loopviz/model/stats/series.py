"""Numbers over time, in arrays that forget their oldest part."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Envelope", "Series"]

Ints = NDArray[np.int64]


class Series:
    """Pairs of time and value, in time order, in two growing arrays that forget old pairs.

    Appending is amortised O(1) per pair; `times` and `values` are views, not copies, and stay
    valid: the arrays behind them are replaced, never rewritten where a view can see it.
    """

    def __init__(self, size: int = 4096) -> None:
        self._times: Ints = np.empty(size, np.int64)
        self._values: Ints = np.empty(size, np.int64)
        self._first = 0
        self._end = 0
        self._retained: tuple[Ints, Ints] | None = None

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
            size = max(64, (kept + count) * 5 // 4)
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
        """Drops pairs before `time`, except the last of them, whose value lasts until the next."""
        self._first += max(int(np.searchsorted(self.times, time)) - 1, 0)

    def retain(self) -> None:
        """Keeps the present values available to `between` until `release`, forgotten or not."""
        self._retained = self.times, self.values

    def release(self) -> None:
        """Ends `retain`."""
        self._retained = None

    def between(self, start: int, end: int) -> tuple[Ints, Ints]:
        """Times and values from the last entry before `start` until `end`, also retained ones."""
        times, values = self.times, self.values
        if self._retained is not None and (not len(times) or start < times[0]):
            before, old = self._retained
            until = int(np.searchsorted(before, times[0])) if len(times) else len(before)
            times = np.concatenate((before[:until], times))
            values = np.concatenate((old[:until], values))
        first = max(int(np.searchsorted(times, start)) - 1, 0)
        last = int(np.searchsorted(times, end, "right"))
        return times[first:last], values[first:last]

    def since(self, time: int) -> Ints:
        """The values at or after `time`."""
        return self.values[int(np.searchsorted(self.times, time)) :]


class Envelope:
    """Two counts over time as a step function for drawing, bounded per second.

    Exact where they change less often than every `GRAIN_NS`; elsewhere each grain has its peaks.
    """

    GRAIN_NS = 10_000_000

    def __init__(self) -> None:
        self._series = Series(64)
        self._times: list[int] = []
        self._packed: list[int] = []
        self._grain = 0
        self._at = 0
        self._first = self._second = self._peak_first = self._peak_second = 0

    def note(self, at: int, first: int, second: int) -> None:
        """The counts have these values from `at` on; none is negative."""
        grain = at // self.GRAIN_NS
        if grain > self._grain:
            self._close()
            self._grain, self._at = grain, at
            self._peak_first, self._peak_second = first, second
        else:
            if first > self._peak_first:
                self._peak_first = first
            if second > self._peak_second:
                self._peak_second = second
        self._first, self._second = first, second

    def columns(self, since: int) -> tuple[Ints, Ints, Ints]:
        """Times and both counts, from the last change before `since` on."""
        self._flush()
        series = self._series
        begin = max(int(np.searchsorted(series.times, since)) - 1, 0)
        times, packed = series.times[begin:], series.values[begin:]
        if self._at:
            peak, last = self._packed_now()
            times = np.append(times, (self._at, (self._grain + 1) * self.GRAIN_NS))
            packed = np.append(packed, (peak, last))
        return times, packed >> 32, packed & 0xFFFFFFFF

    def forget_before(self, time: int) -> None:
        self._flush()
        self._series.forget_before(time)

    def _close(self) -> None:
        """Ends the grain: adds its peaks, and its last values where these are lower."""
        if not self._at:
            return
        peak, last = self._packed_now()
        self._times.append(self._at)
        self._packed.append(peak)
        if last != peak:
            self._times.append((self._grain + 1) * self.GRAIN_NS)
            self._packed.append(last)
        if len(self._times) > 500:
            self._flush()

    def _packed_now(self) -> tuple[int, int]:
        """The grain's peaks, and its newest values."""
        peak = self._peak_first << 32 | self._peak_second
        return peak, self._first << 32 | self._second

    def _flush(self) -> None:
        if self._times:
            self._series.extend(np.array(self._times), np.array(self._packed))
            self._times, self._packed = [], []
