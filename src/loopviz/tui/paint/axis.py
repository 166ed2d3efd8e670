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

    for before, at in enumerate(columns.seconds(), 1):
        put(at, glyphs.tick, looks.faint)
        if at + 4 < columns.count - 3:
            put(at + 1, f"-{before}s", looks.dim)
    put(columns.count - 3, "now", looks.accent)
    marks = scene.snapshot.marks if scene.snapshot else ()
    shown = [(columns.at(m.at_ns), m) for m in marks]
    shown = [(at, m) for at, m in shown if 0 <= at < columns.count]
    for i, (at, mark) in enumerate(shown):
        style = looks.alarm if mark.kind == "gap" else looks.mark
        after = shown[i + 1][0] if i + 1 < len(shown) else columns.count
        text = clean(mark.text)
        before = shown[i - 1][0] + 1 if i else 0
        if at + 2 + width_of(text) > after and at - width_of(text) - 1 >= before and i == 0:
            put(at - width_of(text) - 1, f"{text} ", style)
        else:
            put(at + 1, fit(f" {text} ", min(width_of(text) + 2, max(0, after - at - 1))), style)
        put(at, glyphs.mark, style)
    line = Line(plan.size("axis")[0])
    line.add(" REQUEST", looks.dim).to(plan.label, looks.dim).cells(chars, styles)
    return [line.end("latest ", looks.dim, looks.dim).strip(looks.text)]
