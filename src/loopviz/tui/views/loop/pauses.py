"""Garbage collections: where on the time axis, and how many and how long."""

from textual.strip import Strip

from loopviz.clock import MS
from loopviz.model.snapshot import GcStats
from loopviz.tui.draw.text import Line, duration, first_fitting
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.scene import Scene

__all__ = ["pause_row", "pause_summary"]

LONG_PAUSE_NS = 10 * MS
"""A garbage collection of this length is drawn as an alarm."""


def pause_row(gc: GcStats, scene: Scene, columns: Columns, label: int, width: int) -> Strip:
    """The generation, in the column in which a collection ended; the oldest one of several."""
    theme = scene.theme
    chars, styles = [" "] * columns.count, [theme.text] * columns.count
    for pause in gc.last:
        column = columns.at(pause.end_ns)
        if pause.end_ns <= columns.end_ns and 0 <= column < columns.count:
            chars[column] = max(chars[column], str(pause.generation))
            long = pause.end_ns - pause.start_ns >= LONG_PAUSE_NS
            if long or styles[column] is theme.text:
                styles[column] = theme.alarm if long else theme.accent
    line = Line(width).add(f"{'GC generation':>{label - 1}} ", theme.dim)
    return line.cells(chars, styles).strip(theme.text)


def pause_summary(gc: GcStats, width: int) -> str:
    """`12 pauses (4 3 5 of generation 0 1 2), 34 ms in total, longest 8.1 ms`, or less of it."""
    if not gc.count:
        return "no pause so far"
    pauses = "1 pause" if gc.count == 1 else f"{gc.count:,} pauses"
    by = " ".join(f"{count:,}" for count in gc.by_generation)
    total, longest = duration(gc.total_ns, " "), f"longest {duration(gc.max_ns, ' ')}"
    ways = (
        f"{pauses} ({by} of generation 0 1 2), {total} in total, {longest}",
        f"{pauses} (gen. 0 1 2: {by}), {total}, {longest}",
        f"{pauses}, {total} in total, {longest}",
    )
    return first_fitting(ways, width)
