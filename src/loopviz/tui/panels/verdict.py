"""What has become better or worse, in a few words."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison, CounterComparison, RouteComparison
from loopviz.tui.draw.text import clean, duration
from loopviz.tui.panels.scene import Scene

__all__ = [
    "Figure",
    "best",
    "change",
    "changed",
    "counted",
    "effect",
    "grows",
    "headline",
    "letters",
    "quantiles",
    "rate",
    "same",
    "shown",
    "side",
    "sides",
    "told",
    "troubles",
    "verdict",
]

SAME, MUCH = 0.05, 0.5
"""Less is no change; from there on it is told in colour even if nothing is known of its chance."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure on both sides."""

    title: str
    before: float | None
    after: float | None
    """None: there was nothing to measure."""
    show: Callable[[float], str]
    sure: bool | None = None
    """Whether it has changed for certain; None: that is not known of such a figure."""
    less_is_better: bool | None = True
    """None: neither is."""
    count: tuple[int, int] | None = None
    """Samples on both sides."""

    def texts(self) -> tuple[str, str]:
        """Before and after, as people read them."""
        was, now = (
            "–" if value is None else self.show(value) for value in (self.before, self.after)
        )
        return was, now


def change(before: float, after: float) -> float:
    """Relative change, -0.86 for 86 % less; 0 when there is nothing to compare with."""
    return (after - before) / before if before > 0 else 0.0


def verdict(figure: Figure, scene: Scene) -> tuple[str, Style]:
    """`▼ 86 %`, `▲ 40 %`, `▲ ×3.2`, `= same` within a twentieth; from nothing: `▲ new`."""
    looks, glyphs = scene.looks, scene.glyphs
    before, after = figure.before, figure.after
    if before is None or after is None:
        return "", looks.dim
    moved = change(before, after)
    if same(figure):
        return "= same", looks.dim
    less = after < before
    better = None if figure.less_is_better is None else less == figure.less_is_better
    style = looks.strong if better is None else looks.good if better else looks.worse
    if not (figure.sure or (figure.sure is None and abs(moved) >= MUCH)) and before and after:
        style = looks.text
    if less:  # what is not gone is not 100 % less
        return f"{glyphs.down} {f'{min(99, -moved * 100):3.0f} %' if after else 'gone'}", style
    if not before:
        return f"{glyphs.up} new", style
    if moved >= 2:
        return f"{glyphs.up} {glyphs.times}{moved + 1:.{1 if moved < 99 else 0}f}", style
    return f"{glyphs.up} {moved * 100:3.0f} %", style


def same(figure: Figure) -> bool:
    """Whether both sides are alike, within a twentieth."""
    before, after = figure.before, figure.after
    if before is None or after is None or before == after:
        return before == after
    return before > 0 and abs(change(before, after)) < SAME


def quantiles(route: RouteComparison) -> list[Figure]:
    """p50, p90, p99 and the maximum, of a route's latency."""
    before, after = route.before, route.after
    count = before.count, after.count
    pairs = (
        ("p50", before.p50_ns, after.p50_ns, route.significant[0]),
        ("p90", before.p90_ns, after.p90_ns, route.significant[1]),
        ("p99", before.p99_ns, after.p99_ns, route.significant[2]),
        ("max", before.max_ns, after.max_ns, None),
    )
    return [Figure(*pair[:3], shown, pair[3], count=count) for pair in pairs]


def counted(counter: CounterComparison) -> Figure:
    """How fast a counter grows."""
    better = True if counter.bad else None
    return Figure("per second", *counter.per_s, rate, less_is_better=better)


def troubles(comparison: Comparison) -> list[CounterComparison]:
    """The counters that ought to stand still and do not, or did not."""
    return [counter for counter in comparison.counters if counter.bad and any(counter.grew)]


def grows(counter: CounterComparison) -> bool:
    """Whether it still grows to speak of: not only by what was under way at the change."""
    return counter.per_s.after > counter.per_s.before * 0.1


def rate(value: float) -> str:
    """`8.1`, `1,200`."""
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def shown(ns: float) -> str:
    """A duration as a figure."""
    return duration(int(ns), " ")


def headline(comparison: Comparison, rows: int) -> tuple[RouteComparison, ...]:
    """The `rows` routes that changed most, what is sure first; in the load's order."""

    def size(route: RouteComparison) -> tuple[bool, bool, float]:
        if not route.enough or not route.before.p99_ns or not route.after.p99_ns:
            return False, False, min(route.before.count, route.after.count)
        moved = math.log(route.after.p99_ns / route.before.p99_ns)
        return True, any(route.significant), abs(moved)

    kept = sorted(comparison.routes, key=size, reverse=True)[:rows]
    return tuple(route for route in comparison.routes if route in kept)


def best(comparison: Comparison) -> RouteComparison | None:
    """The route that is first to have enough samples."""
    routes = comparison.routes
    return max(routes, key=lambda r: min(r.before.count, r.after.count), default=None)


def told(route: RouteComparison) -> Figure:
    """The route's figure to tell: the highest quantile that is sure to have changed, else p99."""
    p50, p90, p99, _ = quantiles(route)
    return next((figure for figure in (p99, p90, p50) if figure.sure), p99)


def changed(comparison: Comparison) -> bool:
    """Whether anything of the routes has changed for certain."""
    return any(any(route.significant) for route in comparison.routes if route.enough)


def effect(scene: Scene, comparison: Comparison) -> str:
    """What it did to whom, in half a sentence; empty if there is nothing to say."""
    for counter in troubles(comparison):
        since = f"{counter.grew.after:,} since" if counter.grew.after else "no more"
        return f"{clean(counter.title)}: {since}"
    findings = scene.snapshot.findings if scene.snapshot else ()
    finding = max(findings, key=lambda found: found.victims, default=None)
    if finding is None:
        return ""
    calm_s = (scene.end_ns - finding.last_ns) // SECOND
    if scene.stale(finding):
        if not finding.victims:
            return f"{clean(finding.title).lower()}: not seen for {calm_s} s"
        at_once = finding.last_ns <= comparison.since_ns + SECOND
        return f"{finding.victims} victims before, none {'since' if at_once else f'for {calm_s} s'}"
    before, after = comparison.loop.before.victims, comparison.loop.after.victims
    if finding.rule == "slow-callback" and before:
        return f"{before} victims before, {after or 'none'} since"
    return ""


def letters(scene: Scene, keys: Iterable[str]) -> list[str]:
    """The keys of these fixes, in the scenario's order."""
    wanted = set(keys)
    named = [
        scene.letter(fix.key) or clean(fix.key) for fix in scene.scenario.fixes if fix.key in wanted
    ]
    return named + sorted(clean(key) for key in wanted if scene.fix(key) is None)


def side(scene: Scene, keys: Iterable[str]) -> str:
    """`a+b`, or `no fix`."""
    return "+".join(letters(scene, keys)) or "no fix"


def sides(scene: Scene, comparison: Comparison) -> str:
    """`no fix → a`: the fixes that were on, by their letters."""
    before, after = side(scene, comparison.before_fixes), side(scene, comparison.after_fixes)
    return f"{before} {scene.glyphs.arrow} {after}"
