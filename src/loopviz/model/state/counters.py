"""Counters of the scenario's endpoints: their values over time."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from loopviz.model.snapshot import CounterValue
from loopviz.model.snapshot.types import HISTORY_STEP_NS, HISTORY_STEPS
from loopviz.model.stats.series import Series

__all__ = ["Counters", "merge_counters"]


class Counters:
    """The counters of one process, in the scenario's order."""

    def __init__(self, counters: Iterable[tuple[str, str, bool]] = ()) -> None:
        """Each counter comes with its key, its title, and whether it should stay 0."""
        self._known = {key: (title, bad) for key, title, bad in counters}
        self._series = {key: Series(64) for key in self._known}
        self.others: deque[Counters] = deque(maxlen=16)
        """The counters of the run's other workers, for `grown`."""

    def update(self, at: int, key: str, value: int) -> None:
        """Sets the counter's value from `at` on; ignores a key that the scenario does not have."""
        if key in self._series:
            self._series[key].extend(np.array([at]), np.array([value]))

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
        for other in self.others:
            for key, more in other.grown(start, end).items():
                grown[key] += more
        return grown

    def snapshot(self, since: int, until: int | None = None) -> tuple[CounterValue, ...]:
        """The values now, or at `until`, and how much they have grown since `since`."""
        found = []
        for key, (title, bad) in self._known.items():
            series = self._series[key]
            value, recent = _change(series, since, until)
            history = _history(series, until) if until is not None else ()
            found.append(
                CounterValue(
                    key=key, title=title, bad=bad, value=value, recent=recent, history=history
                )
            )
        return tuple(found)


def merge_counters(values: Sequence[tuple[CounterValue, ...]]) -> tuple[CounterValue, ...]:
    """Adds up the counters of several processes of one scenario."""
    return tuple(
        CounterValue(
            key=same[0].key,
            title=same[0].title,
            bad=same[0].bad,
            value=sum(one.value for one in same),
            recent=sum(one.recent for one in same),
            history=tuple(map(sum, zip(*(one.history for one in same), strict=False))),
        )
        for same in zip(*values, strict=True)
    )


def _change(series: Series, since: int, until: int | None) -> tuple[int, int]:
    """The value now, or at `until`, and how much it has grown since `since`."""
    if until is None:
        value = int(series.values[-1]) if len(series) else 0
    else:
        value = _value_at(series, until)
    return value, value - _value_at(series, since)


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
