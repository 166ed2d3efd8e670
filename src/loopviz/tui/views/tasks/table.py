"""The tasks view's table: its columns, and the row above it that counts."""

from textual.strip import Strip

from loopviz.model.snapshot import TaskTable
from loopviz.tui.draw.text import Line, cell_width, clean, took
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column

__all__ = ["COLUMNS", "columns_for", "draw_title", "title_note"]


_RECENT = (
    Column(
        "busy 5s",
        7,
        lambda row: took(row.recent.busy_ns) if row.recent else "",
        "of a group: how long it ran in the last 5 seconds",
    ),
    Column(
        "ready 5s",
        8,
        lambda row: took(row.recent.ready_ns) if row.recent else "",
        "of a group: how long it could have run in the last 5 seconds",
    ),
)


def _columns(name: int, on: int, *, recent: bool = False) -> tuple[Column, ...]:
    """The columns with `name` cells for names, and at least `on` for what tasks wait on.

    `recent`: with those of the last seconds.
    """
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
        *(_RECENT if recent else ()),
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


_TABLES = {0: _columns(22, 20), 92: _columns(28, 20), 124: _columns(28, 28, recent=True)}
"""Columns of a narrow table, a wide one and a very wide one, from so many cells on."""
COLUMNS = _TABLES[max(_TABLES)]


def columns_for(cells: int) -> tuple[Column, ...]:
    """The columns of a table of that width."""
    return next(columns for least, columns in reversed(_TABLES.items()) if cells >= least)


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
        return f"listed: loop 1; {scene.keys.label('loop')} another"
    return ""
