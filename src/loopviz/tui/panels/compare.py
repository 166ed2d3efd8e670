"""The compare strip: what the last change did, and the next step."""

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison, RouteComparison
from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, first_fitting, fit
from loopviz.tui.panels.change import (
    Figure,
    bad_counters,
    change,
    fixes_change,
    fixes_label,
    growth_figure,
    headline_figure,
    headline_routes,
    level_figure,
    none_answered,
    quantile_figures,
)
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.layout import WIDE_CELLS, Plan
from loopviz.tui.panels.next_step import NextStep, next_step
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import verdict_style, verdict_text

__all__ = ["draw_compare"]


def draw_compare(scene: Scene, plan: Plan) -> list[Strip]:
    """Wide or tall terminals get a title row first: the verdict. The last row is the guide's."""
    width, height = plan.size("compare")
    comparison = scene.snapshot.comparison if scene.snapshot else None
    step = next_step(scene)
    strips = []
    rows = height
    if height >= 3:
        note = fixes_change(scene, comparison) if comparison else ""
        if comparison is not None and comparison.pinned:
            note += ", since the baseline"
        if comparison is not None and any(comparison.at_limit):
            note += ", the load at its limit"
        if scene.frozen and comparison is not None:
            note += ", as of the freeze"
        title, style = "BEFORE / AFTER", scene.theme.title
        if verdict := verdict_text(scene):
            title, style = _cut(verdict, width - len(note) - 8, scene), verdict_style(scene)
        strips.append(heading_line(width, scene, title, style, note))
        rows -= 1
    guided = step is not None
    results = _results(scene, comparison, width, rows - guided, titled=height >= 3)
    strips += results
    if guided and step is not None:
        strips.append(step_line(step, width, scene))
    return fill_rows(strips, width, height, scene.theme.text)


def _cut(text: str, width: int, scene: Scene) -> str:
    return fit(text, min(cell_width(text), width), scene.glyphs.more)


def step_line(step: NextStep, width: int, scene: Scene) -> Strip:
    """` next  press a: …`; in fewer words where there is no room.

    The last column stays free, so a sentence that fills the row does not look cut.
    """
    theme = scene.theme
    line = Line(width).add(f" {step.word}  ", theme.accent)
    room = line.left - 1
    text = first_fitting(step.texts, room)
    style = theme.strong if step.word == "next" else theme.dim
    line.add(fit(clean(text), room, scene.glyphs.more) + " ", style)
    return line.strip(theme.text)


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
    singles = _single_figures(comparison)[:rows] if _has_result(comparison) else []
    routes = headline_routes(comparison, rows - len(singles))
    names = [name for name, _ in singles] + [route.route for route in routes]
    wide = min(max((cell_width(clean(name)) for name in names), default=0), 24)
    tag = "" if titled else f"{fixes_change(scene, comparison)}  "
    lines = [Line(width).add(f" {tag}", theme.accent)]
    lines += [Line(width).to(1 + cell_width(tag), theme.text) for _ in names[1:]]
    strips: list[Strip] = []
    for line, (name, figure) in zip(lines, singles, strict=False):
        line.add(fit(clean(name), wide, scene.glyphs.more), theme.text)
        _figure(line, figure, scene)
        strips.append(line.strip(theme.text))
    for line, route in zip(lines[len(singles) :], routes, strict=False):
        strips.append(_row(line, route, comparison, wide, scene))
    return strips


def _single_figures(comparison: Comparison) -> list[tuple[str, Figure]]:
    """The headline, if it is no route's; then the counters that should stand still and do not."""
    headline = comparison.headline
    figure = level_figure(headline) if headline is not None else None
    first = [(headline.title, figure)] if headline is not None and figure is not None else []
    return first + [(one.title, growth_figure(one)) for one in bad_counters(comparison)]


def _row(line: Line, route: RouteComparison, of: Comparison, wide: int, scene: Scene) -> Strip:
    theme, glyphs = scene.theme, scene.glyphs
    line.add(fit(clean(route.route), wide, glyphs.more), theme.text)
    if route.open and not route.after.count:
        line.add(f"  {none_answered(route)}", theme.worse)
        return line.strip(theme.text)
    if not route.enough:
        was, now = route.before.count, route.after.count
        why = f"only {was} samples before the change: too few to compare"
        if was >= of.needed:
            why = f"comparing{glyphs.more} {now} samples so far"
        line.add(f"  {why}", theme.dim)
        return line.strip(theme.text)
    p50, _, p99, most = quantile_figures(route)
    several = line.width >= WIDE_CELLS and not scene.present
    figures = [p50, p99, most] if several else [headline_figure(route)]
    for figure in figures:
        _figure(line, figure, scene)
    samples = f"  (n {route.before.count} {glyphs.arrow} {route.after.count})"
    weak = [
        f.title
        for f in figures
        if f.significant is False and not change(f, scene)[0].startswith("=")
    ]
    if cell_width(samples) <= line.left and not scene.present:
        line.add(samples, theme.dim)
    state = "not significant" if of.full else "not significant yet"
    which = f"{'+'.join(weak)} " if len(figures) > 1 else ""
    texts = (f"  {which}{state}", "  uncertain") if weak else ()
    line.add(next((text for text in texts if cell_width(text) < line.left), ""), theme.dim)
    return line.strip(theme.text)


def _figure(line: Line, figure: Figure, scene: Scene) -> None:
    theme, glyphs = scene.theme, scene.glyphs
    was, now = figure.texts()
    title = f"{figure.title} " if figure.title else ""
    line.add(f"  {title}", theme.dim).add(f"{was:>7}", theme.text)
    line.add(f" {glyphs.arrow} ", theme.dim).add(f"{now:<7}", theme.strong)
    text, style = change(figure, scene)
    line.add(f" {text:<7}", style)
