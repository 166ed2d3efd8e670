"""The verdict after a change of fixes: one, from everything that is active now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from loopviz.clock import SECOND
from loopviz.model.snapshot.comparison import (
    GRACE_NS,
    SHOWN_NS,
    Comparison,
    CounterComparison,
    RouteComparison,
)
from loopviz.model.snapshot.findings import Finding
from loopviz.output import lowered

__all__ = ["ACTIVE_NS", "FixVerdict", "Outcome", "is_active", "judge"]

Outcome = Literal["solved", "better", "same", "worse", "early", "hanging"]

ACTIVE_NS = 3 * SECOND
"""A finding that was not seen for longer is past."""
_HANGS_NS = 5 * SECOND
"""Requests from before the change, none of which has ended for so long, hang."""
_OF_THE_MACHINE = ("machine-busy", "cpu-throttled")
"""Rules for what no fix can help: as a warning it is no trouble of the app's."""
_TURNS = (
    *("pool-exhausted", "lock-convoy", "lock-held-across-io"),
    *("blocked-put", "ready-delay-high"),
)
"""Rules for waits of those who take turns. A bound or a lock that cures something else may bring
such a finding: it is the price of the cure, and told with it."""
_MORE, _MANY_MORE = 0.05, 0.2
"""By how much larger the share of failed requests has to be, to be trouble, and to be worse."""
_MUCH_WORSE = 0.2
"""From one cure to another a figure may become certainly, and harmlessly, a little worse."""
_SOME = 3
"""A change of pace takes so many to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixVerdict:
    """What the last change of fixes has done."""

    outcome: Outcome
    reason: str = ""
    """What is still wrong or has become worse, or how far the measurement is; if it is solved, the
    findings that it has brought."""
    lasted_ns: int
    """How long ago the change was."""
    fixes: tuple[str, ...]
    """The fixes that have been on since."""


def is_active(finding: Finding, now_ns: int) -> bool:
    """Whether what it is about goes on, or was seen a moment ago."""
    return bool(finding.open) or now_ns - finding.last_ns <= ACTIVE_NS


def judge(
    comparison: Comparison | None,
    findings: Sequence[Finding],
    wrong: Collection[str] = (),
    on: frozenset[str] | None = None,
) -> FixVerdict | None:
    """The verdict on the current phase; None if nothing is compared.

    `wrong` has the fixes of which the scenario says that they are no cure; `on` those that are on
    now, if that is known: a comparison of others is of a phase that has just ended.
    """
    if comparison is None or not comparison.comparable or not comparison.started:
        return None
    if on is not None and on != frozenset(comparison.after_fixes):
        reason = f"0 of {ACTIVE_NS // SECOND} s"
        return FixVerdict(outcome="early", reason=reason, lasted_ns=0, fixes=tuple(sorted(on)))
    outcome, reason = _Case(comparison, findings, wrong).outcome()
    return FixVerdict(
        outcome=outcome,
        reason=reason,
        lasted_ns=comparison.at_ns - comparison.since_ns,
        fixes=comparison.after_fixes,
    )


class _Case:
    """What is known of one comparison."""

    def __init__(
        self, comparison: Comparison, findings: Sequence[Finding], wrong: Collection[str]
    ) -> None:
        self._of = comparison
        self._headline = comparison.headline
        self._lasted_ns = comparison.at_ns - comparison.since_ns
        self._wrong = any(key in wrong for key in comparison.after_fixes)
        self._settled = since = max(comparison.settled_ns, comparison.since_ns + GRACE_NS)
        active = [f for f in findings if is_active(f, comparison.at_ns)]
        now = [f for f in active if f.open or f.last_ns >= since]
        known = comparison.found_without_fix
        self._price = [f for f in now if f.rule in _TURNS and f.rule not in known]
        self._active = [f for f in now if f not in self._price]
        self._ending = [f for f in active if f not in now and f.severity == "error"]
        """Errors that may have been about what ran before the change."""
        self._past = [f for f in findings if not is_active(f, comparison.at_ns)]
        self._growing = [c for c in comparison.counters if c.bad and c.lately > 0]

    def outcome(self) -> tuple[Outcome, str]:
        comparison, headline = self._of, self._headline
        if comparison.stuck and comparison.stuck_ns >= _HANGS_NS:
            return "hanging", f"{_requests(comparison.stuck)} from before"
        if self._lasted_ns < ACTIVE_NS:
            return "early", f"{max(self._lasted_ns, 0) // SECOND} of {ACTIVE_NS // SECOND} s"
        if silent := self._silent():
            return ("worse" if silent.answered.before else "same"), _unanswered(silent)
        if failing := self._failing(_MANY_MORE):
            return "worse", failing
        if comparison.stuck and comparison.at_ns - self._settled < GRACE_NS:
            return "early", f"{_requests(comparison.stuck)} from before"
        trouble = self._trouble()
        moved = headline.moved if headline is not None else 0
        if moved is None:
            assert headline is not None
            if headline.few_before and comparison.after_fixes and self._has_ended(trouble):
                return self._soon() or self._is_solved()
            return "early", headline.progress
        if moved > 0 and headline is not None and headline.by >= _MUCH_WORSE:
            return "worse", headline.words
        if not comparison.after_fixes:
            trouble = trouble or [""]  # without a fix nothing is solved
        if self._solved(trouble):
            return self._soon() or self._is_solved()
        if back := self._is_back():
            return "worse", back
        if moved < 0 or self._slowed():
            return "better", next(iter(trouble), "") or self._not_enough()
        if worse := self._quickened():
            return "worse", worse
        return self._soon() or ("same", next(iter(trouble + self._named(self._price)), ""))

    def _is_solved(self) -> tuple[Outcome, str]:
        return "solved", ", ".join(dict.fromkeys(self._named(self._price)))

    def _soon(self) -> tuple[Outcome, str] | None:
        """Too early, while something from before the change was seen only a moment ago."""
        newest = max(self._ending, key=lambda f: f.last_ns, default=None)
        if newest is not None:
            ago_s = (self._of.at_ns - newest.last_ns) / SECOND
            return "early", f"{_name(newest)} was seen {ago_s:.0f} s ago"
        counted_ns = self._of.at_ns - self._settled
        if counted_ns < SHOWN_NS and any(counter.bad for counter in self._of.counters):
            return "early", f"counted for {max(counted_ns, 0) // SECOND} of {SHOWN_NS // SECOND} s"
        return None

    def _solved(self, trouble: Sequence[str]) -> bool:
        headline = self._headline
        if headline is None or not (headline.cured or headline.without or headline.before):
            return self._has_ended(trouble)
        if headline.cured:
            return not trouble and not self._wrong
        fixed_before = bool(self._of.before_fixes)  # then there may be nothing left to gain
        return (headline.moved == -1 or fixed_before) and self._has_ended(trouble)

    def _has_ended(self, trouble: Sequence[str]) -> bool:
        """Something was wrong before the change, and nothing is since."""
        if trouble or self._wrong or self._named(self._price):
            return False
        return any(
            finding.last_ns < self._settled and finding.rule not in _OF_THE_MACHINE
            for finding in self._past + self._ending
        )

    def _trouble(self) -> list[str]:
        """What is wrong now, in words: the scenario's counters, errors, warnings that go on."""
        errors = [finding for finding in self._active if finding.severity == "error"]
        warnings = [finding for finding in self._active if finding not in errors]
        grow = [_more(counter) for counter in self._growing]
        failing = self._failing(_MORE)
        return grow + self._named(errors) + self._named(warnings) + ([failing] if failing else [])

    def _named(self, findings: Sequence[Finding]) -> list[str]:
        """The names of these; one warning may be chance, and the machine's are not the app's."""
        since = self._settled
        return [
            _name(finding)
            for finding in findings
            if finding.severity == "error"
            or (
                finding.rule not in _OF_THE_MACHINE
                and (finding.open or sum(moment.at_ns >= since for moment in finding.moments) > 1)
            )
        ]

    def _failing(self, by: float) -> str:
        """A route of which a larger share fails, by so much, and not because it is refused."""
        for route in self._of.routes:
            if route.enough:
                was, now = (
                    broken / max(quantiles.count, 1)
                    for broken, quantiles in zip(
                        route.broken, (route.before, route.after), strict=True
                    )
                )
                if now > was + by:
                    return f"{route.route}: {now * 100:.0f} % fail, {was * 100:.0f} % before"
        return ""

    def _silent(self) -> RouteComparison | None:
        """A route that has answered none since the change, for longer than it used to take."""
        routes = [
            r
            for r in self._of.routes
            if r.open
            and not r.answered.after
            and (r.oldest_ns > r.before.max_ns or not r.answered.before)
        ]
        return max(routes, key=lambda r: r.oldest_ns, default=None)

    def _not_enough(self) -> str:
        if self._wrong:
            return "it is no cure"
        return self._headline.words if self._headline is not None else ""

    def _slowed(self) -> bool:
        """Whether a bad counter grows far more slowly than before."""
        return any(
            c.bad and c.grew.before >= _SOME and c.per_s.after < 0.5 * c.per_s.before
            for c in self._of.counters
        )

    def _is_back(self) -> str:
        """The name of an error that was there without a fix, and not with the fix before."""
        of = self._of
        back = of.found_without_fix - of.found_before if of.before_fixes else ()
        errors = [f for f in self._active if f.severity == "error" and f.rule in back]
        return next(iter(self._named(errors)), "")

    def _quickened(self) -> str:
        """A bad counter that grows, and did not before, or only half as fast."""
        for counter in self._growing:
            if counter.grew.after >= _SOME and counter.per_s.after > 2 * counter.per_s.before:
                return _more(counter)
        return ""


def _more(counter: CounterComparison) -> str:
    return f"{counter.title}: {counter.lately:,} more in {counter.lately_ns // SECOND} s"


def _name(finding: Finding) -> str:
    return lowered(finding.title)


def _requests(count: int) -> str:
    return f"{count:,} request{'s' if count > 1 else ''}"


def _unanswered(route: RouteComparison) -> str:
    oldest = f"oldest {route.oldest_ns / SECOND:.1f} s"
    return f"{route.route}: none answered, {route.open:,} open, {oldest}"
