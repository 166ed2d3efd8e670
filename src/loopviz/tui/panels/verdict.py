"""Verdicts on a comparison: what has become better or worse, in a few words."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison, CounterComparison, RouteComparison
from loopviz.tui.draw.text import clean, duration, elapsed
from loopviz.tui.panels.scene import Scene

__all__ = [
    "Figure",
    "any_significant",
    "as_duration",
    "as_rate",
    "bad_counters",
    "effect",
    "fix_letters",
    "fixes_change",
    "fixes_label",
    "growth_figure",
    "headline_figure",
    "headline_routes",
    "is_same",
    "most_sampled",
    "quantile_figures",
    "relative_change",
    "still_grows",
    "verdict",
]

SAME_BELOW, STRONG_FROM = 0.05, 0.5
"""Relative changes: smaller ones count as none; from `STRONG_FROM` on a change is coloured even if
its significance is unknown."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, before and after."""

    title: str
    before: float | None
    after: float | None
    """None: there was nothing to measure."""
    show: Callable[[float], str]
    significant: bool | None = None
    """True if the change is significant; None: such a figure has no confidence interval."""
    less_is_better: bool | None = True
    """None: neither is."""
    count: tuple[int, int] | None = None
    """Samples before and after."""

    def texts(self) -> tuple[str, str]:
        """Before and after, as people read them."""
        was, now = (
            "–" if value is None else self.show(value) for value in (self.before, self.after)
        )
        return was, now


def relative_change(before: float, after: float) -> float:
    """Relative change, -0.86 for 86 % less; 0 when there is nothing to compare with."""
    return (after - before) / before if before > 0 else 0.0


def verdict(figure: Figure, scene: Scene) -> tuple[str, Style]:
    """`▼ 86 %`, `▲ 40 %`, `▲ ×3.2`, `= same` within a twentieth; from nothing: `▲ new`."""
    theme, glyphs = scene.theme, scene.glyphs
    before, after = figure.before, figure.after
    if before is None or after is None:
        return "", theme.dim
    moved = relative_change(before, after)
    if is_same(figure):
        return "= same", theme.dim
    less = after < before
    better = None if figure.less_is_better is None else less == figure.less_is_better
    style = theme.strong if better is None else theme.good if better else theme.worse
    if (
        not (figure.significant or (figure.significant is None and abs(moved) >= STRONG_FROM))
        and before
        and after
    ):
        style = theme.text
    if less:  # what is not gone is not 100 % less
        return f"{glyphs.down} {f'{min(99, -moved * 100):3.0f} %' if after else 'gone'}", style
    if not before:
        return f"{glyphs.up} new", style
    if moved >= 2:
        return f"{glyphs.up} {glyphs.times}{moved + 1:.{1 if moved < 99 else 0}f}", style
    return f"{glyphs.up} {moved * 100:3.0f} %", style


def is_same(figure: Figure) -> bool:
    """True if before and after differ by less than a twentieth."""
    before, after = figure.before, figure.after
    if before is None or after is None or before == after:
        return before == after
    return before > 0 and abs(relative_change(before, after)) < SAME_BELOW


def quantile_figures(route: RouteComparison) -> list[Figure]:
    """p50, p90, p99 and the maximum, of a route's latency."""
    before, after = route.before, route.after
    count = before.count, after.count
    pairs = (
        ("p50", before.p50_ns, after.p50_ns, route.significant[0]),
        ("p90", before.p90_ns, after.p90_ns, route.significant[1]),
        ("p99", before.p99_ns, after.p99_ns, route.significant[2]),
        ("max", before.max_ns, after.max_ns, None),
    )
    return [Figure(*pair[:3], as_duration, pair[3], count=count) for pair in pairs]


def growth_figure(counter: CounterComparison) -> Figure:
    """The figure of a counter's growth per second."""
    better = True if counter.bad else None
    return Figure("per second", *counter.per_s, as_rate, less_is_better=better)


def bad_counters(comparison: Comparison) -> list[CounterComparison]:
    """The counters that ought to stand still and do not, or did not."""
    return [counter for counter in comparison.counters if counter.bad and any(counter.grew)]


def still_grows(counter: CounterComparison) -> bool:
    """True if it still grows by more than what was under way at the change."""
    return counter.per_s.after > counter.per_s.before * 0.1


def as_rate(value: float) -> str:
    """`8.1`, `1,200`."""
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def as_duration(ns: float) -> str:
    """A duration as a figure."""
    return duration(int(ns), " ")


def headline_routes(comparison: Comparison, rows: int) -> tuple[RouteComparison, ...]:
    """The `rows` routes that changed most, what is sure first; in the load's order."""

    def size(route: RouteComparison) -> tuple[bool, bool, float]:
        if not route.enough or not route.before.p99_ns or not route.after.p99_ns:
            return False, False, min(route.before.count, route.after.count)
        moved = math.log(route.after.p99_ns / route.before.p99_ns)
        return True, any(route.significant), abs(moved)

    kept = sorted(comparison.routes, key=size, reverse=True)[:rows]
    return tuple(route for route in comparison.routes if route in kept)


def most_sampled(comparison: Comparison) -> RouteComparison | None:
    """The route that is first to have enough samples."""
    routes = comparison.routes
    return max(routes, key=lambda r: min(r.before.count, r.after.count), default=None)


def headline_figure(route: RouteComparison) -> Figure:
    """The route's headline: the highest quantile that has certainly changed, else p99."""
    p50, p90, p99, _ = quantile_figures(route)
    return next((figure for figure in (p99, p90, p50) if figure.significant), p99)


def any_significant(comparison: Comparison) -> bool:
    """True if any route has changed significantly."""
    return any(any(route.significant) for route in comparison.routes if route.enough)


def effect(scene: Scene, comparison: Comparison) -> str:
    """The effect of the change in half a sentence; empty if none is known."""
    for counter in bad_counters(comparison):
        title, grew = clean(counter.title), counter.grew.after
        return f"{title}: {grew:,} since" if grew else f"no more {title}"
    findings = scene.snapshot.findings if scene.snapshot else ()
    finding = max(findings, key=lambda found: found.victims, default=None)
    if finding is None:
        return ""
    calm = elapsed(scene.end_ns - finding.last_ns)
    if scene.is_stale(finding):
        if not finding.victims:
            return f"{clean(finding.title).lower()}: not seen for {calm}"
        at_once = finding.last_ns <= comparison.since_ns + SECOND
        return f"{_delayed(finding.victims)} before, none {'since' if at_once else f'for {calm}'}"
    before, after = comparison.loop.before.victims, comparison.loop.after.victims
    if finding.rule == "slow-callback" and before:
        return f"{_delayed(before)} before, {after or 'none'} since"
    return ""


def _delayed(requests: int) -> str:
    return f"{requests:,} request{'s' if requests > 1 else ''} delayed"


def fix_letters(scene: Scene, keys: Iterable[str]) -> list[str]:
    """The keys of these fixes, in the scenario's order."""
    wanted = set(keys)
    named = [
        scene.letter(fix.key) or clean(fix.key) for fix in scene.scenario.fixes if fix.key in wanted
    ]
    return named + sorted(clean(key) for key in wanted if scene.fix(key) is None)


def fixes_label(scene: Scene, keys: Iterable[str]) -> str:
    """`a+b`: the letters of these fixes; `no fix` if there are none."""
    return "+".join(fix_letters(scene, keys)) or "no fix"


def fixes_change(scene: Scene, comparison: Comparison) -> str:
    """`no fix → a`: the fixes that were on before and after, by their letters."""
    before, after = (
        fixes_label(scene, comparison.before_fixes),
        fixes_label(scene, comparison.after_fixes),
    )
    return f"{before} {scene.glyphs.arrow} {after}"
