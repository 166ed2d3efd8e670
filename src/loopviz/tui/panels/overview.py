"""Times of which no details are kept any more: a figure for each second is."""

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.snapshot import Snapshot
from loopviz.tui.draw.text import elapsed, first_fitting
from loopviz.tui.draw.time_columns import Columns

__all__ = ["overview_columns", "overview_max", "overview_sum", "retention_note"]


def overview_columns(snapshot: Snapshot, columns: Columns) -> int:
    """The number of columns at the left that are older than the details."""
    if columns.cell_ns < SECOND or not len(snapshot.overview.busy_ns):
        return 0
    return max(0, min(columns.count, columns.at(snapshot.oldest_ns)))


def retention_note(what: str, since_ns: int, columns: Columns, now_ns: int) -> str:
    """The reason why the left part is blank: `requests are kept for the last 65 s`, or less of it.

    Empty: it is not blank, or it is too narrow.
    """
    room = columns.at(since_ns) - 2
    if not since_ns or columns.cell_ns < SECOND:
        return ""
    last = elapsed(now_ns - since_ns)
    ways = (f"{what} are kept for the last {last}", f"kept for the last {last}", f"kept for {last}")
    return first_fitting((*ways, ""), room)


def overview_sum(
    values: NDArray[np.int64], snapshot: Snapshot, columns: Columns
) -> NDArray[np.int64]:
    """The sum of each column; of `values` there is one for each second of the overview."""
    sums = np.zeros(columns.count, dtype=np.int64)
    at, visible = _places(values, snapshot, columns)
    np.add.at(sums, at, visible)
    return sums


def overview_max(
    values: NDArray[np.int64], snapshot: Snapshot, columns: Columns
) -> NDArray[np.int64]:
    """The greatest of each column."""
    worst = np.zeros(columns.count, dtype=np.int64)
    at, visible = _places(values, snapshot, columns)
    np.maximum.at(worst, at, visible)
    return worst


def _places(
    values: NDArray[np.int64], snapshot: Snapshot, columns: Columns
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns of the seconds that are in sight, and their values."""
    starts = (snapshot.overview.start_s + np.arange(len(values), dtype=np.int64)) * SECOND
    at = starts // columns.cell_ns - columns.first
    inside = (at >= 0) & (at < columns.count)
    return at[inside], values[inside]
