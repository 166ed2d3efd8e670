"""The lag chart: how late timers ran, per column, on a logarithmic axis."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from loopviz.clock import MS
from loopviz.model.snapshot import LoopStats
from loopviz.model.state.stalls import SLOW_NS
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, cell_width, clean, duration
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.overview import overview_columns, overview_max
from loopviz.tui.panels.places import place_within
from loopviz.tui.panels.scene import Scene
from loopviz.wire.events import HEARTBEAT_NS

__all__ = ["LATE_NS", "VERY_LATE_NS", "bar_height", "draw_lag", "lag_columns", "lateness_style"]

AXIS_LOW_NS, AXIS_HIGH_NS = 0.3 * MS, 1000.0 * MS
"""The ends of the lag axis. A longer lag fills the whole height."""

LATE_NS, VERY_LATE_NS = 10 * MS, 100 * MS
"""Lags, and other delays, from which on a figure is drawn as a warning, and as an alarm."""


def lag_columns(loop: LoopStats, columns: Columns) -> list[int]:
    """The greatest lag in each column, 0 where no timer ran.

    While a callback blocks the loop no timer runs; there the lag is that of a timer that was due
    when the callback began, so the chart rises while the loop is blocked.
    """
    greatest = np.zeros(columns.count, dtype=np.int64)
    times, values = loop.lag.times_ns, loop.lag.values
    if len(times):
        from_, to = np.searchsorted(times, [columns.start_ns, columns.end_ns])
        at = times[from_:to] // columns.cell_ns - columns.first
        np.maximum.at(greatest, at, values[from_:to])
    gap = -(-2 * HEARTBEAT_NS // columns.cell_ns)  # a beat that is late leaves one column out
    if gap > 1:
        greatest = _filled(greatest, gap)
    blocked = [(stall.start_ns, stall.end_ns) for stall in loop.stalls]
    if loop.running and columns.end_ns - loop.running.since_ns > SLOW_NS:
        blocked.append((loop.running.since_ns, columns.end_ns))
    rising: list[int] = greatest.tolist()
    cell_ns, first, end_ns = columns.cell_ns, columns.first, columns.end_ns
    for start, stop in blocked:
        end = min(stop, end_ns)
        last = min(columns.count - 1, (end - 1) // cell_ns - first)
        for column in range(max(0, start // cell_ns - first), last + 1):
            lag = min((first + column + 1) * cell_ns, end) - start
            if lag > rising[column]:
                rising[column] = lag
    return rising


def _filled(lags: NDArray[np.int64], gap: int) -> NDArray[np.int64]:
    """Columns shorter than the time between two heartbeats show the next one's lag."""
    filled = lags.copy()
    for ahead in range(1, gap):
        filled[:-ahead] = np.where(filled[:-ahead], filled[:-ahead], lags[ahead:])
    return filled


@lru_cache(maxsize=4096)
def bar_height(lag_ns: int, levels: int) -> int:
    """Height on the logarithmic axis, 0 for nothing, else 1 to `levels`."""
    if lag_ns <= 0:
        return 0
    share = math.log(max(lag_ns, AXIS_LOW_NS) / AXIS_LOW_NS) / math.log(AXIS_HIGH_NS / AXIS_LOW_NS)
    return min(levels, 1 + int(share * (levels - 1) + 0.5))


def draw_lag(scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
    """A row of figures, then the chart."""
    width, height = plan.size("lag")
    theme = scene.theme
    if scene.snapshot is None:
        return [Line(width).strip(theme.text) for _ in range(height)]
    snapshot = scene.snapshot
    lags = lag_columns(snapshot.loop, columns)
    if far := overview_columns(snapshot, columns):
        known = snapshot.overview
        worst = overview_max(np.maximum(known.lag_max_ns, known.stall_max_ns), snapshot, columns)
        lags[:far] = worst[:far].tolist()
    chart = _chart(lags, height - 1, scene, plan, columns)
    return [_figures(scene, width), *chart]


def _figures(scene: Scene, width: int) -> Strip:
    theme = scene.theme
    assert scene.snapshot is not None
    recent = scene.snapshot.loop.lag_recent
    line = Line(width).add(" LAG", theme.strong)
    if scene.loops and not scene.loop:
        line.add(" of loop 1", theme.dim)
    figures = [("p50", recent.p50_ns), ("p99", recent.p99_ns), ("max", recent.max_ns)]
    figures = figures[1:2] if scene.present else figures
    for name, value in figures[1 if width < 72 and scene.blocked_by and not scene.present else 0 :]:
        figure = duration(value) if recent.count else "–"
        line.add(f"  {name} ", theme.dim).add(
            f"{figure:>6}", lateness_style(value, theme, theme.text)
        )
    if (running := scene.blocked_by) is not None:
        blocked_for = duration(scene.end_ns - running.since_ns)
        word = f" {'GIL WAIT' if running.gil else 'BLOCKED'} now {blocked_for:>5} "
        room = line.left - len(word) - 4
        place = place_within(running.location, room) or clean(running.label)
        line.add("   ", theme.text).add(word, theme.alarm_fill)
        line.add(f" {place}" if cell_width(place) <= room else "", theme.alarm)
    return line.strip(theme.text)


def _chart(
    lags: list[int], rows: int, scene: Scene, plan: Plan, columns: Columns
) -> tuple[Strip, ...]:
    theme, glyphs = scene.theme, scene.glyphs
    top = rows * (len(glyphs.levels) - 1)
    heights = tuple([bar_height(lag, top) for lag in lags])
    heats = () if rows >= 4 else tuple([lateness_style(lag, theme, theme.calm) for lag in lags])
    known = scene.snapshot.marks if scene.snapshot else ()
    marks = [columns.at(mark.at_ns) for mark in known if mark.kind != "log"]
    marks = [column for column in marks if 0 <= column < columns.count]
    start = max(0, min(columns.count, columns.at(scene.began_ns)))
    size = rows, plan.label, plan.size("lag")[0]
    return _bars(heights, heats, tuple(marks), start, *size, theme, glyphs)


@lru_cache(maxsize=2)
def _bars(
    heights: tuple[int, ...],
    heats: tuple[Style, ...],
    marks: tuple[int, ...],
    start: int,
    rows: int,
    label: int,
    width: int,
    theme: Theme,
    glyphs: Glyphs,
) -> tuple[Strip, ...]:
    """The chart's rows; bars have their own `heats`, or in a high chart each row has its heat.

    Before column `start` the app started: that is no news.
    """
    steps = len(glyphs.levels) - 1
    names = _axis_names(rows, steps)
    strips = []
    for row in range(rows):
        floor = (rows - 1 - row) * steps
        levels = [glyphs.levels[min(steps, max(0, h - floor))] for h in range(rows * steps + 1)]
        chars = [levels[height] for height in heights]
        heat = lateness_style(_reading(floor + steps, rows * steps), theme, theme.calm)
        styles = list(heats) or [heat] * len(chars)
        styles[:start] = [theme.faint] * start
        for column in marks:
            if chars[column] == " ":
                chars[column], styles[column] = glyphs.mark_line, theme.mark_line
        line = Line(width).add(f"{names.get(row, ''):>{label - 1}} ", theme.dim)
        strips.append(line.cells(chars, styles).strip(theme.text))
    return tuple(strips)


def _axis_names(rows: int, steps: int) -> dict[int, str]:
    """Row (from the top) → what a bar that ends in it means."""
    if rows == 1:
        return {0: "0.3ms-1s"}
    named = ((1000 * MS, "1s"), (100 * MS, "100ms"), (10 * MS, "10ms"), (1 * MS, "1ms"))
    names = {
        rows - 1 - (bar_height(ns, rows * steps) - 1) // steps: name for ns, name in reversed(named)
    }
    return names if rows >= 4 else {row: names[row] for row in (0, rows - 1) if row in names}


def _reading(height: int, levels: int) -> int:
    """The lag that a bar of this height means: `bar_height` turned round."""
    return int(AXIS_LOW_NS * (AXIS_HIGH_NS / AXIS_LOW_NS) ** ((height - 1) / max(1, levels - 1)))


def lateness_style(lag_ns: int, theme: Theme, calm: Style) -> Style:
    """The style of a lag or another delay: an alarm, a warning, or `calm`."""
    return theme.alarm if lag_ns >= VERY_LATE_NS else theme.warm if lag_ns >= LATE_NS else calm
