"""Time in columns: one grid for the chart and the lanes, so that what lies above lines up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND

__all__ = ["Columns"]


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

    def seconds(self) -> list[int]:
        """The columns of whole seconds before the end, the latest first; they stand still."""
        ats = (self.count - round(s * SECOND / self.cell_ns) for s in range(1, 61))
        return [at for at in ats if at >= 0]

    def bounds(self) -> NDArray[np.int64]:
        """The `count + 1` moments between the columns; none is later than `end_ns`."""
        edges = self.start_ns + np.arange(self.count + 1, dtype=np.int64) * self.cell_ns
        return np.minimum(edges, self.end_ns)
