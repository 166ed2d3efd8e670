"""Builds the report of a run from its totals: the stable JSON form, `"format": 1`."""

import dataclasses
import platform
from collections.abc import Sequence
from typing import Any

import loopviz
from loopviz.clock import MS
from loopviz.model.snapshot import (
    LOAD_BUSY,
    LOAD_LATE_NS,
    Finding,
    JobStats,
    Quantiles,
    ResourceInfo,
)
from loopviz.model.snapshot.totals import (
    LoopCounts,
    LoopTotals,
    ProbeTotals,
    RouteTotals,
    RunTotals,
    SaidTotals,
    StreamTotals,
)
from loopviz.report.document import FORMAT, Report

__all__ = ["build_report"]

_LOOP_COUNTS = [field.name for field in dataclasses.fields(LoopCounts)]


def build_report(
    totals: RunTotals,
    *,
    target: str,
    fixes: list[str],
    started_at: str,
    duration_s: float,
    seed: int,
    python: str = "",
    program: Sequence[str] = (),
    left_out: Sequence[str] = (),
    loops_left_out: int = 0,
    loops_crowded_out: int = 0,
    began_ns: int = 0,
) -> Report:
    """The whole run as JSON-ready values; see docs/report.md. Times are milliseconds.

    `python`: the version that ran the app; empty: this one. `program`: the command, if it was one
    of the user's own. `left_out`: routes of the app that the load does not send, and why.
    `loops_left_out`: how many of its loops were not recorded; `loops_crowded_out`: how many of them
    since too many others were. `began_ns`: when the run began to count.
    """
    first, *peers = totals.workers
    report: Report = {
        "format": FORMAT,
        "loopviz": loopviz.__version__,
        "python": python or platform.python_version(),
        "target": target,
        "fixes": fixes,
        "started_at": started_at,
        "duration_s": round(duration_s, 3),
        "seed": seed,
        "load": [_route(route) for route in totals.routes],
        "loop": _loop(first.loop),
        "resources": [_resource(resource) for resource in totals.resources],
        "tasks": dataclasses.asdict(totals.tasks),
        "findings": [_finding(finding) for finding in totals.findings],
        "probe": _probe(first.probe),
    }
    if program:
        report["program"] = list(program)
        for fields, finding in zip(report["findings"], totals.findings, strict=True):
            fields.update({"lesson": finding.lesson} if finding.lesson else {})
    if loops_left_out:
        report["loops_left_out"] = loops_left_out
    if loops_crowded_out:
        report["loops_crowded_out"] = loops_crowded_out
    if left_out:
        report["load_left_out"] = list(left_out)
    if totals.counters:
        report["counters"] = dict(totals.counters)
    if totals.gone:
        report["requests"] = [
            {"route": route, "gone": count} for route, count in totals.gone.items()
        ]
    if totals.streams:
        report["streams"] = [_stream(stream) for stream in totals.streams]
    for kind, key in (("mark", "marks"), ("log", "logs")):
        if entries := [_said(said, began_ns) for said in totals.said if said.kind == kind]:
            report[key] = entries
    if totals.jobs:
        report["jobs"] = [_jobs(jobs) for jobs in totals.jobs]
    if peers:
        report["workers"] = len(totals.workers) + totals.earlier
        report["peers"] = [
            {"worker": peer.number, "loop": _loop(peer.loop), "probe": _probe(peer.probe)}
            for peer in peers
        ]
    return report


def _stream(stream: StreamTotals) -> dict[str, Any]:
    return {
        "route": stream.route,
        "count": stream.count,
        "open": stream.open,
        "sent": stream.sent,
        "received": stream.received,
        "first_ms": round(stream.first_ns / MS, 3) if stream.sent else None,
        "gap_ms": round(stream.gap_ns / MS, 3) if stream.sent else None,
    }


def _said(said: SaidTotals, began_ns: int) -> dict[str, Any]:
    return {
        **({"level": said.level} if said.level else {}),
        "text": said.text,
        "count": said.count,
        "first_ms": round(max(said.first_ns - began_ns, 0) / MS, 3),
        "last_ms": round(max(said.last_ns - began_ns, 0) / MS, 3),
    }


def _route(route: RouteTotals) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "route": route.route,
        "offered_rps": round(route.offered_rps, 3),
        "sent": route.sent,
        "ok": route.ok,
        "errors": dict(route.errors),
        "unanswered": route.unanswered,
        "latency_ms": _ms(route.latency, "p50", "p90", "p99", "max"),
        "late_sends_ms": _ms(route.late_sends, "p99"),
    }
    if route.lower_bounds:
        fields["latency_at_least"] = list(route.lower_bounds)
    if route.clients:
        fields["clients"] = route.clients
    if route.load_busy >= LOAD_BUSY:
        fields["load_busy"] = round(route.load_busy, 3)
    if route.late_sends.p50_ns >= LOAD_LATE_NS:
        fields["sent_late_ms"] = round(route.late_sends.p50_ns / MS, 3)
    return fields


def _loop(loop: LoopTotals) -> dict[str, Any]:
    return {
        **({"loops": loop.loops} if loop.loops > 1 else {}),
        **{name: getattr(loop.counts, name, None) for name in _LOOP_COUNTS},
        "utilization": _rounded(loop.utilization),
        "lag_ms": _ms(loop.lag, "p50", "p99", "max"),
        "ready_delay_ms": _ms(loop.ready_delay, "p50", "p99", "max"),
        "callback_ms": _ms(loop.callback, "p50", "p99", "max"),
        "gc_ms": {
            "count": loop.gc.count,
            "total": round(loop.gc.total_ns / MS, 3),
            "max": round(loop.gc.max_ns / MS, 3),
        },
    }


def _resource(resource: ResourceInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": resource.name,
        "kind": resource.kind,
        "capacity": resource.capacity or None,
        "in_use": {"mean": round(resource.in_use.mean, 3), "max": resource.in_use.max},
        "waiting": {"mean": round(resource.waiting.mean, 3), "max": resource.waiting.max},
        "wait_ms": _ms(resource.waited, "p50", "p99"),
        "gave_up": resource.given_up.count,
    }
    if resource.instances > 1:
        fields["instances"] = resource.instances
    return fields


def _jobs(jobs: JobStats) -> dict[str, Any]:
    return {
        "executor": jobs.name,
        "finished": jobs.finished,
        "raised": jobs.raised,
        "queued_ms": _ms(jobs.queued_times, "p50", "p99", "max"),
        "run_ms": _ms(jobs.run_times, "p50", "p99", "max"),
    }


def _probe(probe: ProbeTotals) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "level": probe.coverage,
        "events": probe.events,
        "dropped_events": probe.dropped_events,
        "ns_per_event": probe.ns_per_event,
        "cpu_share": _rounded(probe.cpu_share),
    }
    if probe.failed_hooks:
        fields["failed_hooks"] = list(probe.failed_hooks)
    return fields


def _finding(finding: Finding) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "title": finding.title,
        "sentence": finding.sentence + ".",
        "count": finding.count,
        "worst_ms": round(finding.worst_ns / MS, 3),
        "total_ms": round(finding.total_ns / MS, 3),
        "location": None,
        "victims": finding.victims,
        "victim_wait_ms": round(finding.victim_wait_ns / MS, 3),
    }
    if finding.open:
        fields["open"] = {"count": finding.open, "longest_ms": round(finding.open_ns / MS, 3)}
    if finding.location is not None:
        where = finding.location
        fields["location"] = {"file": where.file, "line": where.line, "function": where.function}
    if finding.work is not None:
        fields["work"] = {"kind": finding.work.kind}
        if finding.work.body_bytes:
            fields["work"]["body_bytes"] = finding.work.body_bytes
    if finding.suggested_fix:
        fields["suggested_fix"] = finding.suggested_fix
    if finding.advice:
        fields["advice"] = finding.advice
    if finding.consequences:
        fields["consequences"] = [
            {
                "rule": one.rule,
                "sentence": one.sentence + ".",
                "count": one.count,
                "victim_wait_ms": round(one.waited_ns / MS, 3),
            }
            for one in finding.consequences
        ]
    return fields


def _ms(quantiles: Quantiles, *names: str) -> dict[str, float | None]:
    """The named quantiles in milliseconds; None where there are no values."""
    return {
        name: round(getattr(quantiles, f"{name}_ns") / MS, 3) if quantiles.count else None
        for name in names
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
