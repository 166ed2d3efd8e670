"""The resources view's table: its columns, and the row above it that counts."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.tui.draw.text import Line, clean, took
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column
from loopviz.tui.views.resources.rows import BAR_CELLS, ResourceRow

__all__ = ["COLUMNS", "SPARKLINE_CELLS", "draw_title", "fitting_columns"]

SPARKLINE_CELLS = 10


def _waiting(row: ResourceRow) -> str:
    view = row.view
    if view is None:
        return ""
    return f"{view.waiting.now}/{view.waiting.max}" if view.waiting.max else "0"


def _waited(row: ResourceRow, ns: int) -> str:
    return took(ns) if row.view and row.view.waited.count else ""


COLUMNS = (
    Column(
        "resource",
        17,
        lambda row: row.name,
        "its name, or its kind and the line that made it",
        lambda row, scene: scene.theme.text if row.view else scene.theme.dim,
        left=True,
        wide=True,
    ),
    Column(
        "in use",
        BAR_CELLS,
        lambda row: row.bar,
        "units held, of how many; FULL: none is left, HELD: a lock is held",
        lambda row, scene: getattr(scene.theme, row.tone),
        left=True,
        graphic=True,
    ),
    Column(
        "",
        10,
        lambda row: row.use,
        "",
        lambda row, scene: getattr(scene.theme, row.tone),
        left=True,
    ),
    Column(
        "waiting",
        8,
        _waiting,
        "tasks that wait to get in: now / at most so far",
        lambda row, scene: (
            scene.theme.alarm if row.view and row.view.waiting.now else scene.theme.dim
        ),
    ),
    Column(
        "p50",
        6,
        lambda row: _waited(row, row.view.waited.p50_ns if row.view else 0),
        "half of those that got it had waited for less",
    ),
    Column(
        "p99",
        6,
        lambda row: _waited(row, row.view.waited.p99_ns if row.view else 0),
        "99 of 100 of those that got it had waited for less",
    ),
    Column(
        "gave up",
        7,
        lambda row: f"{row.view.given_up.count:,}" if row.view and row.view.given_up.count else "",
        "how many waited and never got it",
        lambda _, scene: scene.theme.alarm,
        spare=1,
    ),
    Column(
        "idle",
        4,
        lambda row: str(row.view.idle) if row.view and row.view.idle else "",
        "tasks that wait to take something out: consumers without work",
        spare=3,
    ),
    Column(
        "wait 60s",
        SPARKLINE_CELLS,
        lambda row: row.waited,
        "how many waited over the last minute; the top is the most so far",
        lambda _, scene: scene.theme.warm,
        left=True,
        graphic=True,
        spare=2,
    ),
    Column(
        "use 60s",
        SPARKLINE_CELLS,
        lambda row: row.used,
        "how much was in use over the last minute; the top is all of it",
        lambda _, scene: scene.theme.run,
        left=True,
        graphic=True,
        spare=4,
    ),
    Column("kind", 20, lambda row: row.kind, "the class", left=True, spare=5),
)

_WAITING_COLUMNS = ("p50", "p99", "gave up", "wait 60s")
"""Columns that are blank unless a task has waited."""


def fitting_columns(rows: Sequence[ResourceRow]) -> tuple[Column, ...]:
    """All of them; without those of waiting while nobody has ever waited."""
    if any(row.view and (row.view.waiting.max or row.view.given_up.count) for row in rows):
        return COLUMNS
    return tuple(column for column in COLUMNS if column.title not in _WAITING_COLUMNS)


def draw_title(scene: Scene, width: int) -> Strip:
    """`RESOURCES 5 known · 41 tasks wait for db pool`."""
    theme = scene.theme
    found = scene.snapshot.resources if scene.snapshot is not None else ()
    waiting = sum(view.waiting.now for view in found)
    crowded = [short_name(view, scene) for view in found if view.waiting.now]
    line = Line(width).add(" RESOURCES ", theme.title)
    line.add(f"{len(found):,} known", theme.strong)
    if waiting:
        of = crowded[0] if len(crowded) == 1 else f"{len(crowded)} of them"
        words = f"{waiting:,} task{' waits' if waiting == 1 else 's wait'} for {of}"
        line.add(f" {scene.glyphs.dot} ", theme.faint).add(words, theme.alarm)
    else:
        line.add(f" {scene.glyphs.dot} ", theme.faint).add("nobody waits", theme.dim)
    if scene.frozen:
        line.end("as of the freeze ", theme.warm, theme.text)
    elif scene.view_state.filter:
        line.end(f'only "{clean(scene.view_state.filter)}" ', theme.warm, theme.text)
    return line.strip(theme.text)
