"""What the scenario's endpoints count: the values as they were told, and how they changed."""

from collections.abc import Iterable, Sequence

import numpy as np

from loopviz.model.inventory import CounterView
from loopviz.model.series import Series

__all__ = ["Counters", "added_up"]


class Counters:
    """The counters of one process, in the scenario's order."""

    def __init__(self, counters: Iterable[tuple[str, str, bool]] = ()) -> None:
        """Each with its key, its title, and whether it ought to stay 0."""
        self._known = {key: (title, bad) for key, title, bad in counters}
        self._series = {key: Series(64) for key in self._known}

    def told(self, at: int, key: str, value: int) -> None:
        """The counter has that value from `at` on; one that the scenario does not have is none."""
        if key in self._series:
            self._series[key].extend(np.array([at]), np.array([value]))

    def forget_before(self, time: int) -> None:
        for series in self._series.values():
            series.forget_before(time)

    def values(self) -> dict[str, int | None]:
        """By key; None: nothing was told of it, since the target has no probe."""
        return {
            key: int(series.values[-1]) if len(series) else None
            for key, series in self._series.items()
        }

    def views(self, since: int) -> tuple[CounterView, ...]:
        return tuple(
            CounterView(key, title, bad, *_change(self._series[key], since))
            for key, (title, bad) in self._known.items()
        )


def added_up(views: Sequence[tuple[CounterView, ...]]) -> tuple[CounterView, ...]:
    """The counters of several processes of one scenario, as one."""
    return tuple(
        CounterView(
            same[0].key,
            same[0].title,
            same[0].bad,
            sum(view.value for view in same),
            sum(view.recent for view in same),
        )
        for same in zip(*views, strict=True)
    )


def _change(series: Series, since: int) -> tuple[int, int]:
    """The newest value, and how much it grew since then."""
    if not len(series):
        return 0, 0
    value = int(series.values[-1])
    before = int(np.searchsorted(series.times, since, "right")) - 1
    return value, value - (int(series.values[before]) if before >= 0 else 0)
