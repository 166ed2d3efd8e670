"""The compare strip: what the last change did, and the next step."""

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison, CounterComparison, RouteComparison
from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, first_fitting, fit
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.layout import WIDE_CELLS, Plan
from loopviz.tui.panels.next_step import NextStep, next_step
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import (
    Figure,
    bad_counters,
    fixes_change,
    fixes_label,
    growth_figure,
    headline_figure,
    headline_routes,
    quantile_figures,
    verdict,
)

__all__ = ["draw_compare"]


def draw_compare(scene: Scene, plan: Plan) -> list[Strip]:
    """Wide or tall terminals get a title row first; the last row is the guide's.

    On a single row there is the result, once there is one, and the next step until then.
    """
    width, height = plan.size("compare")
    comparison = scene.snapshot.comparison if scene.snapshot else None
    step = next_step(scene)
    strips = []
    rows = height
    if height >= 3:
        note = fixes_change(scene, comparison) if comparison else ""
        if comparison is not None and comparison.pinned:
            note += ", since the baseline"
        strips.append(heading_line(width, scene, "BEFORE / AFTER", scene.theme.title, note))
        rows -= 1
    guided = step is not None and (rows > 1 or not _has_result(comparison))
    results = _results(scene, comparison, width, rows - guided, titled=height >= 3)
    strips += results
    if guided and step is not None:
        strips.append(step_line(step, width, scene))
    return fill_rows(strips, width, height, scene.theme.text)


def step_line(step: NextStep, width: int, scene: Scene) -> Strip:
    """` next  press a: …`; in fewer words where there is no room."""
    theme = scene.theme
    line = Line(width).add(f" {step.word}  ", theme.accent)
    text = first_fitting(step.texts, line.left)
    style = theme.strong if step.word == "next" else theme.dim
    return line.add(fit(clean(text), line.left, scene.glyphs.more), style).strip(theme.text)


def _has_result(comparison: Comparison | None) -> bool:
    return comparison is not None and any(route.enough for route in comparison.routes)


def _results(
    scene: Scene, comparison: Comparison | None, width: int, rows: int, *, titled: bool
) -> list[Strip]:
    """Rows of the bad counters, then of the routes that changed most; or why there is none."""
    theme = scene.theme
    if rows <= 0:
        return []
    line = Line(width)
    if comparison is None:
        word = "no change yet" if scene.scenario.fixes else "this scenario has no fixes"
        word = "a program of your own has no fixes" if scene.is_program else word
        return [line.add(f" {word}", theme.dim).strip(theme.text)] if titled else []
    if not comparison.comparable:
        was, now = (f"{scene.glyphs.times}{factor:g}" for factor in comparison.load)
        text = f" the load has changed, {was} to {now}: before and after are not comparable"
        return [line.add(fit(text, width, scene.glyphs.more), theme.warm).strip(theme.text)]
    if comparison.pinned and not comparison.started:
        seen = sum(route.before.count for route in comparison.routes)
        seconds = comparison.lasted_ns.before // SECOND
        text = (
            f" baseline: {seconds} s with {fixes_label(scene, comparison.before_fixes)}, n {seen}"
        )
        return [line.add(text, theme.text).strip(theme.text)]
    counters = bad_counters(comparison)[:rows] if _has_result(comparison) else []
    routes = headline_routes(comparison, rows - len(counters))
    names = [counter.title for counter in counters] + [route.route for route in routes]
    wide = min(max((cell_width(clean(name)) for name in names), default=0), 24)
    tag = "" if titled else f"{fixes_change(scene, comparison)}  "
    strips: list[Strip] = []
    compared: list[CounterComparison | RouteComparison] = [*counters, *routes]
    for one in compared:
        line = Line(width).add(" " + (" " * cell_width(tag) if strips else tag), theme.accent)
        if isinstance(one, RouteComparison):
            strips.append(_row(line, one, comparison, wide, scene))
        else:
            line.add(fit(clean(one.title), wide, scene.glyphs.more), theme.text)
            _figure(line, growth_figure(one), scene)
            strips.append(line.strip(theme.text))
    return strips


def _row(line: Line, route: RouteComparison, of: Comparison, wide: int, scene: Scene) -> Strip:
    theme, glyphs = scene.theme, scene.glyphs
    line.add(fit(clean(route.route), wide, glyphs.more), theme.text)
    if not route.enough:
        few = min(route.before.count, route.after.count)
        where = " from before" if route.before.count < of.needed else ""
        line.add(f"  comparing{glyphs.more} {few} of {of.needed} samples{where}", theme.dim)
        return line.strip(theme.text)
    p50, _, p99, most = quantile_figures(route)
    figures = [p50, p99, most] if line.width >= WIDE_CELLS else [headline_figure(route)]
    for figure in figures:
        _figure(line, figure, scene)
    samples = f"  (n {route.before.count} {glyphs.arrow} {route.after.count})"
    weak = [
        f.title
        for f in figures
        if f.significant is False and not verdict(f, scene)[0].startswith("=")
    ]
    if cell_width(samples) <= line.left:
        line.add(samples, theme.dim)
    state = "not significant" if of.full else "not significant yet"
    which = f"{'+'.join(weak)} " if len(figures) > 1 else ""
    texts = (f"  {which}{state}", "  uncertain") if weak else ()
    line.add(next((text for text in texts if cell_width(text) <= line.left), ""), theme.dim)
    return line.strip(theme.text)


def _figure(line: Line, figure: Figure, scene: Scene) -> None:
    theme, glyphs = scene.theme, scene.glyphs
    was, now = figure.texts()
    line.add(f"  {figure.title} ", theme.dim).add(f"{was:>7}", theme.text)
    line.add(f" {glyphs.arrow} ", theme.dim).add(f"{now:<7}", theme.strong)
    text, style = verdict(figure, scene)
    line.add(f" {text:<7}", style)
