"""The loop itself: busy and idle, lag, ready delay, lengths. In columns, a batch at a time."""

import numpy as np
from numpy.typing import NDArray

from loopviz.model.histogram import Histogram
from loopviz.model.series import Series
from loopviz.model.snapshot import Spread, Spreads
from loopviz.wire.events import Kind

__all__ = ["LoopTimes"]

Records = NDArray[np.void]
Ints = NDArray[np.int64]


class LoopTimes:
    """Adds up the switch trace. A switch lasts until the next; the last one is still open."""

    def __init__(self) -> None:
        self.busy = Series()
        """Cumulative busy ns at each change between busy and idle."""
        self.lag = Series()
        self.ready_delay = Series()
        self.callback = Series()
        """How long each callback ran, at its end."""
        self.iteration = Series()
        """How long each iteration took, its select not counted, at its end."""
        self.busy_ns = 0
        self.last_kind = int(Kind.STOPPED)
        self.last_at = 0
        self._turned = 0
        """When the iteration that goes on began; 0: not known."""
        self.begin()

    def begin(self) -> None:
        """Count anew from here on: what came before was the app's start."""
        self.lag_all = Histogram()
        self.ready_delay_all = Histogram()
        self.callback_all = Histogram()
        self.iteration_all = Histogram()
        self.busy_before_ns = self.busy_ns
        self.idle_ns = 0
        self.iterations = 0
        self.callbacks = 0
        self.events = 0

    @property
    def utilization(self) -> float | None:
        """Busy / (busy + idle) since `begin`, None before anything is known."""
        busy = self.busy_since_begin_ns
        known = busy + self.idle_ns
        return busy / known if known else None

    @property
    def busy_since_begin_ns(self) -> int:
        return self.busy_ns - self.busy_before_ns

    @property
    def tracks(self) -> tuple[Series, ...]:
        """All that is kept over time."""
        return self.busy, self.lag, self.ready_delay, self.callback, self.iteration

    def feed(self, records: Records) -> None:
        """One batch of the loop's ring, in its order."""
        self.events += len(records)
        kinds = records["kind"]
        at_all = records["at"]
        timers = kinds == Kind.TIMER
        if timers.any():
            at = at_all[timers]
            late = np.maximum(at - records["a"][timers], 0)
            self.lag.extend(at, late)
            self.lag_all.add(late)
        switches = kinds <= Kind.STOPPED
        if switches.any():
            a = records["a"][switches]
            self._switches(kinds[switches], at_all[switches], a)

    def gap(self) -> None:
        """Records were lost: what the loop did since the last one is not known."""
        if self.last_kind != Kind.STOPPED:
            self.busy.extend(np.array([self.last_at]), np.array([self.busy_ns]))
        self.last_kind = int(Kind.STOPPED)
        self._turned = 0

    def forget_before(self, time: int) -> None:
        for series in self.tracks:
            series.forget_before(time)

    def spreads(self) -> Spreads:
        """Since `begin`."""
        all_ = self.ready_delay_all, self.callback_all, self.iteration_all, self.lag_all
        return Spreads(*(_spread(histogram) for histogram in all_))

    def between(self, start_ns: int, end_ns: int) -> Spreads:
        """Of that time, as far as it is not forgotten."""
        spreads = []
        for series in (self.ready_delay, self.callback, self.iteration, self.lag):
            first, last = np.searchsorted(series.times, (start_ns, end_ns))
            histogram = Histogram()
            histogram.add(series.values[first:last])
            spreads.append(_spread(histogram))
        return Spreads(*spreads)

    def busy_until(self, now: int) -> int:
        """Cumulative busy ns at `now`, the open switch included."""
        running = self.last_kind in (Kind.STEP, Kind.CALLBACK, Kind.POLLED)
        return self.busy_ns + (max(now - self.last_at, 0) if running else 0)

    def _switches(self, kinds: Ints, at: Ints, a: Ints) -> None:
        began = np.concatenate(([self.last_at], at[:-1]))
        was = np.concatenate(([self.last_kind], kinds[:-1]))
        lasted = at - began
        was_busy = (was == Kind.STEP) | (was == Kind.CALLBACK) | (was == Kind.POLLED)
        was_idle = was == Kind.IDLE
        self.idle_ns += int(lasted[was_idle].sum())

        # where busy turns to idle or back: the only points the cumulative curve needs
        is_busy = (kinds == Kind.STEP) | (kinds == Kind.CALLBACK) | (kinds == Kind.POLLED)
        cumulative = self.busy_ns + np.cumsum(np.where(was_busy, lasted, 0))
        turns = (was_busy != is_busy) | (was == Kind.STOPPED)
        self.busy.extend(at[turns], cumulative[turns])
        self.busy_ns = int(cumulative[-1])

        called_back = (was == Kind.STEP) | (was == Kind.CALLBACK)
        ended = np.where(kinds == Kind.POLLED, np.clip(a, began, at), at)  # when select was called
        lengths = (ended - began)[called_back]
        self.callback.extend(ended[called_back], lengths)
        self.callback_all.add(lengths)
        calls = (kinds == Kind.STEP) | (kinds == Kind.CALLBACK)
        delays = np.maximum(at[calls] - a[calls], 0)
        self.ready_delay.extend(at[calls], delays)
        self.ready_delay_all.add(delays)
        self.callbacks += int(calls.sum())
        polled = kinds == Kind.POLLED
        if polled.any():
            self._iterations(at[polled], a[polled])
        if kinds[-1] == Kind.STOPPED:
            self._turned = 0
        self.last_kind, self.last_at = int(kinds[-1]), int(at[-1])

    def _iterations(self, at: Ints, called: Ints) -> None:
        """Select was called and returned so often: each call ends an iteration."""
        self.iterations += len(at)
        began = np.concatenate(([self._turned], at[:-1]))
        known = slice(0 if self._turned else 1, None)
        lengths = np.maximum(called - began, 0)[known]
        self.iteration.extend(np.minimum(called, at)[known], lengths)
        self.iteration_all.add(lengths)
        self._turned = int(at[-1])


def _spread(histogram: Histogram) -> Spread:
    return Spread(histogram.quantiles(), histogram.buckets())
