"""The state of a resource: as a word, and as a gauge."""

import numpy as np
from rich.style import Style

from loopviz.model.snapshot import ResourceInfo
from loopviz.model.snapshot.types import HISTORY_STEP_NS, HISTORY_STEPS
from loopviz.tui.draw.sparkline import sparkline
from loopviz.tui.draw.text import Line, cell_width, fit
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.scene import Scene
from loopviz.wire.kinds import Family

__all__ = ["LEAST_BARS", "add_gauge", "full_word", "is_notable"]

LEAST_BARS = 4
"""Fewer bars of a sparkline say nothing."""

CROWDED_LOCKS = 5
"""Waiting tasks from which on many locks made at one line have a gauge."""


def is_notable(view: ResourceInfo) -> bool:
    """True if it is worth a gauge: a task waited for it, or it has several units and was used."""
    if view.family is Family.EVENT:
        return False
    if view.capacity == 1 and view.instances > 1:  # a lock for each thing
        return view.waiting.max >= CROWDED_LOCKS
    roomy = view.capacity > 1 or view.family is Family.QUEUE
    return bool(view.waiting.max or (roomy and view.in_use.max))


def full_word(view: ResourceInfo) -> str:
    """`HELD` for what one alone can have, `FULL` for what has room for several, else empty."""
    capacity = _capacity(view)
    if not capacity or view.in_use.now < capacity:
        return ""
    return "HELD" if capacity == 1 else "FULL"


def add_gauge(line: Line, view: ResourceInfo, width: int, scene: Scene) -> None:
    """` db pool ████████ 5/5 FULL wait 41`, `width` cells: the bar gives way, then the name.

    Without a limit, the bars are a queue's length over the last seconds.
    """
    theme, glyphs = scene.theme, scene.glyphs
    used, capacity = view.in_use.now, _capacity(view)
    words = _words(view, scene)
    words_width = sum(cell_width(text) for text, _ in words)
    most = cell_width(f"{capacity}/{capacity} FULL wait 99")  # reserved, whatever the words are now
    name = short_name(view, scene)
    if view.instances > 1:
        name += f" {glyphs.times}{view.instances}"
    wide = max(1, min(cell_width(name), width - words_width - 2))
    line.add(" ", theme.text).add(fit(name, wide, glyphs.more), theme.text).add(" ", theme.text)
    bar = min(20, width - max(words_width, most) - wide - 3) if capacity > 1 else 0
    if bar >= 4:
        style = words[0][1] if used >= capacity else theme.run
        _bar(line, min(1.0, used / capacity), bar, style, scene)
        line.add(" ", theme.text)
    elif not capacity and view.family is Family.QUEUE:
        cells = min(HISTORY_STEPS, width - words_width - wide - 3)
        lengths = _lengths(view, scene.end_ns)[-cells:] if cells >= LEAST_BARS else []
        if any(lengths):
            line.add(sparkline(lengths, glyphs), theme.run).add(" ", theme.text)
    for text, style in words:
        line.add(text, style)


def _lengths(view: ResourceInfo, end_ns: int) -> list[int]:
    """How long the queue was at the ends of the last steps."""
    last = end_ns // HISTORY_STEP_NS
    moments = np.arange(last - HISTORY_STEPS + 1, last + 1) * HISTORY_STEP_NS
    places = np.searchsorted(view.in_use_track.times_ns, moments, "right")
    lengths: list[int] = np.concatenate(([0], view.in_use_track.values))[places].tolist()
    return lengths


def _capacity(view: ResourceInfo) -> int:
    """0: there is none, or it is that of many, which says nothing."""
    return view.capacity if view.instances == 1 else 0


def _words(view: ResourceInfo, scene: Scene) -> list[tuple[str, Style]]:
    """`5/5`, ` FULL`, ` wait 41`: each state has a word, whatever its colour."""
    theme = scene.theme
    used, waiting, capacity = view.in_use.now, view.waiting.now, _capacity(view)
    full = full_word(view)
    style = theme.alarm if waiting else theme.warm if full else theme.text
    words = [(f"{used}/{capacity}" if capacity else f"{used}", style)]
    if view.family is Family.LOCK and capacity:  # it has no number of units
        words = [(full or "free", style)]
    elif full:
        words.append((f" {full}", style))
    elif not capacity:
        words.append((" items, no limit" if view.family is Family.QUEUE else " in use", theme.dim))
    if waiting:
        words.append((f" wait {waiting}", theme.alarm))
    elif not full and capacity and view.family is not Family.LOCK:
        words.append((" ok", theme.dim))
    return words


def _bar(line: Line, share: float, width: int, style: Style, scene: Scene) -> None:
    theme, glyphs = scene.theme, scene.glyphs
    steps = glyphs.eighths or glyphs.levels
    eighths = round(share * width * 8) or int(share > 0)
    whole = eighths // 8
    part = glyphs.eighths[eighths % 8] if glyphs.eighths and eighths % 8 else ""
    line.add(steps[-1] * whole + part, style)
    line.add(glyphs.dot * (width - whole - len(part)), theme.faint)
