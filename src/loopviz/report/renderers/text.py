"""What people read of reports: one as a page of text, two side by side."""

from collections.abc import Iterator
from typing import Any

from loopviz.output import clean_values
from loopviz.report.document import Report, failed

__all__ = ["compare_table", "summary"]

_HOLDS = ("slow-callback", "gil-contention")
_HANGS_MS = 1000.0
"""A callback that has not ended hangs from here on; a shorter one just ran at the end."""
_LABEL = 32
"""Columns for the name of a figure; with the figures, a line fits 80."""


def summary(report: Report) -> str:
    """The report as a page of text."""
    report = clean_values(report)
    fixes = " + ".join(report["fixes"]) or "no fix"
    loop = report["loop"]
    lines = [
        *_hangs(report),
        f"{report['target']} · {fixes} · {report['duration_s']:.1f} s · seed {report['seed']}",
        "",
        f"{'route':24}{'rps':>6}{'sent':>7}{'ok':>7}{'errors':>8}{'p50 ms':>10}{'p99 ms':>10}",
    ]
    for route in report["load"]:
        lines.append(
            f"{route['route'][:24]:24}{route['offered_rps']:>6g}{route['sent']:>7}{route['ok']:>7}"
            f"{failed(route):>8}{_latency(route, 'p50'):>10}{_latency(route, 'p99'):>10}"
        )
        kinds = route["errors"] | {"unanswered": route["unanswered"]}
        said = sorted(((kind, n) for kind, n in kinds.items() if n), key=lambda kind: -kind[1])
        if said:
            lines.append("  " + " · ".join(f"{kind} × {count}" for kind, count in said))
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
    if report.get("counters"):
        lines += [f"counted {_counted(report['counters'])}", ""]
    lines += [*_crowded(report["resources"]), *_troubles(report["tasks"])]
    for found in report["findings"]:
        lines.append(f"{found['severity'].upper()} {found['title'].lower()} × {found['count']}")
        lines.append(f"  {found['sentence'].rstrip('.')}{_victims(found)}.")
        if where := found.get("location"):
            lines.append(f"  at {where['file']}:{where['line']}")
        if found.get("suggested_fix"):
            lines.append(f"  try --fix {found['suggested_fix']}")
    if not report["findings"]:
        lines.append("no findings")
    if report["probe"]["dropped_events"]:
        lines.append(f"{report['probe']['dropped_events']} events were lost: the reader was slow.")
    return "\n".join(lines)


def compare_table(before: Report, after: Report) -> str:
    """Before and after, route by route, with the change of each figure."""
    before, after = clean_values(before), clean_values(after)
    was, now = (" + ".join(report["fixes"]) or "no fix" for report in (before, after))
    lines = [
        *(
            f"{which}: {line}"
            for which, of in (("before", before), ("after", after))
            for line in _hangs(of)
        ),
        f"{before['target']}: {was} → {now}",
        "",
        f"{'':{_LABEL}}{'before':>12}{'after':>12}{'change':>10}{'samples':>14}",
    ]
    for old, new in zip(before["load"], after["load"], strict=True):
        counts = f"{old['sent']} → {new['sent']}"
        for figure in ("p50", "p99"):
            name = f"{old['route'][: _LABEL - 8]} {figure}"
            lines.append(_latencies(name, old, new, figure) + f"{counts:>14}")
        failures = failed(old), failed(new)
        if any(failures):
            lines.append(_counts(f"{old['route'][: _LABEL - 8]} errors", *failures))
        unanswered = old["unanswered"], new["unanswered"]
        if any(unanswered):
            lines.append(_counts(f"{old['route'][: _LABEL - 12]} unanswered", *unanswered))
    for name in ("lag_ms", "ready_delay_ms"):
        label = f"{name.removesuffix('_ms').replace('_', ' ')} p99"
        lines.append(_row(label, before["loop"][name]["p99"], after["loop"][name]["p99"]))
    old_busy, new_busy = before["loop"]["utilization"], after["loop"]["utilization"]
    if old_busy is not None and new_busy is not None:
        lines.append(f"{'utilization':{_LABEL}}{old_busy:>12.0%}{new_busy:>12.0%}")
    lines.append(_counts("slow callbacks", _slow(before), _slow(after)))
    lines += _most_crowded(before, after)
    for key, value in before.get("counters", {}).items():
        lines.append(_counts(f"counted {key}", value, after.get("counters", {}).get(key)))
    return "\n".join(lines)


def _hangs(report: Report) -> list[str]:
    """What hangs at the end, where, and how many requests were not answered: a line, or none."""
    unanswered = sum(route["unanswered"] for route in report["load"])
    sent = sum(route["sent"] for route in report["load"])
    late = sum(route["errors"].get("timeout", 0) for route in report["load"])
    missed = f"{unanswered} of {sent} requests were not answered"
    missed += f", {late} timed out." if late else "."
    for found in report["findings"]:
        open_ms = found.get("open", {}).get("longest_ms", 0.0)
        if found["rule"] == "request-hangs" or (found["rule"] in _HOLDS and open_ms >= _HANGS_MS):
            where = found["location"]
            at = f" at {where['file']}:{where['line']}" if where else ""
            return [f"HANGS{at}: {found['sentence'].rstrip('.').partition('; ')[0]}; {missed}"]
    dead = [r["route"] for r in report["load"] if r["unanswered"] and not _answered(r)]
    return [f"NO ANSWER: {', '.join(dead)} did not answer once; {missed}"] if dead else []


def _answered(route: dict[str, Any]) -> int:
    """How many requests got any response."""
    answers: int = sum(n for kind, n in route["errors"].items() if kind.isdigit())
    return answers + int(route["ok"])


def _slow(report: Report) -> int:
    found = report["findings"]
    return sum(one["count"] for one in found if one["rule"] == "slow-callback")


def _counted(counters: dict[str, int | None]) -> str:
    return " · ".join(f"{key} {_whole(value)}" for key, value in counters.items())


def _most_crowded(before: Report, after: Report) -> Iterator[str]:
    """What most had to wait for: before, or else after."""
    for report in (before, after):
        most = max(report["resources"], key=lambda r: r["waiting"]["max"], default=None)
        if most is not None and most["waiting"]["max"]:
            waited = [
                next((r["waiting"]["max"] for r in one["resources"] if _same(r, most)), 0)
                for one in (before, after)
            ]
            yield _counts(f"waiting for {most['name'][12 - _LABEL :]}", *waited)
            return


def _same(resource: dict[str, Any], other: dict[str, Any]) -> bool:
    return (resource["name"], resource["kind"]) == (other["name"], other["kind"])


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


def _latency(route: dict[str, Any], figure: str) -> str:
    """`≥ 4200` where the figure is a lower bound."""
    value = _figure(route["latency_ms"][figure])
    return f"≥ {value}" if figure in route.get("latency_at_least", ()) else value


def _latencies(name: str, old: dict[str, Any], new: dict[str, Any], figure: str) -> str:
    """A row of the comparison, with a change only where lower bounds leave no doubt about it."""
    was, now = old["latency_ms"][figure], new["latency_ms"][figure]
    low, high = (figure in route.get("latency_at_least", ()) for route in (old, new))
    row = f"{name:{_LABEL}}{_latency(old, figure) + ' ms':>12}{_latency(new, figure) + ' ms':>12}"
    if was is None or now is None:
        return row + " " * 10
    unclear = (low and high) or (low and now > was) or (high and now < was)
    return row + (f"{'?':>10}" if unclear else f"{_change(was, now):>10}")


def _change(before: float | None, after: float | None) -> str:
    if not before or after is None:
        return ""
    percent = (after - before) / before * 100
    return f"{'▼' if percent < 0 else '▲'} {abs(percent):.0f} %"


def _row(name: str, before: float | None, after: float | None) -> str:
    change = _change(before, after)
    return f"{name:{_LABEL}}{_figure(before) + ' ms':>12}{_figure(after) + ' ms':>12}{change:>10}"


def _counts(name: str, before: int | None, after: int | None) -> str:
    return f"{name:{_LABEL}}{_whole(before):>12}{_whole(after):>12}"


def _whole(value: int | None) -> str:
    return "–" if value is None else str(value)


def _quantiles(of: dict[str, float | None]) -> str:
    return " · ".join(f"{name} {_figure(value)} ms" for name, value in of.items())


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
