"""Checks the claims of a scenario against reports of real runs.

A metric is a name, and for most a subject, measured in one run's report:

====================================  =========================================================
metric                                value
====================================  =========================================================
`p50_ms ROUTE`, p90, p99, `max_ms`    latency in milliseconds; ROUTE as the load names it
`errors ROUTE`                        share of sent requests that failed; not of clients that left
`gone ROUTE`                          requests whose client the app saw go away
`lag_p99_ms`, `utilization`           of the loop
`findings RULE`                       the count of that rule's findings and consequences
`counter KEY`                         the value of that counter
`tasks WHAT`                          `outlived_parent`, `never_retrieved`, `lost`, `raised` …
`in_use_max KIND`, `waiting_max`      of the resource of that kind (`asyncio.Lock`) with the most
====================================  =========================================================
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from loopviz.errors import UsageError
from loopviz.model.findings.rules import RULE_INFOS
from loopviz.report.document import failed
from loopviz.scenario import Expect

__all__ = ["BUG", "Fixes", "Judgement", "judge", "needed", "value_of"]

Report = Mapping[str, Any]
Fixes = tuple[str, ...]
"""The fixes that were on in a run."""
BUG: Fixes = ()


class Judgement(NamedTuple):
    """The outcome of a claim."""

    value: float
    """The value that is compared with the bounds: the metric's value, or a ratio."""
    holds: bool
    sentence: str
    """The value, what it was compared with, and the bounds."""


def needed(claim: Expect) -> tuple[Fixes, ...]:
    """The runs whose reports the claim needs, its own first."""
    fixes = claim.fixes
    if not fixes or claim.against is None:
        return (fixes,)
    return fixes, BUG if claim.against == "bug" else (claim.against,)


def judge(claim: Expect, reports: Mapping[Fixes, Report]) -> Judgement:
    """Check the claim against these runs (see `needed`), which had the same arrivals.

    Raises UsageError for a metric that does not exist, a claim without bounds, and a ratio to 0.
    """
    if claim.at_most is None and claim.at_least is None:
        raise UsageError(f"The claim on {claim.metric!r} has no bounds: give at_most or at_least.")
    own, *others = needed(claim)
    value = value_of(claim.metric, reports[own])
    text = f"{claim.metric} with {_words(own)} is {value:.4g}"
    for other in others:
        against = value_of(claim.metric, reports[other])
        if not against:
            raise UsageError(
                f"{claim.metric} with {_words(other)} is 0, so nothing can be a multiple of it: "
                "claim a value with against=None."
            )
        text = f"{text}, {value / against:.3g} × that with {_words(other)} ({against:.4g})"
        value /= against
    bounds = (("at most", claim.at_most), ("at least", claim.at_least))
    wanted = " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)
    holds = (claim.at_most is None or value <= claim.at_most) and (
        claim.at_least is None or value >= claim.at_least
    )
    why = f" ({claim.why})" if claim.why else ""
    return Judgement(value, holds, f"{text}; claimed: {wanted}{why}.")


def value_of(metric: str, report: Report) -> float:
    """The metric's value in that run. Raises UsageError, naming the metrics or subjects known."""
    name, _, subject = metric.partition(" ")
    measure = _METRICS.get(name)
    if measure is None:
        raise UsageError(f"There is no metric {name!r}; there are: {', '.join(_METRICS)}.")
    value = measure(report, subject)
    if value is None:
        raise UsageError(f"{metric} is not known: nothing was measured in that run.")
    return float(value)


def _words(fixes: Fixes) -> str:
    return " + ".join(fixes) or "the bug"


def _one(what: str, key: str, known: Mapping[str, Any]) -> Any:
    """The value under that key. Raises UsageError, naming the keys there are."""
    if key not in known:
        raise UsageError(f"There is no {what} {key!r}; there are: {', '.join(known) or 'none'}.")
    return known[key]


def _route(report: Report, name: str) -> Any:
    named = [route["route"] for route in report["load"]]
    if named.count(name) > 1:
        raise UsageError(f"Several loads are called {name!r}: a metric cannot tell them apart.")
    return _one("route", name, dict(zip(named, report["load"], strict=True)))


def _latency(figure: str) -> Callable[[Report, str], Any]:
    return lambda report, subject: _route(report, subject)["latency_ms"][figure]


def _errors(report: Report, subject: str) -> float | None:
    route = _route(report, subject)
    errors = route["errors"]
    sent = route["sent"] + errors.get("shed", 0) - errors.get("left", 0)
    return failed(route) / sent if sent else None


def _gone(report: Report, subject: str) -> int:
    name = _route(report, subject)["route"]
    return sum(seen["gone"] for seen in report.get("requests", ()) if seen["route"] == name)


def _findings(report: Report, subject: str) -> int:
    _one("rule", subject, RULE_INFOS)
    told = [*report["findings"]]
    told += [one for found in told for one in found.get("consequences", ())]
    return sum(one["count"] for one in told if one["rule"] == subject)


def _resource(figure: str) -> Callable[[Report, str], Any]:
    def measure(report: Report, subject: str) -> Any:
        most: dict[str, int] = {}
        for resource in report["resources"]:
            kind, value = resource["kind"], resource[figure]["max"]
            most[kind] = max(value, most.get(kind, 0))
        return _one("resource in use of the kind", subject, most)

    return measure


_METRICS: dict[str, Callable[[Report, str], Any]] = {
    "p50_ms": _latency("p50"),
    "p90_ms": _latency("p90"),
    "p99_ms": _latency("p99"),
    "max_ms": _latency("max"),
    "errors": _errors,
    "gone": _gone,
    "lag_p99_ms": lambda report, _: report["loop"]["lag_ms"]["p99"],
    "utilization": lambda report, _: report["loop"]["utilization"],
    "findings": _findings,
    "counter": lambda report, key: _one("counter", key, report.get("counters", {})),
    "tasks": lambda report, key: _one("count of tasks", key, report["tasks"]),
    "in_use_max": _resource("in_use"),
    "waiting_max": _resource("waiting"),
}
