"""Changes of single figures: what has become more or less, in a few words."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.phases.headline import HeadlineComparison
from loopviz.model.snapshot import Comparison, CounterComparison, Quantiles, RouteComparison
from loopviz.tui.draw.text import clean, duration
from loopviz.tui.panels.scene import Scene

__all__ = [
    "Figure",
    "as_count",
    "as_duration",
    "as_rate",
    "as_share",
    "bad_counters",
    "change",
    "fix_letters",
    "fixes_change",
    "fixes_label",
    "growth_figure",
    "headline_figure",
    "headline_routes",
    "is_same",
    "level_figure",
    "most_sampled",
    "none_answered",
    "quantile_figures",
    "quantile_pair",
    "relative_change",
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


def change(figure: Figure, scene: Scene) -> tuple[str, Style]:
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
        gone = not after and figure.show is not as_duration
        return f"{glyphs.down} {'gone' if gone else f'{min(99, -moved * 100):3.0f} %'}", style
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
    count = route.before.count, route.after.count
    sure = (*route.significant, None)
    return [
        Figure(
            name,
            *quantile_pair(route.before, route.after, f"{name}_ns"),
            as_duration,
            significant,
            count=count,
        )
        for name, significant in zip(("p50", "p90", "p99", "max"), sure, strict=True)
    ]


def quantile_pair(before: Quantiles, after: Quantiles, name: str) -> tuple[int | None, int | None]:
    """Both values of that name; None where there was nothing to measure."""
    was, now = (getattr(of, name) if of.count else None for of in (before, after))
    return was, now


def none_answered(route: RouteComparison) -> str:
    """`– none answered, 24 open, oldest 4.2 s`: of the current phase there is no latency yet."""
    oldest = f"oldest {duration(route.oldest_ns, ' ')}"
    if route.answered.after:
        return f"– {route.answered.after:,} answered, {route.open:,} open, {oldest}"
    return f"– none answered, {route.open:,} open, {oldest}"


def growth_figure(counter: CounterComparison) -> Figure:
    """The figure of a counter's growth per second; its value, if that rather comes and goes."""
    better = True if counter.bad else None
    piled_up = counter.grew.before * 2 > counter.value.before > 0 <= counter.grew.after
    if counter.level and not piled_up:
        return Figure("at the end", *counter.value, as_count, less_is_better=better)
    was, now = counter.per_s
    known = counter.lately_ns >= SECOND  # of less time there is no pace to speak of
    return Figure("per second", was, now if known else None, as_rate, less_is_better=better)


def bad_counters(comparison: Comparison) -> list[CounterComparison]:
    """The counters that ought to stand still and do not, or did not; those that grow first."""
    bad = [counter for counter in comparison.counters if counter.bad and any(counter.grew)]
    return sorted(bad, key=lambda counter: counter.lately <= 0)


def level_figure(headline: HeadlineComparison) -> Figure | None:
    """The headline's figure, if it is neither a route's nor a counter's."""
    shows = {"level": as_count, "share": as_share, "duration": as_duration}
    if headline.metric.subject and headline.metric.unit != "level":
        return None
    return Figure("", headline.before, headline.after, shows[headline.metric.unit])


def as_share(value: float) -> str:
    """`4.5 %`, `80 %`."""
    percent = value * 100
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def as_count(value: float) -> str:
    """`1,200`."""
    return f"{int(value):,}"


def as_rate(value: float) -> str:
    """`8.1`, `1,200`."""
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def as_duration(ns: float) -> str:
    """A duration as a figure."""
    return duration(int(ns), " ")


def headline_routes(comparison: Comparison, rows: int) -> tuple[RouteComparison, ...]:
    """The route that the scenario is about, then those that changed most; in the load's order."""
    headline = comparison.headline
    about = headline.metric.subject if headline is not None else ""

    def size(route: RouteComparison) -> tuple[bool, bool, bool, float]:
        first = route.route == about
        if not route.enough or not route.before.p99_ns or not route.after.p99_ns:
            return first, False, False, min(route.before.count, route.after.count)
        moved = math.log(route.after.p99_ns / route.before.p99_ns)
        return first, True, any(route.significant), abs(moved)

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
