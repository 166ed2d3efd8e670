"""Small histograms: a row for each range of durations, ranges that grow like 1, 2, 5, 10."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot.types import EDGES_NS
from loopviz.tui.draw.text import Line, cell_width, exact, fill_rows, unit_of
from loopviz.tui.panels.scene import Scene

__all__ = ["compact", "draw_histogram", "histogram_rows"]

LABEL_CELLS, COUNT_CELLS = 10, 5
"""Cells of a row's range, and of its count."""

Row = tuple[str, int, int]
"""The range in words, how many there are, how many there were before."""


def draw_histogram(
    buckets: Sequence[int],
    scene: Scene,
    width: int,
    height: int,
    *,
    before: Sequence[int] = (),
    empty: str = "nothing yet",
    style: Style | None = None,
    margin: int = 0,
) -> list[Strip]:
    """`height` strips: `1–2ms ██████▌ 412`; ranges are joined until they fit.

    `buckets` are as `basics.Buckets` has them. Bars are as long as the range's share of all. With
    `before`, what it has more of is drawn behind, in `░`. `margin` cells on the right stay free.
    """
    theme = scene.theme
    rows = histogram_rows(buckets, height, before, ascii_only=not scene.glyphs.eighths)
    strips = []
    bar = max(1, width - LABEL_CELLS - COUNT_CELLS - 2 - margin)
    sums = sum(buckets) or 1, sum(before) or 1
    most = max((max(now / sums[0], was / sums[1]) for _, now, was in rows), default=1) or 1
    for label, now, was in rows:
        line = Line(width).add(" " * (LABEL_CELLS - cell_width(label)) + label + " ", theme.dim)
        _bar(line, now / sums[0] / most, was / sums[1] / most, bar, style or theme.run, scene)
        figure = compact(now) if now else scene.glyphs.dot
        line.add(f" {figure:>{COUNT_CELLS}}", theme.text if now else theme.faint)
        strips.append(line.strip(theme.text))
    if not rows and height:
        strips.append(Line(width).add(f" {empty}", theme.dim).strip(theme.text))
    return fill_rows(strips, width, height, theme.text)


def histogram_rows(
    buckets: Sequence[int], height: int, before: Sequence[int] = (), *, ascii_only: bool = False
) -> list[Row]:
    """At most `height` rows, from the shortest range that has a value to the longest one."""
    counts = [(now, was) for now, was in zip_longest(buckets, before, fillvalue=0)]
    filled = [place for place, (now, was) in enumerate(counts) if now or was]
    if not filled or height <= 0:
        return []
    first, last = filled[0], filled[-1]
    each = 1
    if last - first >= height:  # whole decades; place 1 is the first range of one
        each = 3
        first, last = (first - 1) // 3 * 3 + 1, (last - 1) // 3 * 3 + 3
    rows = []
    for start in range(first, last + 1, each):
        part = counts[max(start, 0) : start + each]
        rows.append((start, start + each, sum(n for n, _ in part), sum(w for _, w in part)))
    while len(rows) > height:  # the shortest ones together
        (start, _, now, was), (_, end, more, were), *rest = rows
        rows = [(start, end, now + more, was + were), *rest]
    return [(_range(start, end, ascii_only), now, was) for start, end, now, was in rows]


def compact(count: int) -> str:
    """`412`, `3.4k`, `120k`, `5.1M`: at most five cells."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size and (size > 10**3 or count >= 10_000):
            figure = count / size
            return f"{figure:.0f}{unit}" if figure >= 99.5 else f"{figure:.1f}{unit}"
    return str(count)


def _range(start: int, end: int, ascii_only: bool) -> str:
    """The range of the places from `start` to before `end`."""
    dash = "-" if ascii_only else "–"
    if start <= 0 and end > len(EDGES_NS):
        text = "all"
    elif start <= 0:
        text = f"<{exact(EDGES_NS[max(end - 1, 0)])}"
    elif end > len(EDGES_NS):
        text = f"{'>=' if ascii_only else '≥'}{exact(EDGES_NS[start - 1])}"
    else:
        low, high = EDGES_NS[start - 1], EDGES_NS[end - 1]
        size, unit = unit_of(high)
        if high < 1000 * low:
            text = f"{low / size:g}{dash}{high / size:g}{unit}"
        else:
            text = f"{exact(low)}{dash}{exact(high)}"
    return text.replace("µ", "u") if ascii_only else text


def _bar(line: Line, now: float, was: float, width: int, style: Style, scene: Scene) -> None:
    """A bar that grows from the left by eighths; nothing at all only if there is nothing."""
    theme, glyphs = scene.theme, scene.glyphs
    until = line.used + width
    eighths = max(round(now * width * 8), 1) if now else 0
    whole, part = divmod(eighths, 8)
    if glyphs.eighths:
        line.add(glyphs.eighths[-1] * whole + (glyphs.eighths[part] if part else ""), style)
    else:
        line.add(glyphs.run * max(whole, int(now > 0)), style)
    behind = round(was * width) - (line.used - until + width)
    if behind > 0:
        line.add(("░" if glyphs.eighths else ":") * behind, theme.dim)
    line.to(until, theme.text)
