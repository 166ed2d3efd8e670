"""What the loop did with its time: utilization, iterations, pauses."""

from functools import partial

import numpy as np
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import LoopStats, Track
from loopviz.tui.draw.text import Line, duration, wrap
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.axis import ago
from loopviz.tui.panels.loop import known_shares
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.loop.pauses import pauses_told

__all__ = ["paint_usage", "usage_told"]


def paint_usage(
    loop: LoopStats, scene: Scene, columns: Columns, label: int, rows: int, width: int
) -> list[Strip]:
    """A title, and the busy share of each column as a chart of so many rows."""
    looks, glyphs = scene.looks, scene.glyphs
    top = len(glyphs.levels) - 1
    shares = known_shares(loop, scene.snapshot, columns)
    levels = np.ceil(shares * top * rows - 0.02).astype(int).tolist()
    title = Line(width).add(glyphs.rule * 2, looks.faint).add(" UTILIZATION ", looks.title)
    title.add(f"{glyphs.rule} ", looks.faint).add("busy / (busy + idle) ", looks.dim)
    strips = [title.add(glyphs.rule * title.left, looks.faint).strip(looks.text)]
    styles = [looks.run] * columns.count
    for row in range(rows):
        floor = (rows - 1 - row) * top
        chars = [glyphs.levels[min(top, max(0, level - floor))] for level in levels]
        name = {0: "100%", rows // 2: "50%"}.get(row, "")
        line = Line(width).add(f"{name:>{label - 1}} ", looks.dim).cells(chars, styles)
        if row == 0:
            line.end(f"{loop.utilization_recent:.0%} ", looks.strong, looks.text)
        strips.append(line.strip(looks.text))
    return strips


def usage_told(loop: LoopStats, scene: Scene, width: int, height: int) -> list[Strip]:
    """The figures as text, at most `height` rows: each begins with a word for what it is."""
    looks = scene.looks
    rows = [("utilization", _turns(loop, scene)), ("GC", pauses_told(loop.gc, width - 16))]
    if loop.coverage == "steps":
        rows[0] = ("seen", "a foreign loop: task steps and lag, no callbacks, no iterations")
    strips = []
    for word, text in rows:
        for i, part in enumerate(wrap(text, width - 16)):
            strips.append(_told("" if i else word, part, scene, width))
    if len(strips) + 2 < height:
        strips.append(Line(width).strip(looks.text))
        for i, part in enumerate(_last(loop, scene, height - len(strips))):
            strips.append(_told("" if i else "last pauses", part, scene, width))
    return strips[:height]


def _told(word: str, text: str, scene: Scene, width: int) -> Strip:
    line = Line(width).add(f"  {word:<12} ", scene.looks.dim)
    return line.add(text, scene.looks.text).strip(scene.looks.text)


def _turns(loop: LoopStats, scene: Scene) -> str:
    """`34 %; 412 iterations a second, 3.1 callbacks in each`."""
    count = partial(_count, scene=scene)
    iterations, callbacks = count(loop.iteration), count(loop.callback)
    text = f"{loop.utilization_recent:.0%} busy"
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
    shown = [pause for pause in loop.gc.last if pause.end_ns <= scene.end_ns]
    return [
        f"{ago(scene.end_ns - pause.end_ns, SECOND // 10):>6} gen. {pause.generation} "
        f"{duration(pause.end_ns - pause.start_ns):>6}"
        for pause in shown[: -rows - 1 : -1]
    ]
