"""Sparklines: a few numbers as a row of bars."""

from collections.abc import Sequence

from loopviz.tui.draw.glyphs import Glyphs

__all__ = ["sparkline"]


def sparkline(values: Sequence[int], glyphs: Glyphs, most: int = 0) -> str:
    """A cell for each value: nothing is the lowest bar, `most` or the highest value the highest."""
    steps = glyphs.levels[1:]
    most = max([*values, most])
    if most <= 0:
        return steps[0] * len(values)
    last = len(steps) - 1
    return "".join(steps[-(-max(value, 0) * last // most)] for value in values)
