"""The compare strip: each route before and after the last change of fixes."""

import math

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Comparison, RouteComparison
from loopviz.tui.paint.finding import rule_line
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, duration, fit

__all__ = ["change", "headline", "paint_compare"]


def change(before_ns: int, after_ns: int) -> float:
    """Relative change, -0.86 for 86 % less; 0 when there is nothing to compare with."""
    return (after_ns - before_ns) / before_ns if before_ns > 0 else 0.0


def headline(comparison: Comparison, rows: int) -> tuple[RouteComparison, ...]:
    """The `rows` routes that changed most, in the load's order."""

    def size(route: RouteComparison) -> float:
        if not route.enough or not route.before.p99_ns or not route.after.p99_ns:
            return -1.0
        return abs(math.log(route.after.p99_ns / route.before.p99_ns))

    kept = sorted(comparison.routes, key=size, reverse=True)[:rows]
    return tuple(route for route in comparison.routes if route in kept)


def paint_compare(scene: Scene, plan: Plan) -> list[Strip]:
    """Wide or tall terminals get a title row first."""
    width, height = plan.size("compare")
    looks = scene.looks
    comparison = scene.snapshot.comparison if scene.snapshot else None
    titled = height >= 3
    strips = []
    if titled:
        note = _sides(comparison, scene) if comparison else ""
        strips.append(rule_line(width, scene, "BEFORE / AFTER", looks.title, note))
    if comparison is None:
        first = scene.scenario.fixes[:1]
        line = Line(width).add(" compare ", looks.accent)
        hint = "press a: the load stays the same, before and after appear here"
        if width < 72:
            hint = "press a: before and after appear here"
        line.add(hint if first else "this scenario has no fixes to compare", looks.dim)
        strips.append(line.strip(looks.text))
    else:
        routes = headline(comparison, height - titled)
        wide = max((len(clean(r.route)) for r in routes), default=0)
        tag = "" if titled else f"{_sides(comparison, scene)}  "
        for i, route in enumerate(routes):
            line = Line(width).add(" " + (tag if i == 0 else " " * len(tag)), looks.accent)
            strips.append(_row(line, route, comparison, min(wide, 24), scene))
    blank = Line(width).strip(looks.text)
    return (strips + [blank] * height)[:height]


def _sides(comparison: Comparison, scene: Scene) -> str:
    """`none → a`: the fixes that were on, by their letters."""

    def side(keys: tuple[str, ...]) -> str:
        return "+".join(sorted(scene.letter(key) or clean(key) for key in keys)) or "no fix"

    arrow = scene.glyphs.arrow
    return f"{side(comparison.before_fixes)} {arrow} {side(comparison.after_fixes)}"


def _row(
    line: Line, route: RouteComparison, comparison: Comparison, wide: int, scene: Scene
) -> Strip:
    looks, glyphs = scene.looks, scene.glyphs
    line.add(fit(clean(route.route), wide, glyphs.more), looks.text)
    if not route.enough:
        have = min(route.before.count, route.after.count)
        line.add(f"  comparing{glyphs.more} {have} of {comparison.needed} samples", looks.dim)
        return line.strip(looks.text)
    before, after = route.before, route.after
    quantiles = [("p99", before.p99_ns, after.p99_ns)]
    if line.width >= 120:
        quantiles.insert(0, ("p50", before.p50_ns, after.p50_ns))
        quantiles.append(("max", before.max_ns, after.max_ns))
    for name, old, new in quantiles:
        line.add(f"  {name} ", looks.dim).add(f"{duration(old, ' '):>7}", looks.text)
        line.add(f" {glyphs.arrow} ", looks.dim).add(f"{duration(new, ' '):<7}", looks.strong)
        line.add(*verdict(old, new, scene))
    return line.add(f"  (n {before.count} {glyphs.arrow} {after.count})", looks.dim).strip(
        looks.text
    )


def verdict(before_ns: int, after_ns: int, scene: Scene) -> tuple[str, Style]:
    """`▼ 86 %` better, `▲ 40 %` or `▲ ×3.2` worse, `= same` within a twentieth."""
    looks, glyphs = scene.looks, scene.glyphs
    moved = change(before_ns, after_ns)
    if abs(moved) < 0.05:
        return " = same ", looks.dim
    if moved < 0:
        return f" {glyphs.down} {-moved * 100:3.0f} %", looks.good
    if moved >= 2:
        return f" {glyphs.up} {glyphs.times}{moved + 1:4.1f}", looks.worse
    return f" {glyphs.up} {moved * 100:3.0f} %", looks.worse
