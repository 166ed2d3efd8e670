"""The loop view: how long things waited for the loop, and what it did with its time."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model import snapshot as model
from loopviz.tui.draw.text import Line, beside, fill_rows
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.axis import axis_row
from loopviz.tui.panels.histogram import draw_histogram
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Table
from loopviz.tui.state.effects import Effects
from loopviz.tui.state.view_state import Key, ViewState
from loopviz.tui.views.loop.heatmap import MIN_HEAT_ROWS, HeatMap, add_legend, draw_heat, row_edges
from loopviz.tui.views.loop.measures import (
    COLUMNS,
    MEASURES,
    MeasureRow,
    baseline_text,
    measure_rows,
)
from loopviz.tui.views.loop.pauses import pause_row
from loopviz.tui.views.loop.usage import draw_usage, usage_rows
from loopviz.tui.views.view import View

__all__ = ["LoopView"]

CHART_ROWS = 4
"""Rows of the utilization's chart, in a panel of at least `ROOMY_ROWS`."""
TABLE_ROWS = 1 + len(MEASURES)
MIN_TABLE_CELLS = 37
"""The narrowest table of measures."""
ROOMY_ROWS = 30


class LoopView(View):
    """The cursor chooses a measure; heat-map and histogram show that one."""

    NAME: ClassVar[str] = "loop"
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((measure.title, measure.help) for measure in MEASURES),
        (
            "heat-map",
            "rows are durations, from so long on; a cell's shade is how many there were, its "
            "colour how long: amber from 10 ms on, red from 100 ms on",
        ),
        ("GC generation", "a garbage collection ended there: 0 the youngest, 2 all objects"),
        ("█ and ░", "in the histogram: the last seconds, and before"),
        ("utilization", "busy / (busy + idle)"),
        *((column.title, column.help) for column in COLUMNS if column.help),
    )

    def __init__(self) -> None:
        self._heats: dict[tuple[int, str, tuple[int, ...]], HeatMap] = {}
        self._table = Table(COLUMNS)
        self._table_y = 0

    def reset(self) -> None:
        self._heats.clear()

    def keys(self, scene: Scene) -> Sequence[Key]:
        """Each measure of each loop."""
        if scene.snapshot is None:
            return ()
        workers = [1, *(peer.worker for peer in scene.snapshot.peers)]
        return [(worker, measure.key) for worker in workers for measure in MEASURES]

    def cursor(self, scene: Scene) -> Key | None:
        """The first one, if none was chosen."""
        keys = self.keys(scene)
        return scene.view_state.row if scene.view_state.row in keys or not keys else keys[0]

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:  # noqa: ARG002
        """Does nothing: the chosen measure is shown already."""
        return ()

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - self._table_y)

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        if scene.snapshot is None:
            waits = Line(width).add("  The loop has not run yet.", scene.theme.dim)
            rows = [Line(width).strip(scene.theme.text), waits.strip(scene.theme.text)]
            return fill_rows(rows, width, height, scene.theme.text)
        loop, name, row = self._chosen(scene, scene.snapshot)
        roomy = height >= ROOMY_ROWS
        text_rows = 0 if roomy else max(0, min(2, height - 14))
        chart = 1 + CHART_ROWS if roomy else 0
        rest = height - 3 - chart - (1 + TABLE_ROWS + text_rows)
        strips = self._heat(loop, name, row, scene, width, max(MIN_HEAT_ROWS, rest))
        if roomy:
            strips += draw_usage(loop, scene, *self._grid(scene, width), CHART_ROWS, width)
        self._table_y = len(strips) + 1
        strips += self._figures(loop, row, scene, width, height - len(strips) - text_rows)
        strips += usage_rows(loop, scene, width, text_rows)
        return fill_rows(strips, width, height, scene.theme.text)

    def _chosen(
        self, scene: Scene, snapshot: model.Snapshot
    ) -> tuple[model.LoopStats, str, tuple[int, MeasureRow]]:
        """The loop, its name if there are several, and the worker and measure."""
        key = self.cursor(scene)
        assert isinstance(key, tuple)
        worker, chosen = key
        loops = {1: snapshot.loop} | {peer.worker: peer.loop for peer in snapshot.peers}
        loop = loops[worker]
        row = next(row for row in measure_rows(loop, scene) if row.measure.key == chosen)
        return loop, f"LOOP {worker}  " if len(loops) > 1 else "", (worker, row)

    def _grid(self, scene: Scene, width: int) -> tuple[Columns, int]:
        """The time axis of the LOOP lane above, and the cells before it."""
        axis = make_plan(width, ROOMY_ROWS, PlanInput(view=self.NAME))
        cell_ns = scene.cell_ns
        if cell_ns:
            return Columns(cell_ns, axis.columns, scene.end_ns), axis.label
        return Columns.over(axis.window_ns, axis.columns, scene.end_ns), axis.label

    def _heat(
        self,
        loop: model.LoopStats,
        name: str,
        row: tuple[int, MeasureRow],
        scene: Scene,
        width: int,
        rows: int,
    ) -> list[Strip]:
        """Title, rows, pauses, axis."""
        theme, glyphs = scene.theme, scene.glyphs
        worker, (measure) = row[0], row[1].measure
        columns, label = self._grid(scene, width)
        edges = row_edges(rows)
        heat = self._heats.setdefault((worker, measure.key, edges), HeatMap(edges))
        track = measure.track(loop)
        strips = draw_heat(heat, track, scene, columns, label, width, measure.what)
        title = Line(width).add(glyphs.rule * 2, theme.faint)
        title.add(f" {name}{measure.title.upper()} ", theme.title).add(glyphs.rule, theme.faint)
        add_legend(title, heat, scene, measure.what)
        title.add(glyphs.rule * title.left, theme.faint)
        pauses = pause_row(loop.gc, scene, columns, label, width)
        axis = axis_row(scene, columns, label, width)
        return [title.strip(theme.text), *strips, pauses, axis]

    def _figures(
        self,
        loop: model.LoopStats,
        row: tuple[int, MeasureRow],
        scene: Scene,
        width: int,
        height: int,
    ) -> list[Strip]:
        """The table of all measures; beside it the histogram of the chosen one."""
        theme, glyphs = scene.theme, scene.glyphs
        worker, chosen = row
        left = max(MIN_TABLE_CELLS, width * 11 // 20)
        right = width - left
        assert scene.snapshot is not None
        seconds = scene.snapshot.recent_ns // SECOND
        last, short = f"last {seconds} s", "now"
        if scene.frozen:
            last, short = f"{seconds} s up to then", "then"
        full, faint = glyphs.run, "░" if glyphs.eighths else ":"
        was = f" was: {baseline_text(loop, scene)} "
        title = Line(width).add(glyphs.rule * 2, theme.faint).add(f" {last.upper()} ", theme.title)
        title.add(was if len(was) <= left - title.used else "", theme.dim)
        title.add(glyphs.rule * (left - title.used), theme.faint)
        title.add(f" {chosen.measure.title.upper()} ", theme.title)
        name = next((name for name in (last, short) if len(name) + 11 <= title.left), "")
        if name:
            title.add(f" {full} ", theme.run).add(f"{name}  {faint} was ", theme.dim)
        title.add(glyphs.rule * title.left, theme.faint)
        rows = [((worker, one.measure.key), one) for one in measure_rows(loop, scene)]
        state = scene.view_state.choose((worker, chosen.measure.key))
        table = self._table.draw(
            rows, replace(scene, view_state=state), left, min(height - 1, TABLE_ROWS)
        )
        below = height - 1 - len(table)
        if below > 0:
            table += usage_rows(loop, scene, left, below)
        bars = draw_histogram(
            chosen.now.buckets,
            scene,
            right - 1,
            height - 1,
            before=chosen.before.buckets,
            empty=f"no {chosen.measure.what} in these {seconds} s",
        )
        return [title.strip(theme.text), *beside(table, bars, theme.text, width)]
