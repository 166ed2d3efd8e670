"""Time in columns: one grid for the chart and the lanes, so that what lies above lines up."""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND

__all__ = ["ZOOMS_NS", "Columns"]

_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_S = (1, 2, 5, 10, 20, 30, 60)
ZOOMS_NS = (*(ms * MS for ms in _MS), *(s * SECOND for s in _S))
"""Durations that a column can stand for."""

_STEPS_NS = (*ZOOMS_NS, *(s * SECOND for s in (120, 300, 600, 1200, 1800, 3600)))
"""Durations between two ticks of the axis."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`count` columns of `cell_ns` each, counted from time zero, the last one holding `end_ns`.

    Because the grid does not move with the clock, a thing keeps its cells while it scrolls by.
    """

    cell_ns: int
    count: int
    end_ns: int

    @classmethod
    def over(cls, window_ns: int, count: int, end_ns: int) -> "Columns":
        """`count` columns that show `window_ns` up to `end_ns`."""
        return cls(max(1, -(-window_ns // max(1, count))), max(1, count), end_ns)

    @property
    def first(self) -> int:
        """Number of the first column on the grid."""
        return (self.end_ns - 1) // self.cell_ns - self.count + 1

    @property
    def start_ns(self) -> int:
        return self.first * self.cell_ns

    @property
    def after_ns(self) -> int:
        """The end of the last column: what is still open is drawn up to it."""
        return (self.first + self.count) * self.cell_ns

    def at(self, moment_ns: int) -> int:
        """The column of a moment; below zero or beyond `count` if it is not shown."""
        return moment_ns // self.cell_ns - self.first

    @property
    def step_ns(self) -> int:
        """The time between two ticks: round, and wide enough for its name."""
        for step in _STEPS_NS:
            if step >= self.cell_ns * (7 if step >= SECOND else 11):
                return step
        return _STEPS_NS[-1]

    def ticks(self, anchor_ns: int = 0) -> list[tuple[int, int]]:
        """Columns, and how long before the anchor they are, the latest first.

        Without an anchor they count to the end, and stand still on the screen while time passes.
        """
        step = self.step_ns
        if not anchor_ns:
            each = ((self.count - round(n * step / self.cell_ns), n * step) for n in range(1, 100))
            return list(takewhile(lambda tick: tick[0] >= 0, each))
        first = -(-(anchor_ns - self.end_ns) // step)
        numbers = range(first, (anchor_ns - self.start_ns) // step + 1)
        return [(self.at(anchor_ns - n * step), n * step) for n in numbers]

    def bounds(self) -> NDArray[np.int64]:
        """The `count + 1` moments between the columns; none is later than `end_ns`."""
        edges = self.start_ns + np.arange(self.count + 1, dtype=np.int64) * self.cell_ns
        return np.minimum(edges, self.end_ns)
