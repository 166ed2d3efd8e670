"""What the scenario's endpoints count: their values, and how these changed."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from loopviz.model.snapshot.tasks import CounterValue
from loopviz.model.stats.series import Series

__all__ = ["Counters", "added_up"]


class Counters:
    """The counters of one process, in the scenario's order."""

    def __init__(self, counters: Iterable[tuple[str, str, bool]] = ()) -> None:
        """Each with its key, its title, and whether it ought to stay 0."""
        self._known = {key: (title, bad) for key, title, bad in counters}
        self._series = {key: Series(64) for key in self._known}
        self.others: deque[Counters] = deque(maxlen=16)
        """Those of the run's other workers, for `grown`."""

    def set(self, at: int, key: str, value: int) -> None:
        """The counter has that value from `at` on; one that the scenario does not have is none."""
        if key in self._series:
            self._series[key].extend(np.array([at]), np.array([value]))

    @property
    def tracks(self) -> tuple[Series, ...]:
        """Of each counter, its values over time."""
        return tuple(self._series.values())

    def forget_before(self, time: int) -> None:
        for series in self._series.values():
            series.forget_before(time)

    def values(self) -> dict[str, int | None]:
        """By key; None: it was never recorded, since the target has no probe."""
        return {
            key: int(series.values[-1]) if len(series) else None
            for key, series in self._series.items()
        }

    def grown(self, start: int, end: int) -> dict[str, int]:
        """By key: by how much each grew in that time, in all workers."""
        grown = {
            key: _value_at(series, end) - _value_at(series, start)
            for key, series in self._series.items()
        }
        for other in self.others:
            for key, more in other.grown(start, end).items():
                grown[key] += more
        return grown

    def views(self, since: int, until: int | None = None) -> tuple[CounterValue, ...]:
        """As they are now, or were `until` then, and how much they had grown since."""
        return tuple(
            CounterValue(key, title, bad, *_change(self._series[key], since, until))
            for key, (title, bad) in self._known.items()
        )


def added_up(views: Sequence[tuple[CounterValue, ...]]) -> tuple[CounterValue, ...]:
    """The counters of several processes of one scenario, as one."""
    return tuple(
        CounterValue(
            same[0].key,
            same[0].title,
            same[0].bad,
            sum(view.value for view in same),
            sum(view.recent for view in same),
        )
        for same in zip(*views, strict=True)
    )


def _change(series: Series, since: int, until: int | None) -> tuple[int, int]:
    """The newest value, or the one at that moment, and how much it grew since then."""
    if until is None:
        value = int(series.values[-1]) if len(series) else 0
    else:
        value = _value_at(series, until)
    return value, value - _value_at(series, since)


def _value_at(series: Series, at: int) -> int:
    """As last recorded by then."""
    _, values = series.between(at, at)
    return int(values[-1]) if len(values) else 0
