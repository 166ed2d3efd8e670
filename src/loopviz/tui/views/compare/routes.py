"""The figures of one thing on both sides, how certain they are, and its latencies drawn."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.snapshot import (
    Comparison,
)
from loopviz.model.sure import SHARES, samples_for
from loopviz.tui.paint.finding import paragraph, rule_line
from loopviz.tui.paint.histogram import histogram_rows, paint_histogram
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, fit, width_of
from loopviz.tui.paint.verdict import Figure, verdict
from loopviz.tui.views.compare.things import Thing

__all__ = ["certainty", "paint_figures", "paint_rest"]

NEEDED = {f"p{share * 100:g}": samples_for(share) for share in SHARES}
TITLE, SIDE, CHANGE = 17, 8, 8
FIGURES = TITLE + 2 * SIDE + CHANGE + 19
"""Cells of a row of figures."""


def certainty(figure: Figure) -> str:
    """`sure`; `needs n of 368` while it cannot be; `not sure`; empty if nothing can be said."""
    if figure.sure is None:
        return ""
    if figure.sure:
        return "sure"
    least = NEEDED.get(figure.title, 0)
    few = figure.count is not None and min(figure.count) < least
    return f"needs n of {least}" if few else "not sure"


def paint_figures(thing: Thing, scene: Scene, width: int, height: int) -> list[Strip]:
    """A title, a row for each figure; of a route its latencies beside them, or below."""
    looks = scene.looks
    strips = [rule_line(width, scene, clean(thing.name), looks.title, _samples(thing, scene))]
    room = height - 1
    beside = thing.route is not None and room <= len(thing.figures) + 5
    cells = min(width, FIGURES)
    if beside and width < FIGURES + 28:
        cells = FIGURES - 7 if width >= FIGURES + 20 else min(width, FIGURES)
        beside = width >= cells + 20
    rows = [_figure_row(figure, scene, cells) for figure in (None, *thing.figures)][:room]
    if thing.route is None:
        return _filled(strips + [_wider(row, width, scene) for row in rows], width, height, scene)
    after, before = thing.route.latencies.after, thing.route.latencies.before
    if beside:
        drawn = paint_histogram(after, scene, width - cells - 1, room, before=before)
        gap = Line(1).strip(looks.text)
        rows = _filled(rows, cells, room, scene)
        strips += [Strip([*row, *gap, *bar], width) for row, bar in zip(rows, drawn, strict=True)]
        return _filled(strips, width, height, scene)
    strips += [_wider(row, width, scene) for row in rows]
    left = height - len(strips) - 2
    if left >= 3:
        glyph = "░" if scene.glyphs.eighths else ":"
        head = Line(width).add("  latency  ", looks.title)
        head.add(f"{scene.glyphs.run} now  ", looks.run).add(f"{glyph} before", looks.dim)
        strips += [Line(width).strip(looks.text), head.strip(looks.text)]
        strips += paint_histogram(after, scene, min(width, 90), left, before=before)
        strips = [_wider(row, width, scene) for row in strips]
    return _filled(strips, width, height, scene)


def paint_rest(
    scene: Scene,
    comparison: Comparison,
    rows: Sequence[Thing],
    chosen: Thing,
    width: int,
    height: int,
) -> list[Strip]:
    """What there is still room for: why the fix helps, then the latencies of the other routes."""
    looks = scene.looks
    blank = Line(width).strip(looks.text)
    strips: list[Strip] = []
    for fix in filter(None, map(scene.fix, comparison.after_fixes)):
        title = f"{scene.letter(fix.key)}  {clean(fix.title)}"
        why = f"It looks right, and is not: {fix.why}" if fix.wrong else fix.why
        head = rule_line(width, scene, fit(title, min(width_of(title), width - 4)), looks.title)
        style = looks.warm if fix.wrong else looks.text
        told = [blank, head, *paragraph(why, style, width, scene)]
        strips += told if len(strips) + len(told) <= height else []
    for thing in rows:
        route = thing.route
        if route is None or thing is chosen or not route.after.count:
            continue
        after, before = route.latencies.after, route.latencies.before
        lines = min(9, len(histogram_rows(after, 9, before)))
        if len(strips) + lines + 2 <= height:
            strips += [blank, rule_line(width, scene, clean(thing.name), looks.title, "latency")]
            strips += paint_histogram(after, scene, width, lines, before=before)
    return _filled(strips, width, height, scene)


def _samples(thing: Thing, scene: Scene) -> str:
    count = thing.head.count
    return "" if count is None else f"n {count[0]} {scene.glyphs.arrow} {count[1]}"


def _figure_row(figure: Figure | None, scene: Scene, width: int) -> Strip:
    """`  p50      104 ms   12 ms  ▼ 88 %  sure`; the head without a figure."""
    looks = scene.looks
    line = Line(width)
    if figure is None:
        line.add(
            f"{'':{TITLE}}{'before':>{SIDE}} {'after':>{SIDE}}  {'change':<{CHANGE}}", looks.dim
        )
        return line.strip(looks.text)
    line.add(fit(f"  {figure.title}", TITLE), looks.dim)
    was, now = figure.texts()
    line.add(f"{was:>{SIDE}} ", looks.text).add(f"{now:>{SIDE}}", looks.strong)
    text, style = verdict(figure, scene)
    line.add("  ", looks.text).add(f"{text:<{CHANGE}}", style)
    said = certainty(figure)
    said = said if width_of(said) < line.left else "not sure"
    if width_of(said) < line.left:
        line.add(f" {said}", looks.text if said == "sure" else looks.dim)
    return line.strip(looks.text)


def _wider(row: Strip, width: int, scene: Scene) -> Strip:
    return row if row.cell_length == width else row.adjust_cell_length(width, scene.looks.text)


def _filled(strips: list[Strip], width: int, height: int, scene: Scene) -> list[Strip]:
    blank = Line(width).strip(scene.looks.text)
    return (strips + [blank] * height)[:height]
