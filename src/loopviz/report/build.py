"""The report of a run: the stable JSON form (`"format": 1`)."""

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import loopviz
from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.snapshot import Finding, Quantiles, ResourceInfo
from loopviz.model.snapshot.merge import add_findings, named
from loopviz.model.state.routes import FIGURES

__all__ = ["build_report", "failed"]

FORMAT = 1

_TASKS = ("started", "raised", "cancelled", "never_retrieved", "outlived_parent", "lost")


def build_report(
    model: Model,
    *,
    target: str,
    fixes: list[str],
    started_at: str,
    duration_s: float,
    seed: int,
    now_ns: int = 0,
    others: Sequence[Model] = (),
) -> dict[str, Any]:
    """The whole run as JSON-ready values; see docs/report.md. Times are milliseconds.

    `model` is the first worker's, which knows the load; `others` those of worker 2, 3, …. What has
    not ended counts up to `now_ns`, or to the newest event.
    """
    models = [model, *others]
    now = max(now_ns, *(of.health().newest_ns for of in models))
    workers = list(enumerate(models, 1))
    report: dict[str, Any] = {
        "format": FORMAT,
        "loopviz": loopviz.__version__,
        "python": platform.python_version(),
        "target": target,
        "fixes": fixes,
        "started_at": started_at,
        "duration_s": round(duration_s, 3),
        "seed": seed,
        "load": list(_load(model, now)),
        "loop": _loop(model, now),
        "resources": [said for number, of in workers for said in _resources(of, number, now)],
        "tasks": {name: sum(getattr(of.trace.tasks, name) for of in models) for name in _TASKS},
        "findings": [
            _finding(found) for found in add_findings([of.findings(now) for of in models])
        ],
        "probe": _probe(model),
    }
    counters = [of.counters.values() for of in models]
    if counters[0]:
        report["counters"] = {key: _sum(of[key] for of in counters) for key in counters[0]}
    gone = sum((Counter(of.trace.requests.gone) for of in models), Counter())
    if gone:
        report["requests"] = [{"route": route, "gone": count} for route, count in gone.items()]
    if jobs := [said for number, of in workers for said in _jobs(of, number)]:
        report["jobs"] = jobs
    if others:
        report["workers"] = len(models)
        report["peers"] = [
            {"worker": number, "loop": _loop(of, now), "probe": _probe(of)}
            for number, of in workers[1:]
        ]
    return report


def failed(route: dict[str, Any]) -> int:
    """Of a report's `load[]`: requests that failed; who left did not wait for the answer."""
    return sum(count for kind, count in route["errors"].items() if kind != "left")


def _load(model: Model, now: int) -> Iterator[dict[str, Any]]:
    until = min(now, model.routes.as_of_ns or now)  # what came back since then is not known
    for route in model.routes.routes:
        errors = dict(route.errors)
        if route.shed:
            errors["shed"] = route.shed
        latency = route.latency_until(until)
        said = {
            "route": route.name,
            "offered_rps": round(route.rps * model.routes.factor, 3),
            "sent": route.sent,
            "ok": route.ok,
            "errors": errors,
            "unanswered": route.in_flight,
            "latency_ms": _ms(latency.quantiles, *FIGURES),
            "late_sends_ms": _ms(route.late(), "p99"),
        }
        if latency.at_least:
            said["latency_at_least"] = list(latency.at_least)
        yield said


def _loop(model: Model, now: int) -> dict[str, Any]:
    """What a loop of which only the steps are seen cannot tell is null."""
    loop, full, spreads = model.loop, model.trace.coverage == "full", model.spreads(now)
    delay = spreads.ready_delay.quantiles if full else Quantiles()
    pauses = model.trace.pauses
    return {
        "iterations": loop.iterations if full else None,
        "callbacks": loop.callbacks if full else None,
        "utilization": _rounded(loop.utilization_until(now)) if full else None,
        "lag_ms": _ms(spreads.lag.quantiles, "p50", "p99", "max"),
        "ready_delay_ms": _ms(delay, "p50", "p99", "max"),
        "callback_ms": _ms(spreads.callback.quantiles, "p50", "p99", "max"),
        "gc_ms": {
            "count": pauses.count,
            "total": round(pauses.total_ns / MS, 3),
            "max": round(pauses.max_ns / MS, 3),
        },
    }


def _was_used(view: ResourceInfo) -> bool:
    return bool(view.in_use.max or view.waiting.max or view.waited.count or view.given_up.count)


def _resources(model: Model, worker: int, now: int) -> list[dict[str, Any]]:
    views = model.views.resources(now, now)
    return [_resource(view, worker) for view in views if _was_used(view)]


def _resource(view: ResourceInfo, worker: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": named(view.name, worker),
        "kind": view.kind,
        "capacity": view.capacity or None,
        "in_use": {"mean": round(view.in_use.mean, 3), "max": view.in_use.max},
        "waiting": {"mean": round(view.waiting.mean, 3), "max": view.waiting.max},
        "wait_ms": _ms(view.waited, "p50", "p99"),
        "gave_up": view.given_up.count,
    }
    if view.instances > 1:
        said["instances"] = view.instances
    return said


def _jobs(model: Model, worker: int) -> list[dict[str, Any]]:
    return [
        {
            "executor": named(view.name, worker),
            "finished": view.finished,
            "raised": view.raised,
            "queued_ms": _ms(view.queued_times, "p50", "p99", "max"),
            "run_ms": _ms(view.run_times, "p50", "p99", "max"),
        }
        for view in model.views.jobs()
    ]


def _sum(values: Iterable[int | None]) -> int | None:
    """None if none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _probe(model: Model) -> dict[str, Any]:
    health, loop, overhead = model.health(), model.loop, model.trace.overhead_ns
    share = (
        overhead * loop.events / loop.busy_since_begin_ns
        if overhead and loop.busy_since_begin_ns
        else None
    )
    said: dict[str, Any] = {
        "level": model.trace.coverage,
        "events": health.events,
        "dropped_events": health.dropped_events,
        "ns_per_event": overhead,
        "cpu_share": _rounded(share),
    }
    if health.failed_hooks:
        said["failed_hooks"] = list(health.failed_hooks)
    return said


def _finding(found: Finding) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rule": found.rule,
        "severity": found.severity,
        "title": found.title,
        "sentence": found.sentence + ".",
        "count": found.count,
        "worst_ms": round(found.worst_ns / MS, 3),
        "total_ms": round(found.total_ns / MS, 3),
        "location": None,
        "victims": found.victims,
        "victim_wait_ms": round(found.victim_wait_ns / MS, 3),
    }
    if found.open:
        said["open"] = {"count": found.open, "longest_ms": round(found.open_ns / MS, 3)}
    if found.location is not None:
        where = found.location
        said["location"] = {"file": where.file, "line": where.line, "function": where.function}
    if found.suggested_fix:
        said["suggested_fix"] = found.suggested_fix
    return said


def _ms(of: Quantiles, *names: str) -> dict[str, float | None]:
    """The named quantiles in milliseconds; None where there are no values."""
    return {name: round(getattr(of, f"{name}_ns") / MS, 3) if of.count else None for name in names}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
