"""From the models of a run's workers to the frozen totals of the run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from loopviz.model.model import Model
from loopviz.model.snapshot import Quantiles, ResourceInfo
from loopviz.model.snapshot.merge import add_findings, worker_label
from loopviz.model.snapshot.totals import (
    LoopCounts,
    LoopTotals,
    ProbeTotals,
    RouteTotals,
    RunTotals,
    SaidTotals,
    StreamTotals,
    TaskTotals,
    WorkerTotals,
)
from loopviz.model.state.routes import scaled

__all__ = ["add_earlier", "run_totals"]

_FINDINGS, _SAID = 200, 200
"""How many findings, and how many texts, are kept of workers that have ended."""
_Counts = TypeVar("_Counts", TaskTotals, LoopCounts)


def run_totals(models: Sequence[Model], now_ns: int = 0) -> RunTotals:
    """The totals of all workers, the first one's model first: that one knows the load.

    Whatever has not ended counts up to `now_ns`, or to the newest event if that is later.
    """
    now = max(now_ns, *(model.health().newest_ns for model in models))
    workers = list(enumerate(models, 1))
    counters = [model.counters.values() for model in models]
    return RunTotals(
        routes=tuple(_routes(models[0], now)),
        workers=tuple(
            WorkerTotals(number=number, loop=_loop(model, now), probe=_probe(model))
            for number, model in workers
        ),
        resources=tuple(
            replace(info, name=worker_label(info.name, number))
            for number, model in workers
            for info in model.builder.resources(now, now)
            if _was_used(info)
        ),
        jobs=tuple(
            replace(stats, name=worker_label(stats.name, number))
            for number, model in workers
            for stats in model.builder.jobs()
        ),
        tasks=_copied(TaskTotals, [model.trace.tasks for model in models]),
        findings=add_findings([model.findings(now) for model in models]),
        counters={key: _sum(values[key] for values in counters) for key in counters[0]},
        gone=sum((Counter(model.trace.requests.gone) for model in models), Counter()),
        streams=tuple(_streams(models)),
        said=tuple(_said(models)),
    )


def add_earlier(totals: RunTotals, earlier: RunTotals) -> RunTotals:
    """Adds what can be added up of workers that have ended earlier, in bounded memory."""
    both = totals, earlier
    findings = add_findings([of.findings for of in both])
    return replace(
        totals,
        tasks=_copied(TaskTotals, [of.tasks for of in both]),
        findings=findings if len(findings) <= _FINDINGS else findings[:_FINDINGS],
        gone=sum((Counter(of.gone) for of in both), Counter()),
        streams=tuple(_add_streams([*totals.streams, *earlier.streams])),
        said=tuple(_add_said([*totals.said, *earlier.said]))[:_SAID],
        earlier=totals.earlier + earlier.earlier + len(earlier.workers),
    )


def _streams(models: Iterable[Model]) -> Iterator[StreamTotals]:
    names = [field.name for field in fields(StreamTotals) if field.name != "route"]
    return _add_streams(
        StreamTotals(route=route, **{name: getattr(sums, name) for name in names})
        for model in models
        for route, sums in model.trace.requests.streams().items()
    )


def _add_streams(streams: Iterable[StreamTotals]) -> Iterator[StreamTotals]:
    by_route: dict[str, list[StreamTotals]] = {}
    for stream in streams:
        by_route.setdefault(stream.route, []).append(stream)
    for route, of_route in by_route.items():
        yield StreamTotals(
            route=route,
            count=sum(one.count for one in of_route),
            open=sum(one.open for one in of_route),
            sent=sum(one.sent for one in of_route),
            received=sum(one.received for one in of_route),
            first_ns=max(one.first_ns for one in of_route),
            gap_ns=max(one.gap_ns for one in of_route),
        )


def _said(models: Iterable[Model]) -> Iterator[SaidTotals]:
    return _add_said(
        SaidTotals(
            kind=kind,
            level=level,
            text=text,
            count=sums.count,
            first_ns=sums.mark.at_ns,
            last_ns=sums.last_ns,
        )
        for model in models
        for (kind, level, text), sums in model.said.items()
    )


def _add_said(said: Iterable[SaidTotals]) -> Iterator[SaidTotals]:
    by_text: dict[tuple[str, str, str], list[SaidTotals]] = {}
    for one in said:
        by_text.setdefault((one.kind, one.level, one.text), []).append(one)
    totals = [
        replace(
            of_text[0],
            count=sum(one.count for one in of_text),
            first_ns=min(one.first_ns for one in of_text),
            last_ns=max(one.last_ns for one in of_text),
        )
        for of_text in by_text.values()
    ]
    yield from sorted(totals, key=lambda said: said.first_ns)


def _routes(model: Model, now: int) -> Iterator[RouteTotals]:
    until = min(now, model.routes.as_of_ns or now)  # what came back since then is not known
    for route in model.routes.routes:
        latency = route.latency_until(until)
        yield RouteTotals(
            route=route.name,
            offered_rps=route.rps * model.routes.factor,
            sent=route.sent,
            ok=route.ok,
            errors=dict(route.errors) | ({"shed": route.shed} if route.shed else {}),
            unanswered=route.in_flight,
            latency=latency.quantiles,
            lower_bounds=latency.at_least,
            late_sends=route.late_sends(),
            clients=scaled(route.clients, model.routes.factor),
            load_busy=model.routes.busy_share,
        )


def _loop(model: Model, now: int) -> LoopTotals:
    loop, distributions, full = (
        model.loop,
        model.distributions(now),
        model.trace.coverage != "steps",
    )
    return LoopTotals(
        counts=_copied(LoopCounts, [loop]) if full else None,
        utilization=loop.utilization_until(now) if full else None,
        lag=distributions.lag.quantiles,
        ready_delay=distributions.ready_delay.quantiles if full else Quantiles(),
        callback=distributions.callback.quantiles,
        gc=model.trace.pauses.stats(),
        loops=loop.loops,
    )


def _probe(model: Model) -> ProbeTotals:
    health, loop, cost = model.health(), model.loop, model.trace.overhead_ns
    busy = loop.busy_since_begin_ns
    return ProbeTotals(
        coverage=model.trace.coverage,
        events=health.events,
        dropped_events=health.dropped_events,
        failed_hooks=health.failed_hooks,
        ns_per_event=cost,
        cpu_share=cost * loop.events / busy if cost is not None and busy else None,
    )


def _copied(totals: type[_Counts], tables: Sequence[object]) -> _Counts:
    """The sums of those attributes of the tables that have the names of the fields of `totals`."""
    names = [field.name for field in fields(totals)]
    return totals(**{name: sum(getattr(table, name) for table in tables) for name in names})


def _was_used(info: ResourceInfo) -> bool:
    return bool(info.in_use.max or info.waiting.max or info.waited.count or info.given_up.count)


def _sum(values: Iterable[int | None]) -> int | None:
    """None if none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
