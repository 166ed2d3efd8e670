"""One item before and after: its figures, their significance, and its latencies drawn."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.phases.confidence import SHARES, samples_for
from loopviz.model.snapshot import Comparison, RouteComparison
from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, first_fitting, fit
from loopviz.tui.panels.change import Figure, change, is_same
from loopviz.tui.panels.finding import heading_line, paragraph
from loopviz.tui.panels.fixes import why_text
from loopviz.tui.panels.histogram import draw_histogram, histogram_rows
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.compare.measures import ComparisonRow

__all__ = ["draw_figures", "draw_further", "draw_rest", "figures_rows", "significance"]

SAMPLES_NEEDED = {f"p{share * 100:g}": samples_for(share) for share in SHARES}
"""Samples, before and after, that a quantile's confidence interval needs."""
TITLE_CELLS, VALUE_CELLS, CHANGE_CELLS = 17, 8, 8
FIGURES_CELLS = TITLE_CELLS + 2 * VALUE_CELLS + CHANGE_CELLS + 32
"""Cells of a figure's row."""
NARROW_CELLS = TITLE_CELLS + 2 * VALUE_CELLS + CHANGE_CELLS + 16
"""Cells of a row without the count of missing samples."""
MAX_RANGES = 12
"""The most rows of a histogram."""


def significance(figure: Figure, width: int) -> str:
    """The significance of a change, in as many words as fit; empty if it has none.

    `significant`, `not significant`, `too few samples (90 of 368)`.
    """
    if figure.significant is None:
        return ""
    if figure.significant:
        return first_fitting(("significant", ""), width)
    least = SAMPLES_NEEDED.get(figure.title, 0)
    few = min(figure.count) if figure.count is not None else least
    if few < least:
        count = f"{few} of {least}"
        texts = (f"too few samples ({count})", f"{count} samples", "too few", "")
        return first_fitting(texts, width)
    if is_same(figure):
        return ""
    return first_fitting(("not significant", "uncertain", ""), width)


def draw_figures(item: ComparisonRow, scene: Scene, width: int, height: int) -> list[Strip]:
    """A title, a row for each figure; of a route its latencies beside them, or below."""
    theme = scene.theme
    strips = [_title(item, scene, width)]
    room = height - 1
    beside = item.route is not None and height < figures_rows(item)
    cells = min(width, FIGURES_CELLS)
    if beside and width < FIGURES_CELLS + 28:
        cells = NARROW_CELLS if width >= NARROW_CELLS + 23 else min(width, FIGURES_CELLS)
        beside = width >= cells + 20
    rows = [_figure_row(figure, scene, cells) for figure in (None, *item.figures)][:room]
    if item.route is None:
        return fill_rows(
            strips + [_wider(row, width, scene) for row in rows], width, height, scene.theme.text
        )
    if beside:
        bars = _latency_histogram(item.route, scene, width - cells - 2, room)
        gap = Line(1).strip(theme.text)
        rows = fill_rows(rows, cells, room, scene.theme.text)
        pairs = zip(rows, bars, strict=True)
        strips += [Strip([*row, *gap, *bar, *gap], width) for row, bar in pairs]
        return fill_rows(strips, width, height, scene.theme.text)
    strips += [_wider(row, width, scene) for row in rows]
    left = height - len(strips) - 2
    if left >= min(3, _ranges(item.route)):
        glyph = "░" if scene.glyphs.eighths else ":"
        head = Line(width).add("  latency  ", theme.title)
        head.add(f"{scene.glyphs.run} now  ", theme.run).add(f"{glyph} before", theme.dim)
        strips += [Line(width).strip(theme.text), head.strip(theme.text)]
        bars = _latency_histogram(
            item.route, scene, min(width - 1, 90), min(left, _ranges(item.route))
        )
        strips += [_wider(row, width, scene) for row in bars]
    return fill_rows(strips, width, height, scene.theme.text)


def draw_further(
    rows: Sequence[ComparisonRow], chosen: ComparisonRow, scene: Scene, width: int, height: int
) -> list[Strip]:
    """The figures of the others, each whole, as many as there is room for."""
    blank = Line(width).strip(scene.theme.text)
    strips: list[Strip] = []
    for item in rows:
        if item is chosen or len(item.figures) == 1:
            continue
        if len(strips) + len(item.figures) + 3 > height:
            break
        figures = (_figure_row(figure, scene, min(width, FIGURES_CELLS)) for figure in item.figures)
        strips += [blank, _title(item, scene, width)]
        strips += [_wider(row, width, scene) for row in figures]
    return fill_rows(strips, width, height, scene.theme.text)


def figures_rows(item: ComparisonRow) -> int:
    """The rows that `draw_figures` can fill."""
    rows = 2 + len(item.figures)
    if item.route is not None:
        rows += 2 + _ranges(item.route)
    return rows


def draw_rest(
    scene: Scene,
    comparison: Comparison,
    rows: Sequence[ComparisonRow],
    chosen: ComparisonRow,
    width: int,
    height: int,
) -> list[Strip]:
    """Fill the rest with why the fix helps, then the latencies of the other routes."""
    theme = scene.theme
    blank = Line(width).strip(theme.text)
    strips: list[Strip] = []
    for fix in filter(None, map(scene.fix, comparison.after_fixes)):
        title = f"{scene.letter(fix.key)}  {clean(fix.title)}"
        if cell_width(title) > width - 5:
            title = title.partition("  #")[0]
        whole = cell_width(title) <= width - 5
        head = heading_line(width, scene, title if whole else scene.letter(fix.key), theme.title)
        style = theme.warm if fix.wrong else theme.text
        named = [] if whole else paragraph(fix.title, theme.strong, width, scene)
        section = [blank, head, *named, *paragraph(why_text(fix), style, width, scene)]
        strips += section if len(strips) + len(section) <= height else []
    for item in rows:
        route = item.route
        if route is None or item is chosen or not route.after.count:
            continue
        lines = _ranges(route)
        if len(strips) + lines + 2 <= height:
            strips += [blank, heading_line(width, scene, clean(item.name), theme.title, "latency")]
            bars = _latency_histogram(route, scene, width - 1, lines)
            strips += [_wider(row, width, scene) for row in bars]
    return fill_rows(strips, width, height, scene.theme.text)


def _ranges(route: RouteComparison) -> int:
    """Rows that its histogram can fill."""
    after, before = route.latencies.after, route.latencies.before
    return len(histogram_rows(after, MAX_RANGES, before))


def _latency_histogram(
    route: RouteComparison, scene: Scene, width: int, height: int
) -> list[Strip]:
    after, before = route.latencies.after, route.latencies.before
    return draw_histogram(after, scene, width, height, before=before)


def _title(item: ComparisonRow, scene: Scene, width: int) -> Strip:
    """`── GET /a ─ n 295 → 295 ──`."""
    name = fit(clean(item.name), min(cell_width(clean(item.name)), width - 5), scene.glyphs.more)
    return heading_line(width, scene, name, scene.theme.title, _samples(item, scene))


def _samples(item: ComparisonRow, scene: Scene) -> str:
    count = item.head.count
    return "" if count is None else f"n {count[0]} {scene.glyphs.arrow} {count[1]}"


def _figure_row(figure: Figure | None, scene: Scene, width: int) -> Strip:
    """`  p50      104 ms   12 ms  ▼ 88 %  significant`; the head without a figure."""
    theme = scene.theme
    line = Line(width)
    if figure is None:
        head = f"{'before':>{VALUE_CELLS}} {'after':>{VALUE_CELLS}}  {'change':<{CHANGE_CELLS}}"
        return line.to(TITLE_CELLS, theme.dim).add(head, theme.dim).strip(theme.text)
    line.add(fit(f"  {figure.title}", TITLE_CELLS), theme.dim)
    was, now = figure.texts()
    line.add(f"{was:>{VALUE_CELLS}} ", theme.text).add(f"{now:>{VALUE_CELLS}}", theme.strong)
    text, style = change(figure, scene)
    line.add("  ", theme.text).add(f"{text:<{CHANGE_CELLS}}", style)
    text = significance(figure, line.left - 1)
    line.add(f" {text}", theme.text if figure.significant else theme.dim)
    return line.strip(theme.text)


def _wider(row: Strip, width: int, scene: Scene) -> Strip:
    return row if row.cell_length == width else row.adjust_cell_length(width, scene.theme.text)
