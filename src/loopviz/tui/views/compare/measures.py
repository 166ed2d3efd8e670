"""The compare view's rows: routes, the loop, resources and counters, with their figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from loopviz.clock import SECOND
from loopviz.model.snapshot import (
    Comparison,
    CounterComparison,
    LoopFigures,
    Pair,
    ResourceComparison,
    RouteComparison,
)
from loopviz.tui.panels.names import short_name_of
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import (
    Figure,
    as_duration,
    as_rate,
    bad_counters,
    growth_figure,
    quantile_figures,
)

__all__ = ["ComparisonRow", "comparison_rows"]

ComparisonKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A row of the table: what was measured before and after."""

    key: ComparisonKey
    name: str
    head: Figure
    """The one that the table shows."""
    figures: Sequence[Figure]
    route: RouteComparison | None = None
    """If it is one: its latencies can be drawn."""


def comparison_rows(comparison: Comparison, scene: Scene) -> list[ComparisonRow]:
    """Counters that should stand still and do not; then routes, the loop, and the rest."""
    bad = bad_counters(comparison)
    return [
        *map(_counter, bad),
        *map(_route, comparison.routes),
        *([_loop(comparison.loop, comparison.lasted_ns)] if comparison.comparable else []),
        *(_resource(one, scene) for one in comparison.resources if _mattered(one)),
        *(_counter(counter) for counter in comparison.counters if counter not in bad),
    ]


def _route(route: RouteComparison) -> ComparisonRow:
    figures = [
        *quantile_figures(route),
        Figure("failed", *_failed(route), _share),
        Figure("answered /s", *route.rps, as_rate, less_is_better=None),
    ]
    return ComparisonRow(("route", route.route), route.route, figures[2], figures, route)


def _failed(route: RouteComparison) -> tuple[float, float]:
    """The shares of failed requests, before and after."""
    counts = route.before.count, route.after.count
    was, now = (n / max(count, 1) for n, count in zip(route.errors, counts, strict=True))
    return was, now


def _loop(loop: Pair[LoopFigures], lasted_ns: Pair[int]) -> ComparisonRow:
    was, now = loop
    before_s, after_s = (max(ns, 1) / SECOND for ns in lasted_ns)
    figures = [
        Figure("busy", was.utilization, now.utilization, _share),
        Figure("lag p99", was.lag.p99_ns, now.lag.p99_ns, as_duration),
        Figure("lag max", was.lag.max_ns, now.lag.max_ns, as_duration),
        Figure("ready delay p99", was.ready_delay.p99_ns, now.ready_delay.p99_ns, as_duration),
        Figure("stalls /s", was.stalls / before_s, now.stalls / after_s, as_rate),
        Figure("blocked, of 1 s", was.stalled_ns / before_s, now.stalled_ns / after_s, as_duration),
        Figure("victims /s", was.victims / before_s, now.victims / after_s, as_rate),
    ]
    return ComparisonRow(("loop", ""), "LOOP", figures[1], figures)


def _resource(resource: ResourceComparison, scene: Scene) -> ComparisonRow:
    was, now = resource.of
    figures = [
        Figure("waited p99", *_waited(resource, "p99_ns"), as_duration),
        Figure("waited p50", *_waited(resource, "p50_ns"), as_duration),
        Figure("waiting, mean", was.waiting, now.waiting, as_rate),
        Figure("waiting, max", was.waiting_max, now.waiting_max, _count),
        Figure("in use, mean", was.in_use, now.in_use, as_rate, less_is_better=None),
        Figure("in use, max", was.in_use_max, now.in_use_max, _count, less_is_better=None),
    ]
    head = figures[0] if was.waited.count or now.waited.count else figures[4]
    return ComparisonRow(
        ("resource", resource.name), short_name_of(resource.name, scene), head, figures
    )


def _waited(resource: ResourceComparison, name: str) -> tuple[int | None, int | None]:
    """None where nobody waited."""
    was, now = (
        getattr(phase.waited, name) if phase.waited.count else None for phase in resource.of
    )
    return was, now


def _mattered(resource: ResourceComparison) -> bool:
    """It was waited for, or in use for more than an instant."""
    return any(
        phase.waited.count or phase.waiting_max or phase.in_use >= 0.05 for phase in resource.of
    )


def _counter(counter: CounterComparison) -> ComparisonRow:
    figure = growth_figure(counter)
    return ComparisonRow(("counter", counter.key), counter.title, figure, [figure])


def _count(value: float) -> str:
    return f"{int(value):,}"


def _share(value: float) -> str:
    percent = value * 100
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"
