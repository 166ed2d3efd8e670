"""The report of a run: the stable JSON form (`"format": 1`) and the text people read."""

import platform
from collections.abc import Iterator
from typing import Any

import loopviz
from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.snapshot import Finding, JobsView, Quantiles, ResourceView

__all__ = ["build_report", "compare_table", "summary"]

FORMAT = 1


def build_report(
    model: Model,
    *,
    target: str,
    fixes: list[str],
    started_at: str,
    duration_s: float,
    seed: int,
) -> dict[str, Any]:
    """The whole run as JSON-ready values; see docs/report.md. Times are milliseconds."""
    tasks = model.trace.tasks
    now = model.health().newest_ns
    jobs = model.views.jobs()
    report: dict[str, Any] = {
        "format": FORMAT,
        "loopviz": loopviz.__version__,
        "python": platform.python_version(),
        "target": target,
        "fixes": fixes,
        "started_at": started_at,
        "duration_s": round(duration_s, 3),
        "seed": seed,
        "load": list(_load(model)),
        "loop": _loop(model),
        "resources": [
            _resource(view) for view in model.views.resources(now, now) if _was_used(view)
        ],
        "tasks": {
            "started": tasks.started,
            "raised": tasks.raised,
            "cancelled": tasks.cancelled,
            "never_retrieved": tasks.never_retrieved,
            "outlived_parent": tasks.outlived_parent,
            "lost": tasks.lost,
        },
        "findings": [_finding(found) for found in model.findings()],
        "probe": _probe(model),
    }
    if model.trace.requests.gone:
        report["requests"] = [
            {"route": route, "gone": gone} for route, gone in model.trace.requests.gone.items()
        ]
    if jobs:
        report["jobs"] = [_jobs(view) for view in jobs]
    return report


def summary(report: dict[str, Any]) -> str:
    """The report as a page of text."""
    fixes = " + ".join(report["fixes"]) or "no fix"
    loop = report["loop"]
    lines = [
        f"{report['target']} · {fixes} · {report['duration_s']:.1f} s · seed {report['seed']}",
        "",
        f"{'route':24}{'rps':>6}{'sent':>7}{'ok':>7}{'errors':>8}{'p50 ms':>10}{'p99 ms':>10}",
    ]
    for route in report["load"]:
        latency = route["latency_ms"]
        lines.append(
            f"{route['route'][:24]:24}{route['offered_rps']:>6g}{route['sent']:>7}{route['ok']:>7}"
            f"{sum(route['errors'].values()):>8}{_figure(latency['p50']):>10}"
            f"{_figure(latency['p99']):>10}"
        )
    busy = "unknown" if loop["utilization"] is None else f"{loop['utilization']:.0%}"
    callbacks = (
        "callbacks not seen" if loop["callbacks"] is None else f"{loop['callbacks']} callbacks"
    )
    lines += [
        "",
        f"loop    utilization {busy} · {callbacks}",
        f"lag     {_quantiles(loop['lag_ms'])}",
        f"ready   {_quantiles(loop['ready_delay_ms'])}",
        "",
    ]
    lines += [*_crowded(report["resources"]), *_troubles(report["tasks"])]
    for found in report["findings"]:
        where = found.get("location")
        place = f"{where['file']}:{where['line']}" if where else "line not seen"
        lines.append(f"{found['severity'].upper()} {found['title'].lower()} × {found['count']}")
        lines.append(f"  {found['sentence'].rstrip('.')}{_victims(found)}.")
        lines.append(f"  at {place}")
        if found.get("suggested_fix"):
            lines.append(f"  try --fix {found['suggested_fix']}")
    if not report["findings"]:
        lines.append("no findings")
    if report["probe"]["dropped_events"]:
        lines.append(f"{report['probe']['dropped_events']} events were lost: the reader was slow.")
    return "\n".join(lines)


def compare_table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Before and after, route by route, with the change of each figure."""
    was, now = (" + ".join(report["fixes"]) or "no fix" for report in (before, after))
    title = f"{before['target']}: {was} → {now}"
    head = f"{'':24}{'before':>12}{'after':>12}{'change':>10}{'samples':>14}"
    lines = [title, "", head]
    for old, new in zip(before["load"], after["load"], strict=True):
        counts = f"{old['sent']} → {new['sent']}"
        for figure in ("p50", "p99"):
            name = f"{old['route'][:20]} {figure}"
            lines.append(
                _row(name, old["latency_ms"][figure], new["latency_ms"][figure]) + f"{counts:>14}"
            )
    for name in ("lag_ms", "ready_delay_ms"):
        label = f"{name.removesuffix('_ms').replace('_', ' ')} p99"
        lines.append(_row(label, before["loop"][name]["p99"], after["loop"][name]["p99"]))
    old_busy, new_busy = before["loop"]["utilization"], after["loop"]["utilization"]
    if old_busy is not None and new_busy is not None:
        lines.append(f"{'utilization':24}{old_busy:>12.0%}{new_busy:>12.0%}")
    slow = [
        sum(found["count"] for found in report["findings"] if found["rule"] == "slow-callback")
        for report in (before, after)
    ]
    lines.append(f"{'slow callbacks':24}{slow[0]:>12}{slow[1]:>12}")
    return "\n".join(lines)


def _load(model: Model) -> Iterator[dict[str, Any]]:
    for route in model.routes.routes:
        errors = dict(route.errors)
        if route.shed:
            errors["shed"] = route.shed
        yield {
            "route": route.name,
            "offered_rps": round(route.rps * model.routes.factor, 3),
            "sent": route.sent,
            "ok": route.ok,
            "errors": errors,
            "latency_ms": _ms(route.latency(), "p50", "p90", "p99", "max"),
            "late_sends_ms": _ms(route.late(), "p99"),
        }


def _loop(model: Model) -> dict[str, Any]:
    """What a loop of which only the steps are seen cannot tell is null."""
    loop, full = model.loop, model.trace.level == "full"
    delay = loop.ready_delay_all.quantiles() if full else Quantiles()
    pauses = model.trace.pauses
    return {
        "iterations": loop.iterations if full else None,
        "callbacks": loop.callbacks if full else None,
        "utilization": _rounded(loop.utilization) if full else None,
        "lag_ms": _ms(loop.lag_all.quantiles(), "p50", "p99", "max"),
        "ready_delay_ms": _ms(delay, "p50", "p99", "max"),
        "callback_ms": _ms(loop.callback_all.quantiles(), "p50", "p99", "max"),
        "gc_ms": {
            "count": pauses.count,
            "total": round(pauses.total_ns / MS, 3),
            "max": round(pauses.max_ns / MS, 3),
        },
    }


def _was_used(view: ResourceView) -> bool:
    return bool(view.in_use.max or view.waiting.max or view.waited.count or view.given_up.count)


def _resource(view: ResourceView) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": view.name,
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


def _jobs(view: JobsView) -> dict[str, Any]:
    return {
        "executor": view.name,
        "finished": view.finished,
        "raised": view.raised,
        "queued_ms": _ms(view.queued_times, "p50", "p99", "max"),
        "run_ms": _ms(view.run_times, "p50", "p99", "max"),
    }


def _probe(model: Model) -> dict[str, Any]:
    health, loop, cost = model.health(), model.loop, model.trace.cost_ns
    share = (
        cost * loop.events / loop.busy_since_begin_ns if cost and loop.busy_since_begin_ns else None
    )
    said: dict[str, Any] = {
        "level": model.trace.level,
        "events": health.events,
        "dropped_events": health.dropped_events,
        "ns_per_event": cost,
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
    if found.location is not None:
        where = found.location
        said["location"] = {"file": where.file, "line": where.line, "function": where.function}
    if found.suggested_fix:
        said["suggested_fix"] = found.suggested_fix
    return said


def _ms(of: Quantiles, *names: str) -> dict[str, float | None]:
    """The named quantiles in milliseconds; None where there are no values."""
    return {name: round(getattr(of, f"{name}_ns") / MS, 3) if of.count else None for name in names}


def _crowded(resources: list[dict[str, Any]]) -> list[str]:
    """Those that somebody had to wait for."""
    crowded = [r for r in resources if r["waiting"]["max"]]
    if not crowded:
        return []
    lines = [f"{'resource':32}{'in use':>12}{'waiting':>10}{'p99 ms':>10}{'gave up':>10}"]
    for found in crowded:
        used = f"{found['in_use']['max']}/{found['capacity'] or '–'}"
        wait = _figure(found["wait_ms"]["p99"])
        lines.append(
            f"{found['name'][-32:]:32}{used:>12}{found['waiting']['max']:>10}{wait:>10}"
            f"{found['gave_up']:>10}"
        )
    return [*lines, ""]


def _troubles(tasks: dict[str, Any]) -> list[str]:
    """Of the tasks, in a line; none if all is well."""
    troubles = {
        "lost": "destroyed while pending",
        "never_retrieved": "raised unseen",
        "outlived_parent": "outlived their parent",
    }
    said = [f"{tasks[key]} {words}" for key, words in troubles.items() if tasks[key]]
    return [f"tasks   {' · '.join(said)} of {tasks['started']}", ""] if said else []


def _victims(found: dict[str, Any]) -> str:
    if not found["victims"]:
        return ""
    requests = "request" if found["victims"] == 1 else "requests"
    return f"; {found['victims']} {requests} waited {found['victim_wait_ms'] / 1000:.1f} s for it"


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _row(name: str, before: float | None, after: float | None) -> str:
    change = ""
    if before and after is not None:
        percent = (after - before) / before * 100
        change = f"{'▼' if percent < 0 else '▲'} {abs(percent):.0f} %"
    return f"{name:24}{_figure(before) + ' ms':>12}{_figure(after) + ' ms':>12}{change:>10}"


def _quantiles(of: dict[str, float | None]) -> str:
    return " · ".join(f"{name} {_figure(value)} ms" for name, value in of.items())


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
