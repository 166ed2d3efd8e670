"""The time axis: time before now, or before the freeze; marks where something was changed."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Mark
from loopviz.tui.draw.text import Line, cell_width, clean
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["axis_row", "axis_time", "draw_axis", "per_column"]

MINUTE_NS = 60 * SECOND


def draw_axis(scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
    """One row."""
    return [axis_row(scene, columns, plan.label, plan.size("axis")[0], "latest ")]


def axis_row(scene: Scene, columns: Columns, label: int, width: int, after: str = "") -> Strip:
    """`-4s` begins where it was four seconds ago; a mark hides what is below it."""
    theme, glyphs = scene.theme, scene.glyphs
    chars = [" "] * columns.count
    styles = [theme.dim] * columns.count

    def put(at: int, text: str, style: Style) -> None:
        for i, char in enumerate(text):
            if 0 <= at + i < columns.count:
                chars[at + i] = char
                styles[at + i] = style

    flags = _flags(scene, columns)
    taken = [(start, end) for start, end, *_ in flags]
    last = _last(scene, columns)
    for at, before in columns.ticks(scene.frozen_at_ns):
        name = axis_time(before, columns.step_ns) if before else "frozen"
        end = at + 1 + len(name)
        if all(end <= start or at >= after for start, after in taken):
            put(at, glyphs.tick, theme.faint)
            if end < columns.count - len(last):
                put(at + 1, name, theme.dim)
    if all(end <= columns.count - len(last) for _, end in taken):
        put(columns.count - len(last), last, theme.accent)
    for start, _, text, style in flags:
        put(start, text, style)
    if scene.view_state.time_range:
        _put_span(scene.view_state.time_range, last, chars, styles, scene, columns)
    line = Line(width)
    line.add(f" {per_column(columns)}", theme.dim).to(label, theme.dim).cells(chars, styles)
    return line.end(after, theme.dim, theme.dim).strip(theme.text)


def axis_time(before_ns: int, step_ns: int) -> str:
    """`-250ms`, `-12.4s`, `-4s`, `-2:30`, `-20min`: as exact as steps of that length ask for."""
    sign, ns = "+" if before_ns < 0 else "-", abs(before_ns)
    if step_ns >= MINUTE_NS:
        return f"{sign}{ns // MINUTE_NS}min"
    if step_ns >= SECOND:
        s = ns // SECOND
        return f"{sign}{s}s" if s < 100 else f"{sign}{s // 60}:{s % 60:02}"
    if ns < SECOND:
        return f"{sign}{ns // MS}ms"
    digits = 1 if step_ns >= 100 * MS else 2 if step_ns >= 10 * MS else 3
    return f"{sign}{ns / SECOND:.{digits}f}s"


def per_column(columns: Columns) -> str:
    """`89 ms/column`."""
    cell = columns.cell_ns
    return f"{cell // SECOND} s/column" if cell >= SECOND else f"{cell / MS:.0f} ms/column"


def _last(scene: Scene, columns: Columns) -> str:
    """The name of the last column: now, the moment of the freeze, or one before it."""
    if not scene.frozen_at_ns:
        return "now"
    before = scene.frozen_at_ns - scene.end_ns
    step = max(columns.cell_ns, 100 * MS) if columns.cell_ns >= 50 * MS else columns.cell_ns
    return "frozen" if 0 <= before < columns.cell_ns else axis_time(before, step)


def _put_span(
    span: tuple[int, int],
    end: str,
    chars: list[str],
    styles: list[Style],
    scene: Scene,
    columns: Columns,
) -> None:
    """The selected range: `[-----]`, as far as it is in sight; no half of `end` beside it."""
    first, last = columns.at(span[0]), columns.at(max(span[0], span[1] - 1))
    if columns.count - len(end) <= last < columns.count:
        chars[-len(end) :] = " " * len(end)
    if first == last and 0 <= first < columns.count:
        chars[first], styles[first] = scene.glyphs.only, scene.theme.cursor
        return
    for at in range(max(0, first), min(columns.count - 1, last) + 1):
        chars[at] = "[" if at == first else "]" if at == last else scene.glyphs.rule
        styles[at] = scene.theme.cursor


def _made_way(at: int, mark: Mark, visible: Sequence[tuple[int, Mark]]) -> bool:
    """True for a fix that went off at the moment at which an alternative went on."""
    return (
        mark.kind == "fix"
        and mark.text.endswith(" off")
        and any(there == at and other.text.endswith(" on") for there, other in visible)
    )


def _flags(scene: Scene, columns: Columns) -> list[tuple[int, int, str, Style]]:
    """First and after-last column, text and style of each mark; they do not overlap.

    Where there is no room for its text, a mark has none.
    """
    marks = scene.snapshot.marks if scene.snapshot else ()
    theme, glyph = scene.theme, scene.glyphs.mark
    visible = [(columns.at(mark.at_ns), mark) for mark in marks]
    visible = [(at, mark) for at, mark in visible if 0 <= at < columns.count]
    visible = [one for one in visible if not _made_way(*one, visible)]
    flags = []
    free = 0
    for i, (at, mark) in enumerate(visible):
        style = theme.alarm if mark.kind == "gap" else theme.mark
        text = clean(mark.text)
        wide = cell_width(text) + 2
        limit = visible[i + 1][0] if i + 1 < len(visible) else columns.count
        if at + wide <= limit:
            flags.append((at, at + wide, f"{glyph} {text}", style))
        elif at - wide + 1 >= free:
            flags.append((at - wide + 1, at + 1, f"{text} {glyph}", style))
        else:
            flags.append((at, at + 1, glyph, style))
        free = flags[-1][1]
    return flags
