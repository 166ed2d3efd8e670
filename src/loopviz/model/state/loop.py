"""The loop: busy and idle time, lag, ready delay, and durations. Columnar, batch by batch."""

import numpy as np
from numpy.typing import NDArray

from loopviz.model.snapshot import Distribution, LoopDistributions
from loopviz.model.stats.histogram import Histogram
from loopviz.model.stats.series import Series
from loopviz.wire.events import HEARTBEAT_LET_GO_NS, HEARTBEAT_NS, Kind

__all__ = ["LoopTimes"]

Records = NDArray[np.void]
Ints = NDArray[np.int64]

_MISSED = 3_000
"""How many missed beats count at most: a minute's. A machine may have slept overnight."""


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
        """How long each iteration took, without its select, at its end."""
        self.busy_ns = 0
        self.last_kind = int(Kind.STOPPED)
        self.last_at = 0
        self._turned = 0
        """When the current iteration began; 0: not known."""
        self._beat_due = 0
        """When the next heartbeat is due; 0: not known."""
        self.closed = False
        """Whether the loop was closed, and no other one has begun."""
        self.begin()

    def begin(self) -> None:
        """Starts all counts anew: what came before was the app's start."""
        self.lag_all = Histogram()
        self.ready_delay_all = Histogram()
        self.callback_all = Histogram()
        self.iteration_all = Histogram()
        self.busy_before_ns = self.busy_ns
        self.idle_ns = 0
        self.iterations = 0
        self.callbacks = 0
        self.events = self.closings = 0

    @property
    def loops(self) -> int:
        """How many there were since `begin`, one after another."""
        return self.closings + (not self.closed)

    @property
    def utilization(self) -> float | None:
        """Busy / (busy + idle) since `begin`; None before anything is known."""
        busy = self.busy_since_begin_ns
        known = busy + self.idle_ns
        return busy / known if known else None

    @property
    def busy_since_begin_ns(self) -> int:
        return self.busy_ns - self.busy_before_ns

    @property
    def tracks(self) -> tuple[Series, ...]:
        """All series over time."""
        return self.busy, self.lag, self.ready_delay, self.callback, self.iteration

    def feed(self, records: Records) -> None:
        """Takes a batch of the loop's ring."""
        self.events += len(records)
        kinds = records["kind"]
        at_all = records["at"]
        timers = kinds == Kind.TIMER
        if timers.any():
            at = at_all[timers]
            late = np.maximum(at - records["a"][timers], 0)
            beats = records["b"][timers] == 0
            if beats.any():
                self._beat_due = _due_after(int(at[beats][-1]), int(late[beats][-1]))
                at, late = self._beats(at, late, beats)
            self.lag.extend(at, late)
            self.lag_all.add(late)
        closed = np.flatnonzero(kinds == Kind.LOOP_CLOSED)
        if len(closed):
            since = slice(closed[-1], None)
            self.closings += len(closed)
            self.closed = not (kinds[since] < Kind.STOPPED).any()
            if not (timers & (records["b"] == 0))[since].any():
                self._beat_due = 0  # the next loop has a heartbeat of its own
        elif self.closed:
            self.closed = not (kinds < Kind.STOPPED).any()
        switches = kinds <= Kind.STOPPED
        if switches.any():
            a = records["a"][switches]
            self._switches(kinds[switches], at_all[switches], a)

    def gap(self) -> None:
        """Records were lost: what the loop did since the last one is not known."""
        if self.last_kind != Kind.STOPPED:
            self.busy.extend(np.array([self.last_at]), np.array([self.busy_ns]))
        self.last_kind = int(Kind.STOPPED)
        self._turned = self._beat_due = 0

    def forget_before(self, time: int) -> None:
        for series in self.tracks:
            series.forget_before(time)

    def distributions(
        self, ready_delay: Ints, callback: Ints, iteration: Ints, lag: Ints
    ) -> LoopDistributions:
        """The distributions since `begin`, with these values of what is open."""
        return LoopDistributions(
            ready_delay=_distribution(self.ready_delay_all.and_also(ready_delay)),
            callback=_distribution(self.callback_all.and_also(callback)),
            iteration=_distribution(self.iteration_all.and_also(iteration)),
            lag=_distribution(self.lag_all.and_also(lag)),
        )

    def between(self, start_ns: int, end_ns: int) -> LoopDistributions:
        """The distributions of that time, as far as it is not forgotten."""

        def of(series: Series) -> Distribution:
            first, last = np.searchsorted(series.times, (start_ns, end_ns))
            histogram = Histogram()
            histogram.add(series.values[first:last])
            return _distribution(histogram)

        return LoopDistributions(
            ready_delay=of(self.ready_delay),
            callback=of(self.callback),
            iteration=of(self.iteration),
            lag=of(self.lag),
        )

    def busy_until(self, now: int) -> int:
        """Cumulative busy ns at `now`, the open switch included."""
        running = self.last_kind in (Kind.STEP, Kind.CALLBACK, Kind.POLLED)
        return self.busy_ns + (max(now - self.last_at, 0) if running else 0)

    def utilization_until(self, now: int) -> float | None:
        """`utilization` at `now`, the open switch included."""
        busy = self.busy_until(now) - self.busy_before_ns
        idle = self.idle_ns + (max(now - self.last_at, 0) if self.last_kind == Kind.IDLE else 0)
        return busy / (busy + idle) if busy + idle else None

    def idle_between(self, starts: Ints, end: int) -> Ints:
        """How long the loop was idle from each of the starts to the end, if not forgotten."""
        times, values = self.busy.times, self.busy.values
        if not len(times):
            return np.zeros(len(starts), np.int64)
        if end > times[-1]:
            times, values = np.append(times, end), np.append(values, self.busy_until(end))
        starts = np.maximum(starts, times[0])
        busy = np.interp(end, times, values) - np.interp(starts, times, values)
        return np.maximum(end - starts - busy.astype(np.int64), 0)

    def idle_ns_between(self, start: int, end: int) -> int:
        """How long the loop was idle in that time, if it is not forgotten."""
        return int(self.idle_between(np.array([start]), end)[0])

    def open_iteration(self, now: int) -> Ints:
        """How long the current iteration has taken; empty: not known."""
        return np.array([now - self._turned] if self._turned else [], np.int64)

    def missed_beats(self, now: int) -> Ints:
        """How late each heartbeat is that was due by `now` but has not run."""
        return _missed(self._beat_due, now) if self._beat_due else np.empty(0, np.int64)

    def _beats(self, at: Ints, late: Ints, beats: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Adds the heartbeats that the probe skipped after a long stall to these timers."""
        for i in np.flatnonzero(beats & (late > HEARTBEAT_LET_GO_NS + HEARTBEAT_NS))[::-1]:
            ran = int(at[i])
            missed = _missed(ran - int(late[i]) + HEARTBEAT_NS, ran)
            at = np.insert(at, i + 1, np.full(len(missed), ran))
            late = np.insert(late, i + 1, missed)
        return at, late

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
        """Takes calls of select and their returns: each call ends an iteration."""
        self.iterations += len(at)
        began = np.concatenate(([self._turned], at[:-1]))
        known = slice(0 if self._turned else 1, None)
        lengths = np.maximum(called - began, 0)[known]
        self.iteration.extend(np.minimum(called, at)[known], lengths)
        self.iteration_all.add(lengths)
        self._turned = int(at[-1])


def _due_after(ran: int, late: int) -> int:
    """When the next heartbeat is due after one that ran at `ran`, `late` ns late."""
    return (ran if late > HEARTBEAT_LET_GO_NS + HEARTBEAT_NS else ran - late) + HEARTBEAT_NS


def _missed(due: int, now: int) -> Ints:
    """How late each beat that was due from `due` on is at `now`."""
    return now - np.arange(due, now, HEARTBEAT_NS, dtype=np.int64)[:_MISSED]


def _distribution(histogram: Histogram) -> Distribution:
    return Distribution(quantiles=histogram.quantiles(), buckets=histogram.buckets())
