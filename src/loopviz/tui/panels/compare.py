"""The compare strip: what the last change did, and the next step."""

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison, CounterComparison, RouteComparison
from loopviz.tui.draw.text import Line, clean, fit, width_of
from loopviz.tui.panels.finding import rule_line
from loopviz.tui.panels.layout import WIDE, Plan
from loopviz.tui.panels.next_step import Step, guide
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import (
    Figure,
    counted,
    headline,
    quantiles,
    side,
    sides,
    told,
    troubles,
    verdict,
)

__all__ = ["paint_compare"]


def paint_compare(scene: Scene, plan: Plan) -> list[Strip]:
    """Wide or tall terminals get a title row first; the last row is the guide's.

    On a single row there is the result, once there is one, and the next step until then.
    """
    width, height = plan.size("compare")
    comparison = scene.snapshot.comparison if scene.snapshot else None
    step = guide(scene)
    strips = []
    rows = height
    if height >= 3:
        note = sides(scene, comparison) if comparison else ""
        if comparison is not None and comparison.pinned:
            note += ", since the baseline"
        strips.append(rule_line(width, scene, "BEFORE / AFTER", scene.looks.title, note))
        rows -= 1
    guided = step is not None and (rows > 1 or not _has_result(comparison))
    results = _results(scene, comparison, width, rows - guided, titled=height >= 3)
    strips += results
    if guided and step is not None:
        strips.append(step_line(step, width, scene))
    blank = Line(width).strip(scene.looks.text)
    return (strips + [blank] * height)[:height]


def step_line(step: Step, width: int, scene: Scene) -> Strip:
    """` next  press a: …`; in fewer words where there is no room."""
    looks = scene.looks
    line = Line(width).add(f" {step.word}  ", looks.accent)
    text = step.text if width_of(step.text) <= line.left or not step.short else step.short
    style = looks.strong if step.word == "next" else looks.dim
    return line.add(fit(clean(text), line.left, scene.glyphs.more), style).strip(looks.text)


def _has_result(comparison: Comparison | None) -> bool:
    return comparison is not None and any(route.enough for route in comparison.routes)


def _results(
    scene: Scene, comparison: Comparison | None, width: int, rows: int, *, titled: bool
) -> list[Strip]:
    """What ought to stand still first, then the routes that changed most; or why there is none."""
    looks = scene.looks
    if rows <= 0:
        return []
    line = Line(width)
    if comparison is None:
        word = "nothing was changed yet" if scene.scenario.fixes else "this scenario has no fixes"
        return [line.add(f" {word}", looks.dim).strip(looks.text)] if titled else []
    if not comparison.comparable:
        was, now = (f"{scene.glyphs.times}{factor:g}" for factor in comparison.load)
        text = f" the load has changed, {was} to {now}: before and after are not comparable"
        return [line.add(fit(text, width, scene.glyphs.more), looks.warm).strip(looks.text)]
    if comparison.pinned and not comparison.started:
        seen = sum(route.before.count for route in comparison.routes)
        seconds = comparison.lasted_ns.before // SECOND
        text = f" baseline: {seconds} s with {side(scene, comparison.before_fixes)}, n {seen}"
        return [line.add(text, looks.text).strip(looks.text)]
    counters = troubles(comparison)[:rows] if _has_result(comparison) else []
    routes = headline(comparison, rows - len(counters))
    names = [counter.title for counter in counters] + [route.route for route in routes]
    wide = min(max((width_of(clean(name)) for name in names), default=0), 24)
    tag = "" if titled else f"{sides(scene, comparison)}  "
    strips: list[Strip] = []
    told_of: list[CounterComparison | RouteComparison] = [*counters, *routes]
    for one in told_of:
        line = Line(width).add(" " + (" " * width_of(tag) if strips else tag), looks.accent)
        if isinstance(one, RouteComparison):
            strips.append(_row(line, one, comparison, wide, scene))
        else:
            line.add(fit(clean(one.title), wide, scene.glyphs.more), looks.text)
            _figure(line, counted(one), scene)
            strips.append(line.strip(looks.text))
    return strips


def _row(line: Line, route: RouteComparison, of: Comparison, wide: int, scene: Scene) -> Strip:
    looks, glyphs = scene.looks, scene.glyphs
    line.add(fit(clean(route.route), wide, glyphs.more), looks.text)
    if not route.enough:
        few = min(route.before.count, route.after.count)
        where = " from before" if route.before.count < of.needed else ""
        line.add(f"  comparing{glyphs.more} {few} of {of.needed} samples{where}", looks.dim)
        return line.strip(looks.text)
    p50, _, p99, most = quantiles(route)
    figures = [p50, p99, most] if line.width >= WIDE else [told(route)]
    for figure in figures:
        _figure(line, figure, scene)
    samples = f"  (n {route.before.count} {glyphs.arrow} {route.after.count})"
    unsure = [
        f.title for f in figures if f.sure is False and not verdict(f, scene)[0].startswith("=")
    ]
    if width_of(samples) <= line.left:
        line.add(samples, looks.dim)
    state = "not sure" if of.full else "not sure yet"
    which = f"{'+'.join(unsure)} " if len(figures) > 1 else ""
    texts = (f"  {which}{state}", "  unsure") if unsure else ()
    line.add(next((text for text in texts if width_of(text) <= line.left), ""), looks.dim)
    return line.strip(looks.text)


def _figure(line: Line, figure: Figure, scene: Scene) -> None:
    looks, glyphs = scene.looks, scene.glyphs
    was, now = figure.texts()
    line.add(f"  {figure.title} ", looks.dim).add(f"{was:>7}", looks.text)
    line.add(f" {glyphs.arrow} ", looks.dim).add(f"{now:<7}", looks.strong)
    text, style = verdict(figure, scene)
    line.add(f" {text:<7}", style)
