"""Reports for people: one as a page of text, two as a table."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from loopviz.clock import MS
from loopviz.output import clean_values, lowered
from loopviz.report.document import Report, failed
from loopviz.report.left_out import left_out_words
from loopviz.report.shutdown import Shutdown
from loopviz.units import duration_text

__all__ = ["TextRenderer"]

Part = dict[str, Any]
"""An object inside a report."""

_BLOCKING = ("slow-callback", "gil-contention")
"""The rules whose findings block the loop."""
_STOPPING = ("deadlock", "slot-leaked", "worker-died", "blocked-put", "request-hangs")
"""The rules whose open findings stop requests while the loop is idle."""
_HANGS_MS = 1000.0
"""A callback that has not ended hangs if it runs for at least this long."""
_CLOSED_LOOP = (
    "In a closed loop a client sends when its last request is answered:",
    "a slow app gets fewer requests, and these latencies hide the wait of those",
    "that were never sent (coordinated omission).",
)
_LABEL = 32
"""Width of a figure's name in columns; with the figures, a line is 80 columns wide."""


class TextRenderer:
    """Plain text; no line of it is wider than 80 columns unless a name is."""

    def report(self, report: Report) -> str:
        """The report as a page."""
        report = clean_values(report)
        lines = [*_hangs(report), _title(report), ""]
        if report["load"]:
            lines += [*_routes(report), *_load_at_its_limit(report["load"]), ""]
        lines += [*_loop(report["loop"]), *_left_out(report), ""]
        if report.get("counters"):
            lines += [f"counted {_counted(report['counters'])}", ""]
        lines += [*_waited_for(report["resources"]), *_task_troubles(report["tasks"])]
        lines += [*_findings(report["findings"])]
        if report["probe"]["dropped_events"]:
            dropped = report["probe"]["dropped_events"]
            lines.append(f"{dropped} events were lost: the reader was slow.")
        shutdown = Shutdown.of(report)
        if shutdown is not None and (said := shutdown.sentence(report["target"])):
            lines += ["", said]
        return "\n".join(lines)

    def comparison(self, before: Report, after: Report) -> str:
        """A table with a figure a row: before, after and the change."""
        before, after = clean_values(before), clean_values(after)
        lines = [f"before: {line}" for line in _hangs(before)]
        lines += [f"after: {line}" for line in _hangs(after)]
        lines += [f"before: {line}" for line in _load_at_its_limit(before["load"])]
        lines += [f"after: {line}" for line in _load_at_its_limit(after["load"])]
        lines += [
            f"{before['target']}: {_fixes(before)} → {_fixes(after)}",
            "",
            f"{'':{_LABEL}}{'before':>12}{'after':>12}{'change':>10}{'samples':>14}",
        ]
        then = {route["route"]: route for route in after["load"]}
        for old in before["load"]:
            if (new := then.get(old["route"])) is not None:  # two versions may have other routes
                lines += _compared_route(old, new)
        lines += _compared_loop(before["loop"], after["loop"])
        lines.append(_counts("slow callbacks", _slow(before), _slow(after)))
        lines += _most_waited_for(before, after)
        for key, value in before.get("counters", {}).items():
            lines.append(_counts(f"counted {key}", value, after.get("counters", {}).get(key)))
        if any(map(_is_closed, (*before["load"], *after["load"]))):
            lines += ["", *_CLOSED_LOOP]
        return "\n".join(lines)


def _fixes(report: Report) -> str:
    """What one of two runs had of its own: the fixes, or the folder of a version."""
    return report.get("app_dir") or " + ".join(report["fixes"]) or "no fix"


def _title(report: Report) -> str:
    parts = [report["target"], f"{report['duration_s']:.1f} s"]
    if not report.get("program"):
        parts.insert(1, _fixes(report))
    if report["load"]:
        parts.append(f"seed {report['seed']}")
    return " · ".join(parts)


def _routes(report: Report) -> Iterator[str]:
    load = report["load"]
    yield f"{'route':24}{'rps':>6}{'sent':>7}{'ok':>7}{'errors':>8}{'p50 ms':>10}{'p99 ms':>10}"
    for route in load:
        yield (
            f"{route['route'][:24]:24}{_offered(route):>6}{route['sent']:>7}{route['ok']:>7}"
            f"{failed(route):>8}{_latency(route, 'p50'):>10}{_latency(route, 'p99'):>10}"
        )
        kinds = route["errors"] | {"unanswered": route["unanswered"]}
        counts = sorted(((kind, n) for kind, n in kinds.items() if n), key=lambda kind: -kind[1])
        if counts:
            yield "  " + " · ".join(f"{kind} × {count}" for kind, count in counts)
    yield from _closed_loops(load, report["duration_s"])
    for left_out in report.get("load_left_out", ()):
        yield f"not sent: {left_out}"


def _is_closed(route: Part) -> bool:
    """Whether its clients wait for answers before they send; those of events only listen."""
    return "clients" in route and not route["route"].startswith("SSE ")


def _offered(route: Part) -> str:
    """`50`, or `20 cl`: the clients of a closed loop; `–` for what nobody asks for at a rate."""
    if route.get("clients"):
        return f"{route['clients']} cl"
    return f"{route['offered_rps']:g}" if route["offered_rps"] else "–"


def _closed_loops(load: list[Part], duration_s: float) -> Iterator[str]:
    closed = [route for route in load if _is_closed(route)]
    if not closed:
        return
    paces = (f"{route['route']} {route['ok'] / duration_s:.1f}" for route in closed)
    yield f"answers a second: {' · '.join(paces)}"
    yield f"cl: clients. {_CLOSED_LOOP[0]}"
    yield from _CLOSED_LOOP[1:]


def _load_at_its_limit(load: list[Part]) -> Iterator[str]:
    late_ms = max((route.get("sent_late_ms", 0.0) for route in load), default=0.0)
    busy = max((route.get("load_busy", 0.0) for route in load), default=0.0)
    if late_ms:
        yield f"The load was at its limit: half of its requests were sent {late_ms:.0f} ms late or"
        yield "later. The latencies count from when they were due, so that is in them."
    elif busy:
        yield f"The load was at its limit: busy {busy:.0%} of the time, it could not have sent"
        yield "more. The app may be faster than these figures say."


def _loop(loop: Part) -> Iterator[str]:
    busy, callbacks = loop["utilization"], loop["callbacks"]
    seen = "callbacks not seen" if callbacks is None else f"{callbacks} callbacks"
    loops = f" · {loop['loops']} loops, one after another" if "loops" in loop else ""
    yield f"loop    utilization {'unknown' if busy is None else f'{busy:.0%}'} · {seen}{loops}"
    yield f"lag     {_quantiles(loop['lag_ms'])}"
    yield f"ready   {_quantiles(loop['ready_delay_ms'])}"


def _left_out(report: Report) -> Iterator[str]:
    said = left_out_words(report.get("loops_left_out", 0), report.get("loops_crowded_out", 0))
    yield from wrap(said, 79, initial_indent="loops   ", subsequent_indent=" " * 8)


def _findings(findings: list[Part]) -> Iterator[str]:
    for found in findings:
        yield f"{found['severity'].upper()} {lowered(found['title'])} × {found['count']}"
        yield f"  {found['sentence'].rstrip('.')}{_victims(found)}."
        if where := found.get("location"):
            yield f"  at {where['file']}:{where['line']}"
        for one in found.get("consequences", ()):
            yield f"  and so {one['sentence']}"
        if found.get("suggested_fix"):
            yield f"  try --fix {found['suggested_fix']}"
        elif found.get("advice"):
            yield f"  try: {found['advice']}"
        if found.get("lesson"):
            yield f"  see: loopviz run {found['lesson']}"
    if not findings:
        yield "no findings"


def _compared_route(old: Part, new: Part) -> Iterator[str]:
    samples = f"{old['sent']} → {new['sent']}"
    for figure in ("p50", "p99"):
        yield _latencies(_of_route(old, figure), old, new, figure) + f"{samples:>14}"
    failures = failed(old), failed(new)
    if any(failures):
        yield _counts(_of_route(old, "errors"), *failures)
    unanswered = old["unanswered"], new["unanswered"]
    if any(unanswered):
        yield _counts(_of_route(old, "unanswered"), *unanswered)


def _compared_loop(old: Part, new: Part) -> Iterator[str]:
    for name in ("lag_ms", "ready_delay_ms"):
        label = f"{name.removesuffix('_ms').replace('_', ' ')} p99"
        figures = old[name]["p99"], new[name]["p99"]
        if figures != (None, None):
            yield _row(label, *figures)
    busy = old["utilization"], new["utilization"]
    if None not in busy:
        yield f"{'utilization':{_LABEL}}{busy[0]:>12.0%}{busy[1]:>12.0%}"


def _hangs(report: Report) -> list[str]:
    """What hangs at the end, where, and how many requests had no answer: one line or none."""
    unanswered = sum(route["unanswered"] for route in report["load"])
    sent = sum(route["sent"] for route in report["load"])
    late = sum(route["errors"].get("timeout", 0) for route in report["load"])
    were = "was" if unanswered == 1 else "were"
    missed = f"{unanswered} of {sent} requests {were} not answered"
    missed += f", {late} timed out." if late else "."
    for found in report["findings"]:
        open_ms = found.get("open", {}).get("longest_ms", 0.0)
        blocks = found["rule"] in _BLOCKING and open_ms >= _HANGS_MS
        stops = found["rule"] in _STOPPING and "open" in found and found["victims"]
        stops = stops and (unanswered or late)  # else they gave up, and were answered
        if blocks or stops:
            where = found["location"]
            at = f" at {where['file']}:{where['line']}" if where else ""
            return [f"HANGS{at}: {found['sentence'].rstrip('.').partition('; ')[0]}; {missed}"]
    begun = {stream["route"] for stream in report.get("streams", ())}
    dead = [
        route["route"]
        for route in report["load"]
        if route["unanswered"] and not _answered(route) and route["route"] not in begun
    ]
    return [f"NO ANSWER: {', '.join(dead)} did not answer once; {missed}"] if dead else []


def _answered(route: Part) -> int:
    """How many requests got any response, or were left by their client, as streams are."""
    answers: int = sum(n for kind, n in route["errors"].items() if kind.isdigit() or kind == "left")
    return answers + int(route["ok"])


def _slow(report: Report) -> int:
    found = report["findings"]
    return sum(one["count"] for one in found if one["rule"] == "slow-callback")


def _counted(counters: dict[str, int | None]) -> str:
    return " · ".join(f"{key} {_whole(value)}" for key, value in counters.items())


def _most_waited_for(before: Report, after: Report) -> Iterator[str]:
    """The resource with the longest queue before; if nothing queued before, after."""
    for report in (before, after):
        most = max(report["resources"], key=lambda r: r["waiting"]["max"], default=None)
        if most is not None and most["waiting"]["max"]:
            waited = [
                next((r["waiting"]["max"] for r in one["resources"] if _same(r, most)), 0)
                for one in (before, after)
            ]
            yield _counts(f"waiting for {_end_of(most['name'], _LABEL - 13)}", *waited)
            return


def _of_route(route: Part, figure: str) -> str:
    """A row's name; a long route is cut at its end."""
    name, width = route["route"], _LABEL - len(figure) - 2
    return f"{name if len(name) <= width else name[: width - 1] + '…'} {figure}"


def _end_of(name: str, width: int) -> str:
    """A resource's name, cut at its beginning: the line and the capacity stand at its end."""
    return name if len(name) <= width else "…" + name[1 - width :]


def _same(resource: Part, other: Part) -> bool:
    return (resource["name"], resource["kind"]) == (other["name"], other["kind"])


def _waited_for(resources: list[Part]) -> list[str]:
    """A table of the resources that a task had to wait for."""
    queued = [r for r in resources if r["waiting"]["max"]]
    if not queued:
        return []
    lines = [f"{'resource':32}{'in use':>12}{'waiting':>10}{'p99 ms':>10}{'gave up':>10}"]
    for found in queued:
        many = f"{found['instances']}×" if found.get("instances") else ""
        used = f"{found['in_use']['max']}/{many}{found['capacity'] or '–'}"
        wait = _figure(found["wait_ms"]["p99"])
        lines.append(
            f"{found['name'][-32:]:32}{used:>12}{found['waiting']['max']:>10}{wait:>10}"
            f"{found['gave_up']:>10}"
        )
    return [*lines, ""]


def _task_troubles(tasks: Part) -> list[str]:
    """One line, or none if all is well."""
    troubles = {
        "lost": "destroyed while pending",
        "never_retrieved": "raised unseen",
        "outlived_parent": "outlived their parent",
    }
    counts = [f"{tasks[key]} {words}" for key, words in troubles.items() if tasks[key]]
    return [f"tasks   {' · '.join(counts)} of {tasks['started']}", ""] if counts else []


def _victims(found: Part) -> str:
    count = found["victims"]
    if not count:
        return ""
    waited = duration_text(round(found["victim_wait_ms"] * MS))
    if count == 1:
        return f"; 1 request waited {waited} for it"
    return f"; {count} requests waited for it, {waited} in total"


def _latency(route: Part, figure: str) -> str:
    """`≥ 4200` where the figure is a lower bound."""
    value = _figure(route["latency_ms"][figure])
    return f"≥ {value}" if figure in route.get("latency_at_least", ()) else value


def _latencies(name: str, old: Part, new: Part, figure: str) -> str:
    """A row of the comparison. The change is `?` where lower bounds leave it open."""
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
