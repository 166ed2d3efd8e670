"""Counters of the scenario's endpoints: their values over time."""

import sys
from collections import Counter, deque
from collections.abc import Iterable

import numpy as np

from loopviz.model.snapshot import CounterValue
from loopviz.model.snapshot.types import HISTORY_STEP_NS, HISTORY_STEPS
from loopviz.model.stats.series import Series

__all__ = ["Counters"]

_WORKERS = 16
"""Of how many other workers the values are kept over time. There are fewer at once: those before
them have ended."""


class Counters:
    """The counters of a run's first worker, and of those that join it; in the scenario's order."""

    def __init__(self, counters: Iterable[tuple[str, str, bool]] = ()) -> None:
        """Each counter comes with its key, its title, and whether it should stay 0."""
        self._known = {key: (title, bad) for key, title, bad in counters}
        self._series = {key: Series(64) for key in self._known}
        self._moves = {key: [0, 0] for key in self._known}
        """By how much each has risen and fallen in all."""
        self._others: deque[Counters] = deque()
        """The counters of the run's other workers."""
        self._ended: Counter[str] = Counter()
        """The last values of those before them."""

    def join(self, other: "Counters") -> None:
        """What another worker counts belongs to the run's sums, also when it has ended."""
        if len(self._others) == _WORKERS:
            self._ended.update(self._others.popleft().at(sys.maxsize))
        self._others.append(other)

    def update(self, at: int, key: str, value: int) -> None:
        """Sets the counter's value from `at` on; ignores a key that the scenario does not have."""
        if key in self._series:
            series = self._series[key]
            if len(series):
                by = value - int(series.values[-1])
                self._moves[key][by < 0] += abs(by)
            series.extend(np.array([at]), np.array([value]))

    @property
    def tracks(self) -> tuple[Series, ...]:
        """The values of each counter over time."""
        return tuple(self._series.values())

    def forget_before(self, time: int) -> None:
        for series in self._series.values():
            series.forget_before(time)

    def values(self) -> dict[str, int | None]:
        """The newest values by key; None: no value came, since the target has no probe."""
        return {
            key: int(series.values[-1]) if len(series) else None
            for key, series in self._series.items()
        }

    def grown(self, start: int, end: int) -> dict[str, int]:
        """By how much each counter grew in that time, in all workers; by key."""
        grown = {
            key: _value_at(series, end) - _value_at(series, start)
            for key, series in self._series.items()
        }
        for other in self._others:
            for key, more in other.grown(start, end).items():
                grown[key] += more
        return grown

    def levels(self) -> frozenset[str]:
        """The keys of those that fall much, too, as a number of items under way does."""
        here = (key for key in self._known if self._is_level(key))
        return frozenset(here).union(*(other.levels() for other in self._others))

    def at(self, time: int) -> dict[str, int]:
        """Each counter's value then, in all workers; by key."""
        values = {
            key: _value_at(series, time) + self._ended[key] for key, series in self._series.items()
        }
        for other in self._others:
            for key, more in other.at(time).items():
                values[key] += more
        return values

    def risen(self, start: int, end: int) -> dict[str, int]:
        """By how much each counter grew in that time; by key.

        Of one that also falls the lowest values at both ends count, if they differ by more than
        half of how it swings: what is under way comes and goes.
        """
        risen = {key: self._risen(key, start, end) for key in self._series}
        for other in self._others:
            for key, more in other.risen(start, end).items():
                risen[key] += more
        return risen

    def snapshot(self, since: int, until: int) -> tuple[CounterValue, ...]:
        """The values at `until`, and how much they have grown since `since`; in all workers."""
        values, risen = self.at(until), self.risen(since, until)
        workers = [self.tracks, *(other.tracks for other in self._others)]
        found = []
        for place, (key, (title, bad)) in enumerate(self._known.items()):
            everywhere = [tracks[place] for tracks in workers]
            histories = (_history(series, until) for series in everywhere)
            known = [series for series in everywhere if len(series)]
            found.append(
                CounterValue(
                    key=key,
                    title=title,
                    bad=bad,
                    value=values[key],
                    recent=risen[key],
                    recent_ns=until - since,
                    still=bool(known) and all(_is_still(one, since, until) for one in known),
                    history=tuple(
                        self._ended[key] + sum(at) for at in zip(*histories, strict=True)
                    ),
                )
            )
        return tuple(found)

    def _is_level(self, key: str) -> bool:
        risen, fallen = self._moves[key]
        return fallen > risen // 4

    def _risen(self, key: str, start: int, end: int) -> int:
        series = self._series[key]
        if not self._is_level(key):
            return _value_at(series, end) - _value_at(series, start)
        width = max((end - start) // 3, 0)
        (was, high), (now, _) = (
            _range(series, first, first + width) for first in (start, end - width)
        )
        return now - was if abs(now - was) > (high - was) // 2 else 0


def _range(series: Series, start: int, end: int) -> tuple[int, int]:
    """The lowest and the highest value in that time."""
    _, values = series.between(start, end)
    return (int(values.min()), int(values.max())) if len(values) else (0, 0)


def _is_still(series: Series, start: int, end: int) -> bool:
    """Whether it had one value for all of that time, and had it before."""
    times, values = series.between(start, end)
    return len(values) > 0 and int(times[0]) <= start and bool((values == values[0]).all())


def _history(series: Series, until: int) -> tuple[int, ...]:
    """The values at the ends of the last whole steps, see `CounterValue.history`."""
    last = until // HISTORY_STEP_NS
    moments = np.arange(last - HISTORY_STEPS, last + 1) * HISTORY_STEP_NS
    times, values = series.between(int(moments[0]), int(moments[-1]))
    places = np.searchsorted(times, moments, "right")
    known = np.concatenate(([0], values))
    return tuple(known[places].tolist())


def _value_at(series: Series, at: int) -> int:
    """The last value that had come by then."""
    _, values = series.between(at, at)
    return int(values[-1]) if len(values) else 0
