"""What a resource's figures were over the last minute, column by column."""

from itertools import pairwise

import numpy as np

from loopviz.clock import SECOND
from loopviz.model.snapshot import Track
from loopviz.tui.panels.scene import Scene

__all__ = ["SPAN_NS", "UNKNOWN", "peaks", "sparkline"]

SPAN_NS = 60 * SECOND
"""The time that a chart or a sparkline spans."""
UNKNOWN = -1
"""The peak of a column before the first value."""


def peaks(track: Track, end_ns: int, width: int, span_ns: int = SPAN_NS) -> list[int]:
    """The highest value in each of `width` columns, which together are `span_ns` long."""
    times, values = track.times_ns, track.values
    if not len(times) or width <= 0:
        return [UNKNOWN] * max(width, 0)
    edges = end_ns - span_ns + np.arange(width + 1) * span_ns // width
    places = np.searchsorted(times, edges, side="right").tolist()
    return [
        int(values[max(first - 1, 0) : last].max()) if last else UNKNOWN
        for first, last in pairwise(places)
    ]


def sparkline(track: Track, end_ns: int, width: int, most: int, scene: Scene) -> str:
    """The last minute in `width` cells: the peak of each, as a share of `most`.

    Blank: nothing was seen yet, or it was never anything but zero; the lowest level: zero.
    """
    if not track.values.any():
        return " " * max(width, 0)
    levels = scene.glyphs.levels
    cells = []
    for peak in peaks(track, end_ns, width):
        level = 0 if peak == UNKNOWN else 1 - (-peak * (len(levels) - 2) // most)
        cells.append(levels[min(level, len(levels) - 1)])
    return "".join(cells)
