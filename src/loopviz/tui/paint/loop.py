"""The LOOP lane: how busy each column was, and what held the loop."""

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import LoopView, State
from loopviz.tui.paint.columns import Columns
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import HELD_NS, Scene
from loopviz.tui.paint.spans import lane_cells, shape
from loopviz.tui.paint.text import Line, duration

__all__ = ["busy_shares", "paint_loop"]


def busy_shares(loop: LoopView, columns: Columns) -> NDArray[np.float64]:
    """The share of each column in which the loop was busy, 0 to 1; exact but for rounding."""
    times, values = loop.busy.times_ns, loop.busy.values
    if not len(times):
        return np.zeros(columns.count)
    bounds = columns.bounds()
    base_t, base_v = int(times[0]), int(values[0])
    xs, ys = (times - base_t).astype(np.float64), (values - base_v).astype(np.float64)
    if loop.running and bounds[-1] > times[-1]:
        more = float(bounds[-1] - base_t)
        xs, ys = np.append(xs, more), np.append(ys, ys[-1] + more - xs[-1])
    busy = np.diff(np.interp((bounds - base_t).astype(np.float64), xs, ys))
    return np.clip(busy / np.maximum(np.diff(bounds), 1), 0.0, 1.0)


def paint_loop(scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
    """One row: levels of busy share, stalls over them, the utilization at the end."""
    looks, glyphs = scene.looks, scene.glyphs
    line = Line(plan.size("loop")[0])
    line.add(glyphs.bang if scene.held else " ", looks.alarm)
    line.add("LOOP", looks.strong).to(plan.label, looks.text)
    if scene.snapshot is None:
        return [line.strip(looks.text)]
    loop = scene.snapshot.loop
    top = len(glyphs.levels) - 1
    levels = np.ceil(busy_shares(loop, columns) * top - 0.02).astype(int)
    chars = [glyphs.levels[level] for level in levels]
    styles = [looks.run] * columns.count
    slices = [
        (stall.start_ns, min(stall.end_ns, scene.end_ns), State.BLOCKING) for stall in loop.stalls
    ]
    running = loop.running
    if (
        running
        and scene.end_ns - running.since_ns > HELD_NS
        and not any(stall.open for stall in loop.stalls)
    ):
        slices.append((running.since_ns, scene.end_ns, State.BLOCKING))
    over, over_styles = lane_cells([shape(slices, columns.cell_ns)], columns, looks, glyphs)
    for column, char in enumerate(over):
        if char != " ":
            chars[column], styles[column] = char, over_styles[column]
    for start, end, _ in slices:
        _caption(chars, styles, start, end, columns, scene)
    line.cells(chars, styles)
    used = loop.utilization_recent
    style = looks.alarm if used >= 0.9 else looks.warm if used >= 0.6 else looks.dim
    return [line.end(f"{used * 100:.0f}% ", style, looks.text).strip(looks.text)]


def _caption(
    chars: list[str],
    styles: list[Style],
    start_ns: int,
    end_ns: int,
    columns: Columns,
    scene: Scene,
) -> None:
    """A stall wide enough says how long it was."""
    first, last = max(0, columns.at(start_ns) + 1), min(columns.count, columns.at(end_ns - 1))
    text = f" {duration(end_ns - start_ns)} "
    if last - first < len(text):
        return
    at = first + (last - first - len(text)) // 2
    for i, char in enumerate(text):
        chars[at + i], styles[at + i] = char, scene.looks.bang
