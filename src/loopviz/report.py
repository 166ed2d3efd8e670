"""The report of a run: the stable JSON form (`"format": 1`) and the text people read."""

import platform
from collections.abc import Iterator
from typing import Any

import loopviz
from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.snapshot import Finding, Quantiles

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
    loop, trace = model.loop, model.trace
    health = model.health()
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
        "loop": {
            "iterations": loop.iterations,
            "callbacks": loop.callbacks,
            "utilization": _rounded(loop.utilization),
            "lag_ms": _ms(loop.lag_all.quantiles(), "p50", "p99", "max"),
            "ready_delay_ms": _ms(loop.ready_delay_all.quantiles(), "p50", "p99", "max"),
            "callback_ms": _ms(loop.callback_all.quantiles(), "p50", "p99", "max"),
        },
        "tasks": {
            "started": trace.tasks_started,
            "raised": trace.tasks_raised,
            "cancelled": trace.tasks_cancelled,
        },
        "findings": [_finding(found) for found in model.findings()],
        "probe": {"events": health.events, "dropped_events": health.dropped_events},
    }
    if health.failed_hooks:
        report["probe"]["failed_hooks"] = list(health.failed_hooks)
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
    lines += [
        "",
        f"loop    utilization {busy} · {loop['callbacks']} callbacks",
        f"lag     {_quantiles(loop['lag_ms'])}",
        f"ready   {_quantiles(loop['ready_delay_ms'])}",
        "",
    ]
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
    slow = [sum(f["count"] for f in report["findings"]) for report in (before, after)]
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
