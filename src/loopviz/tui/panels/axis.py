"""The time axis: time before now, or before the freeze; marks where something was changed."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Mark
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, cell_width, clean, fit
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["axis_row", "axis_time", "draw_axis", "per_column"]

MINUTE_NS = 60 * SECOND
SAID_CELLS = 32
"""The most cells for what the program says at a mark."""


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
    glyph = scene.glyphs.mark
    visible = [(columns.at(mark.at_ns), mark) for mark in marks if mark.kind != "log"]
    visible = [(at, mark) for at, mark in visible if 0 <= at < columns.count]
    visible = [one for one in visible if not _made_way(*one, visible)]
    flags = []
    free = 0
    for i, (at, mark) in enumerate(visible):
        style = _style(mark, scene.theme)
        text = _text(mark, scene)
        wide = cell_width(text) + 2
        limit = visible[i + 1][0] if i + 1 < len(visible) else columns.count
        if at + wide <= limit:
            flags.append((at, at + wide, f"{glyph} {text}", style))
        elif at - wide + 1 >= free:
            flags.append((at - wide + 1, at + 1, f"{text} {glyph}", style))
        else:
            flags.append((at, at + 1, glyph, style))
        free = flags[-1][1]
    return flags + _log_flags(marks, [(start, end) for start, end, *_ in flags], scene, columns)


def _log_flags(
    marks: Sequence[Mark], taken: Sequence[tuple[int, int]], scene: Scene, columns: Columns
) -> list[tuple[int, int, str, Style]]:
    """Log records, one a column, where nothing else is: the worst, and its text if it has room."""
    worst: dict[int, Mark] = {}
    for mark in marks:
        at = columns.at(mark.at_ns)
        free = 0 <= at < columns.count and not any(start <= at < end for start, end in taken)
        if free and mark.kind == "log" and (at not in worst or mark.level != "WARNING"):
            worst[at] = mark
    flags = []
    starts = sorted([*worst, *(start for start, _ in taken), columns.count])
    for at, mark in sorted(worst.items()):
        text = f"{scene.glyphs.mark} {_text(mark, scene)}"
        limit = next(start for start in starts if start > at)
        text = text if at + cell_width(text) <= limit else scene.glyphs.mark
        flags.append((at, at + cell_width(text), text, _style(mark, scene.theme)))
    return flags


def _text(mark: Mark, scene: Scene) -> str:
    """What the program said may be long: as much as stands beside other marks."""
    text = clean(f"{mark.level} {mark.text}".strip())
    return fit(text, min(cell_width(text), SAID_CELLS), scene.glyphs.more) if mark.said else text


def _style(mark: Mark, theme: Theme) -> Style:
    if mark.kind == "gap":
        return theme.alarm
    if mark.kind == "log":
        return theme.warm if mark.level == "WARNING" else theme.alarm
    return theme.mark
