"""The use of the loop's time: utilization, iterations, pauses."""

from functools import partial

import numpy as np
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import LoopStats, Track
from loopviz.tui.draw.text import Line, duration, wrap
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.axis import axis_time
from loopviz.tui.panels.loop import known_shares
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.loop.pauses import pause_summary

__all__ = ["draw_usage", "usage_rows"]


def draw_usage(
    loop: LoopStats, scene: Scene, columns: Columns, label: int, rows: int, width: int
) -> list[Strip]:
    """A title, and a chart of each column's busy share."""
    theme, glyphs = scene.theme, scene.glyphs
    top = len(glyphs.levels) - 1
    shares = known_shares(loop, scene.snapshot, columns)
    levels = np.ceil(shares * top * rows - 0.02).astype(int).tolist()
    title = Line(width).add(glyphs.rule * 2, theme.faint).add(" UTILIZATION ", theme.title)
    title.add(f"{glyphs.rule} ", theme.faint).add("busy / (busy + idle) ", theme.dim)
    strips = [title.add(glyphs.rule * title.left, theme.faint).strip(theme.text)]
    styles = [theme.run] * columns.count
    for row in range(rows):
        floor = (rows - 1 - row) * top
        chars = [glyphs.levels[min(top, max(0, level - floor))] for level in levels]
        name = {0: "100%", rows // 2: "50%"}.get(row, "")
        line = Line(width).add(f"{name:>{label - 1}} ", theme.dim).cells(chars, styles)
        if row == 0:
            line.end(f"{loop.utilization_recent:.0%} ", theme.strong, theme.text)
        strips.append(line.strip(theme.text))
    return strips


def usage_rows(loop: LoopStats, scene: Scene, width: int, height: int) -> list[Strip]:
    """The figures as text, at most `height` rows: each begins with a word for what it is."""
    theme = scene.theme
    rows = [("utilization", _turns(loop, scene)), ("GC", pause_summary(loop.gc, width - 16))]
    if loop.coverage == "steps":
        rows[0] = ("seen", "a foreign loop: task steps and lag, no callbacks, no iterations")
    elif loop.coverage == "uvloop":
        rows.append(("seen", "uvloop: what it runs in C is one callback, its time is CPU time"))
    strips = []
    for word, text in rows:
        for i, part in enumerate(wrap(text, width - 16)):
            strips.append(_text_row("" if i else word, part, scene, width))
    if len(strips) + 2 < height:
        strips.append(Line(width).strip(theme.text))
        for i, part in enumerate(_last(loop, scene, height - len(strips))):
            strips.append(_text_row("" if i else "last pauses", part, scene, width))
    return strips[:height]


def _text_row(word: str, text: str, scene: Scene, width: int) -> Strip:
    line = Line(width).add(f"  {word:<12} ", scene.theme.dim)
    return line.add(text, scene.theme.text).strip(scene.theme.text)


def _turns(loop: LoopStats, scene: Scene) -> str:
    """`34 %; 412 iterations a second, 3.1 callbacks in each`."""
    count = partial(_count, scene=scene)
    iterations, callbacks = count(loop.iteration), count(loop.callback)
    text = f"{loop.utilization_recent:.0%} busy{' by CPU' * (loop.coverage == 'uvloop')}"
    if not iterations or scene.snapshot is None:
        return text
    per_s = iterations * SECOND / scene.snapshot.recent_ns
    often = f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.1f}"
    return f"{text}; {often} iterations a second, {callbacks / iterations:.1f} callbacks each"


def _count(track: Track, scene: Scene) -> int:
    assert scene.snapshot is not None
    ends = (scene.end_ns - scene.snapshot.recent_ns, scene.end_ns)
    first, last = np.searchsorted(track.times_ns, ends)
    return int(last - first)


def _last(loop: LoopStats, scene: Scene, rows: int) -> list[str]:
    """The newest pauses."""
    visible = [pause for pause in loop.gc.last if pause.end_ns <= scene.end_ns]
    return [
        f"{axis_time(scene.end_ns - pause.end_ns, SECOND // 10):>6} gen. {pause.generation} "
        f"{duration(pause.end_ns - pause.start_ns):>6}"
        for pause in visible[: -rows - 1 : -1]
    ]
