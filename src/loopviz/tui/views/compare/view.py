"""The compare view: what was before and what is now, each figure with its significance."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Comparison
from loopviz.tui.draw.text import Line, cell_width, fill_rows, fit
from loopviz.tui.panels.change import change
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.layout import WIDE_CELLS
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column, Table
from loopviz.tui.panels.verdict import verdict_style, verdict_text
from loopviz.tui.state.view_state import Key
from loopviz.tui.views.compare.figures import (
    draw_figures,
    draw_further,
    draw_rest,
    figures_rows,
    significance,
)
from loopviz.tui.views.compare.measures import ComparisonRow, comparison_rows
from loopviz.tui.views.compare.phases import draw_nothing, draw_phases
from loopviz.tui.views.view import View

__all__ = ["CompareView"]

HELP = (
    ("before", "what ran before the last change of fixes, its last 30 s; or the baseline"),
    ("after", "what runs now, the last 30 s; the first 0.3 s after a change count for neither"),
    ("▼ ▲ =", "less, more, the same within 5 %; ×3.2: that many times as much"),
    ("green, red, white", "better, worse; white: it may be chance, or is but a small difference"),
    ("significant", "the 95 % intervals of before and after do not overlap (order statistics)"),
    ("not significant", "they overlap: it may be chance"),
    ("90 of 368 samples", "too few: a p99 needs 368 of them before and after"),
    ("n", "samples; latency counts from the time at which a request was to be sent"),
    ("LOOP", "and resources: of several workers, the first one's"),
    ("busy", "share of the time in which the loop ran something"),
    ("blocked, of 1 s", "how much of each second callbacks of 20 ms or more blocked the loop"),
    ("baseline", "set by its key: everything is compared with it, until another one is set"),
)


class CompareView(View):
    """A row for each item that was measured; the chosen one's figures below it or beside it."""

    NAME: ClassVar[str] = "compare"
    HELP: ClassVar[Sequence[tuple[str, str]]] = HELP

    def __init__(self) -> None:
        self._table = Table(())
        self._above = 0
        """Rows of the panel above the table."""

    def keys(self, scene: Scene) -> Sequence[Key]:
        comparison = _comparison(scene)
        return [item.key for item in comparison_rows(comparison, scene)] if comparison else ()

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        theme = scene.theme
        comparison = _comparison(scene)
        note = "as of the freeze" if scene.frozen else ""
        strips = [heading_line(width, scene, *_title(scene, width), note)]
        if comparison is None:
            strips += draw_nothing(scene, width)
        else:
            strips += draw_phases(scene, comparison, width, height)
            self._above = len(strips)
            strips += self._body(scene, comparison, width, height - len(strips))
        return fill_rows(strips, width, height, theme.text)

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - self._above)

    def _body(self, scene: Scene, comparison: Comparison, width: int, height: int) -> list[Strip]:
        """The table, and the figures of the chosen item; by default the first route's."""
        rows = comparison_rows(comparison, scene)
        usual = next((item for item in rows if item.route is not None), rows[0])
        chosen = next((item for item in rows if item.key == scene.view_state.row), usual)
        if width >= WIDE_CELLS:
            left = min(96, max(60, width - 68))
            table = self._draw(scene, rows, chosen, left, min(height, len(rows) + 1))
            table += draw_rest(scene, comparison, rows, chosen, left, height - len(table))
            above = min(height, figures_rows(chosen))
            right = draw_figures(chosen, scene, width - left - 2, above)
            right += draw_further(rows, chosen, scene, width - left - 2, height - above)
            wall = Line(2).add(f"{scene.glyphs.wall} ", scene.theme.faint).strip(scene.theme.text)
            pairs = zip(table, right, strict=True)
            return [Strip([*row, *wall, *beside], width) for row, beside in pairs]
        if scene.view_state.detail:
            return draw_figures(chosen, scene, width, height)
        below = max(8, height - len(rows) - 1) if height >= 14 else height // 2
        table = self._draw(scene, rows, chosen, width, height - below)
        if chosen.route is not None:
            return [*table, *draw_figures(chosen, scene, width, below)]
        lines = min(below, len(chosen.figures) + 2)
        rest = draw_rest(scene, comparison, (), chosen, width, below - lines)
        return [*table, *draw_figures(chosen, scene, width, lines), *rest]

    def _draw(
        self,
        scene: Scene,
        rows: Sequence[ComparisonRow],
        chosen: ComparisonRow,
        width: int,
        height: int,
    ) -> list[Strip]:
        self._table.columns = _columns(scene)
        here: dict[Hashable, str] = {chosen.key: scene.glyphs.pointer}
        return self._table.draw(
            [(item.key, item) for item in rows],
            scene,
            width,
            height,
            marks=lambda key: here.get(key, " "),
        )

    def reset(self) -> None:
        self._table = Table(())


def _comparison(scene: Scene) -> Comparison | None:
    """None while there is nothing to compare."""
    comparison = scene.snapshot.comparison if scene.snapshot else None
    return comparison if comparison is not None and comparison.comparable else None


def _title(scene: Scene, width: int) -> tuple[str, Style]:
    """The view's name, and the verdict."""
    verdict = verdict_text(scene)
    if not verdict:
        return "COMPARE", scene.theme.title
    title = f"COMPARE {scene.glyphs.rule} {verdict}"
    room = width - 5 - (len(" - as of the freeze") if scene.frozen else 0)
    return fit(title, min(cell_width(title), room), scene.glyphs.more), verdict_style(scene)


def _note(item: ComparisonRow) -> str:
    """Why nothing is compared, or whether the change is significant."""
    return item.note or significance(item.head, 18)


def _columns(scene: Scene) -> tuple[Column, ...]:
    def count(item: ComparisonRow) -> str:
        counted = item.head.count
        return "" if counted is None else f"{counted[0]} {scene.glyphs.arrow} {counted[1]}"

    return (
        Column("what", 16, lambda item: item.name, "", left=True, wide=True),
        Column("figure", 12, lambda item: item.head.title, "", left=True),
        Column("before", 8, lambda item: item.head.texts()[0], ""),
        Column("after", 8, lambda item: item.head.texts()[1], ""),
        Column(
            "change",
            8,
            lambda item: change(item.head, scene)[0],
            "",
            lambda item, scene: change(item.head, scene)[1],
            left=True,
        ),
        Column(
            "significance",
            18,
            lambda item: item.note or significance(item.head, 18),
            "",
            left=True,
            spare=1,
        ),
        Column("samples", 13, count, "", spare=2),
    )
