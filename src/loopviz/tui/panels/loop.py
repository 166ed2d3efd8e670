"""The LOOP lane: how busy each column was, and what blocked the loop."""

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import LoopStats, Snapshot, Span, State
from loopviz.model.state.stalls import SLOW_NS
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, duration, fill_rows
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.marks import bracket
from loopviz.tui.panels.overview import overview_columns, overview_max, overview_sum
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import Cells, draw_shape, idle, shape

__all__ = ["busy_shares", "draw_loop", "known_shares", "loop_at"]


def busy_shares(loop: LoopStats, columns: Columns) -> NDArray[np.float64]:
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


def known_shares(
    loop: LoopStats, snapshot: Snapshot | None, columns: Columns
) -> NDArray[np.float64]:
    """As `busy_shares`; where no details are kept, from the figures of whole seconds."""
    shares = busy_shares(loop, columns)
    if (
        snapshot is not None
        and loop is snapshot.loop
        and (far := overview_columns(snapshot, columns))
    ):
        busy = overview_sum(snapshot.overview.busy_ns, snapshot, columns)[:far]
        shares[:far] = np.clip(busy / columns.cell_ns, 0.0, 1.0)
    return shares


def draw_loop(scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
    """Levels of busy share, stalls over them, the utilization at the end; one row or more.

    Below it the same of each other worker's loop, as far as there is room.
    """
    width, height = plan.size("loop")
    snapshot = scene.snapshot
    if snapshot is None:
        first = Line(width).add(" LOOP", scene.theme.strong).strip(scene.theme.text)
        return fill_rows([first], width, height, scene.theme.text)
    loops = [(f"LOOP {scene.loop}" if scene.loop > 1 else "LOOP", snapshot.loop)]
    loops += [(f"LOOP {peer.worker}", peer.loop) for peer in snapshot.peers]
    each = _rows_of_each(height, len(loops))
    strips = [
        strip for name, loop in loops for strip in _lane(name, loop, each, scene, plan, columns)
    ]
    return fill_rows(strips, width, height, scene.theme.text)


def loop_at(scene: Scene, height: int, row: int) -> int:
    """The number of the loop that was drawn on that row of the panel; 0: none."""
    if scene.snapshot is None or not scene.loops:
        return 0
    shown = (scene.loop,) if scene.loop else (1, *(p.worker for p in scene.snapshot.peers))
    place = row // _rows_of_each(height, len(shown))
    return shown[place] if place < len(shown) else 0


def _rows_of_each(height: int, loops: int) -> int:
    return max(1, (height - (height > loops)) // loops)


def _lane(
    name: str, loop: LoopStats, rows: int, scene: Scene, plan: Plan, columns: Columns
) -> list[Strip]:
    """The rows of one loop. What blocked it before the lesson began was its app's start."""
    theme, glyphs = scene.theme, scene.glyphs
    top = len(glyphs.levels) - 1
    shares = known_shares(loop, scene.snapshot, columns)
    slices = _from_afar(loop, scene.snapshot, columns) + _stalls(loop, scene.end_ns)
    slices = [span for span in slices if span[1] > scene.began_ns]
    faint = max(0, min(columns.count, columns.at(scene.began_ns)))
    levels = np.ceil(shares * top * rows - 0.02).clip(0, top * rows).astype(int).tolist()
    over, over_styles = over_cells = idle(columns.count, theme)
    draw_shape(shape(slices, columns.cell_ns), over_cells, columns, theme, glyphs)
    middle = rows // 2
    strips = []
    for row in range(rows):
        floor = (rows - 1 - row) * top
        glyph_of = [glyphs.levels[min(top, max(0, h - floor))] for h in range(rows * top + 1)]
        chars = [glyph_of[level] for level in levels]
        styles = [theme.faint] * faint + [theme.run] * (columns.count - faint)
        for column, char in enumerate(over):
            if char != " ":
                hidden = char == glyphs.bang and row != middle
                chars[column] = glyphs.blocking if hidden else char
                styles[column] = theme.blocking if hidden else over_styles[column]
        if row == middle:
            for start, end, _ in slices:
                if end - start > 6 * columns.cell_ns:
                    _caption(chars, styles, start, end, columns, theme)
            if scene.view_state.slice_ns and scene.view_state.row is None:
                _bracket_stall((chars, styles), loop, scene, columns)
        line = Line(plan.size("loop")[0])
        if row == middle:
            blocked = _is_blocked(loop, scene)
            line.add(glyphs.bang if blocked else " ", theme.alarm)
            line.add(name, theme.alarm if blocked else theme.strong)
        line.to(plan.label, theme.text).cells(chars, styles)
        if row == middle:
            used = loop.utilization_recent
            style = theme.alarm if used >= 0.9 else theme.warm if used >= 0.6 else theme.dim
            line.end(f"{used * 100:.0f}% ", style, theme.text)
        strips.append(line.strip(theme.text))
    return strips


def _from_afar(loop: LoopStats, snapshot: Snapshot | None, columns: Columns) -> list[Span]:
    """The columns without details in which the loop was blocked."""
    if snapshot is None or loop is not snapshot.loop:
        return []
    cell, far = columns.cell_ns, overview_columns(snapshot, columns)
    if not far:
        return []
    longest = overview_max(snapshot.overview.stall_max_ns, snapshot, columns)[:far].tolist()
    starts = (columns.start_ns + i * cell for i, ns in enumerate(longest) if ns >= SLOW_NS)
    return [(start, start + 1, State.BLOCKING) for start in starts]


def _bracket_stall(cells: Cells, loop: LoopStats, scene: Scene, columns: Columns) -> None:
    """The chosen incident is nobody's request: it is marked here."""
    for stall in loop.stalls:
        if stall.start_ns <= scene.view_state.slice_ns < stall.end_ns:
            bracket(cells, stall.start_ns, stall.end_ns, scene, columns)


def _is_blocked(loop: LoopStats, scene: Scene) -> bool:
    running = loop.running
    if running is None or scene.status.phase != "running":
        return False
    return scene.end_ns - running.since_ns > SLOW_NS


def _stalls(loop: LoopStats, end_ns: int) -> list[Span]:
    """The spans in which the loop was blocked, up to now if it still is."""
    slices = [(s.start_ns, min(s.end_ns, end_ns), _state(s.cause == "gil")) for s in loop.stalls]
    running = loop.running
    listed = any(stall.open for stall in loop.stalls)
    if running and not listed and end_ns - running.since_ns > SLOW_NS:
        slices.append((running.since_ns, end_ns, _state(running.gil)))
    return slices


def _state(gil: bool) -> State:
    return State.GIL if gil else State.BLOCKING


def _caption(
    chars: list[str],
    styles: list[Style],
    start_ns: int,
    end_ns: int,
    columns: Columns,
    theme: Theme,
) -> None:
    """A stall wide enough says how long it was."""
    first, last = max(0, columns.at(start_ns) + 1), min(columns.count, columns.at(end_ns - 1))
    text = f" {duration(end_ns - start_ns)} "
    if last - first < len(text):
        return
    at = first + (last - first - len(text)) // 2
    for i, char in enumerate(text):
        chars[at + i], styles[at + i] = char, theme.bang
