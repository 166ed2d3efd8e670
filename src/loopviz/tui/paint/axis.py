"""The time axis: seconds before now, and marks where something was changed."""

from rich.style import Style
from textual.strip import Strip

from loopviz.tui.paint.columns import Columns
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, fit, width_of

__all__ = ["paint_axis"]


def paint_axis(scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
    """One row: `-4s` begins where it was four seconds ago; a mark hides what is below it."""
    looks, glyphs = scene.looks, scene.glyphs
    chars = [" "] * columns.count
    styles = [looks.dim] * columns.count

    def put(at: int, text: str, style: Style) -> None:
        for i, char in enumerate(text):
            if 0 <= at + i < columns.count:
                chars[at + i] = char
                styles[at + i] = style

    flags = _flags(scene, columns)
    for before, at in enumerate(columns.seconds(), 1):
        name = f"-{before}s"
        free = all(at + 4 <= start or at >= end for start, end, *_ in flags)
        if free:
            put(at, glyphs.tick, looks.faint)
        if free and at + 4 < columns.count - 3:
            put(at + 1, name, looks.dim)
    if all(end <= columns.count - 3 for _, end, *_ in flags):
        put(columns.count - 3, "now", looks.accent)
    for start, _, text, style in flags:
        put(start, text, style)
    line = Line(plan.size("axis")[0])
    line.add(" REQUEST", looks.dim).to(plan.label, looks.dim).cells(chars, styles)
    return [line.end("latest ", looks.dim, looks.dim).strip(looks.text)]


def _flags(scene: Scene, columns: Columns) -> list[tuple[int, int, str, Style]]:
    """First and after-last column, text and style of each mark; they do not overlap."""
    marks = scene.snapshot.marks if scene.snapshot else ()
    looks, glyph = scene.looks, scene.glyphs.mark
    shown = [(columns.at(mark.at_ns), mark) for mark in marks]
    shown = [(at, mark) for at, mark in shown if 0 <= at < columns.count]
    flags = []
    free = 0
    for i, (at, mark) in enumerate(shown):
        style = looks.alarm if mark.kind == "gap" else looks.mark
        text = clean(mark.text)
        wide = width_of(text) + 2
        limit = shown[i + 1][0] if i + 1 < len(shown) else columns.count
        if at + wide <= limit:
            flags.append((at, at + wide, f"{glyph} {text}", style))
        elif at - wide + 1 >= free:
            flags.append((at - wide + 1, at + 1, f"{text} {glyph}", style))
        else:
            flags.append((at, limit, fit(f"{glyph} {text}", max(1, limit - at)), style))
        free = flags[-1][1]
    return flags
