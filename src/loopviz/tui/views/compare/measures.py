"""The compare view's rows: routes, the loop, resources and counters, with their figures."""

from collections.abc import Callable, Sequence
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
from loopviz.tui.panels.change import (
    Figure,
    as_count,
    as_duration,
    as_rate,
    as_share,
    bad_counters,
    growth_figure,
    none_answered,
    quantile_figures,
    quantile_pair,
)
from loopviz.tui.panels.names import short_name_of
from loopviz.tui.panels.scene import Scene

__all__ = ["ComparisonRow", "comparison_rows"]

ComparisonKey = tuple[str, str]
Show = Callable[[float], str]


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
    note: str = ""
    """Why there is nothing to compare: `not used since`, `– none answered, 24 open, …`."""


def comparison_rows(comparison: Comparison, scene: Scene) -> list[ComparisonRow]:
    """Counters that should stand still and do not; then routes, the loop, and the rest."""
    bad = bad_counters(comparison)
    return [
        *map(_counter, bad),
        *map(_route, comparison.routes),
        *([_loop(comparison.loop, comparison.lasted_ns)] if comparison.comparable else []),
        *(
            _resource(one, scene, measured=comparison.lasted_ns.after >= SECOND)
            for one in comparison.resources
            if _mattered(one)
        ),
        *(_counter(counter) for counter in comparison.counters if counter not in bad),
    ]


def _route(route: RouteComparison) -> ComparisonRow:
    figures = [
        *quantile_figures(route),
        Figure("failed", *_failed(route), as_share),
        Figure("answered /s", *route.rps, as_rate, less_is_better=None),
    ]
    note = none_answered(route) if route.open and not route.after.count else ""
    return ComparisonRow(
        ("route", route.route), route.route, figures[2], figures, route, note=note.lstrip("– ")
    )


def _failed(route: RouteComparison) -> tuple[float | None, float | None]:
    """The shares of failed requests, before and after."""
    counts = route.before.count, route.after.count
    was, now = (n / count if count else None for n, count in zip(route.errors, counts, strict=True))
    return was, now


def _loop(loop: Pair[LoopFigures], lasted_ns: Pair[int]) -> ComparisonRow:
    was, now = loop

    def rate(title: str, name: str, show: Show) -> Figure:
        before, after = (
            getattr(figures, name) / (ns / SECOND) if ns >= SECOND else None
            for figures, ns in zip(loop, lasted_ns, strict=True)
        )
        return Figure(title, before, after, show)

    known = lasted_ns.after >= SECOND
    figures = [
        Figure("busy", was.utilization, now.utilization if known else None, as_share),
        Figure("lag p99", *quantile_pair(was.lag, now.lag, "p99_ns"), as_duration),
        Figure("lag max", *quantile_pair(was.lag, now.lag, "max_ns"), as_duration),
        Figure(
            "ready delay p99",
            *quantile_pair(was.ready_delay, now.ready_delay, "p99_ns"),
            as_duration,
        ),
        rate("stalls /s", "stalls", as_rate),
        rate("blocked, of 1 s", "stalled_ns", as_duration),
        rate("victims /s", "victims", as_rate),
    ]
    return ComparisonRow(("loop", ""), "LOOP", figures[1], figures)


def _resource(resource: ResourceComparison, scene: Scene, *, measured: bool) -> ComparisonRow:
    """`measured`: enough time has passed since the change to say how much it is in use."""
    was, now = resource.of
    gone = measured and not now.used

    def level(title: str, name: str, show: Show, *, less_is_better: bool | None = True) -> Figure:
        after = None if gone or not measured else getattr(now, name)
        return Figure(title, getattr(was, name), after, show, less_is_better=less_is_better)

    figures = [
        Figure("waited p99", *quantile_pair(was.waited, now.waited, "p99_ns"), as_duration),
        Figure("waited p50", *quantile_pair(was.waited, now.waited, "p50_ns"), as_duration),
        level("waiting, mean", "waiting", as_rate),
        level("waiting, max", "waiting_max", as_count),
        level("in use, mean", "in_use", as_rate, less_is_better=None),
        level("in use, max", "in_use_max", as_count, less_is_better=None),
    ]
    head = figures[0] if was.waited.count or now.waited.count else figures[4]
    note = "not used since" if gone else ""
    return ComparisonRow(
        ("resource", resource.name), short_name_of(resource.name, scene), head, figures, note=note
    )


def _mattered(resource: ResourceComparison) -> bool:
    """It was waited for, or in use for more than an instant."""
    return any(
        phase.waited.count or phase.waiting_max or phase.in_use >= 0.05 for phase in resource.of
    )


def _counter(counter: CounterComparison) -> ComparisonRow:
    figure = growth_figure(counter)
    return ComparisonRow(("counter", counter.key), counter.title, figure, [figure])
