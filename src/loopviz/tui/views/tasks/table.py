"""The tasks view's table: its columns, and the row above it that counts."""

from textual.strip import Strip

from loopviz.model.snapshot import TaskTable
from loopviz.tui.draw.text import Line, cell_width, clean, took
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column

__all__ = ["COLUMNS", "WIDE_TABLE_CELLS", "draw_title", "title_note"]


def _columns(name: int, on: int) -> tuple[Column, ...]:
    """The columns with `name` cells for names, and at least `on` for what tasks wait on."""
    return (
        Column(
            "task",
            name,
            lambda row: row.name,
            "+ a group that enter opens, - one that is open; and the line where its tasks are made",
            left=True,
        ),
        Column(
            "state",
            11,
            lambda row: row.state,
            "what it does now; of a group, how many live",
            lambda row, scene: getattr(scene.theme, row.tone),
            left=True,
        ),
        Column("total", 6, lambda row: took(row.total_ns), "its life so far", spare=3),
        Column("busy", 6, lambda row: took(row.busy_ns), "it ran, all its steps together"),
        Column(
            "ready", 6, lambda row: took(row.ready_ns), "it could run, but the loop was blocked"
        ),
        Column("waiting", 7, lambda row: took(row.waiting_ns), "it waited for something else"),
        Column("steps", 7, lambda row: f"{row.steps:,}", "how often it ran", spare=2),
        Column(
            "p99 step",
            8,
            lambda row: took(row.p99_ns) if row.p99_ns >= 0 else "",
            "of a group: 99 of 100 steps were shorter",
            spare=1,
        ),
        Column(
            "waits on",
            on,
            lambda row: row.on,
            "what, for how long, at which line; of a group, how many of them (×)",
            left=True,
            wide=True,
        ),
    )


COLUMNS = {False: _columns(22, 20), True: _columns(28, 20)}
"""Columns of a narrow table, and of a wide one."""
WIDE_TABLE_CELLS = 92
"""Width from which on a table is wide."""


def draw_title(view: TaskTable, scene: Scene, width: int) -> Strip:
    """`TASKS 42 live · 1,203 started · 3 raised …`; what does not fit is left out."""
    theme = scene.theme
    line = Line(width).add(" TASKS ", theme.title)
    line.add(f"{view.live:,} live", theme.strong)
    parts = [
        (f"{view.lost:,} lost", theme.alarm, view.lost),
        (f"{view.never_retrieved:,} never retrieved", theme.alarm, view.never_retrieved),
        (f"{view.outlived_parent:,} outlived their parent", theme.warm, view.outlived_parent),
        (f"{view.started:,} started", theme.dim, 1),
        (f"{view.raised:,} raised", theme.text, view.raised),
        (f"{view.cancelled:,} cancelled", theme.text, view.cancelled),
    ]
    end = title_note(scene)
    room = width - line.used - (cell_width(end) + 2 if end else 0)
    for text, style, count in parts:
        if count and cell_width(text) + 3 <= room:
            line.add(f" {scene.glyphs.dot} ", theme.faint).add(text, style)
            room -= cell_width(text) + 3
    if end:
        line.end(f"{end} ", theme.warm, theme.text)
    return line.strip(theme.text)


def title_note(scene: Scene) -> str:
    """A note on what is shown: a freeze, a filter, one worker of several."""
    if scene.frozen:
        return "as of the freeze"
    if scene.view_state.filter:
        return f'only "{clean(scene.view_state.filter)}"'
    if scene.snapshot is not None and scene.snapshot.peers:
        return "listed: worker 1"
    return ""
