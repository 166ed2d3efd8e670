"""The base of all rules: cases by culprit, a verdict on each, and a finding for each bad one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import quoted
from loopviz.model.findings.suggestions import Suggest
from loopviz.model.snapshot import Finding, Impact, Location
from loopviz.model.snapshot.findings import (
    Consequence,
    latest,
    merge_consequences,
    merge_impacts,
)
from loopviz.model.state.observer import Observer
from loopviz.model.state.request import Request
from loopviz.wire.endpoint_work import EndpointWork

__all__ = ["Rule", "RuleInfo"]

_CASES = 100
"""How many culprits a rule distinguishes; further ones share one case."""
_OTHERS = "others"
"""The key of that case; no rule uses it."""
_MAX_FINDINGS = 50
"""How many findings one rule reports; one more sums up the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """A rule in words, for the screen, the report and the documents."""

    id: str
    """`lock-convoy`."""
    title: str
    """In capitals, as it heads a finding."""
    summary: str
    """What is wrong, in a few words: 55 characters at most."""
    why: str
    """Why that is bad, in one sentence of 100 characters at most."""
    fires_when: str
    """The evidence that it takes, with the thresholds."""
    counts: str
    """What a finding's `count` counts, and what its `worst_ns` measures."""
    false_alarms: str = ""
    """What can deceive it, in either direction."""
    tried: tuple[str, ...]
    """What is healthy, looks similar, and was tried: it is no finding."""
    cures: tuple[str, ...]
    """What to do about it, the usual cure first."""
    many: str = "{places} more places, {count} times in total"
    """The sentence that sums up the culprits beyond the first `_MAX_FINDINGS`."""
    at_line: str = ""
    """The note beside the culprit's line in its source; empty: the title."""
    lesson: str = ""
    """The id of the scenario that teaches it; empty: none does."""


C = TypeVar("C", bound=Case)


class Rule(Observer, Generic[C]):
    """Receives events, keeps cases, and judges them on request."""

    info: ClassVar[RuleInfo]
    make_case: Callable[[int], C]

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cases: dict[object, C] = {}

    # ---- what a rule defines, beside the events it observes

    def check(self, case: C) -> Verdict:
        """Judges the case."""
        raise NotImplementedError

    def severe(self, case: C) -> bool:
        """Whether it is an error rather than a warning."""
        return case.count > 1

    def location(self, case: C) -> Location | None:
        """The culprit's line."""
        raise NotImplementedError

    def sentence(self, case: C, source: str) -> str:
        """Describes the worst occurrence; `source` is the culprit's line of code.

        Counts and victims are figures of their own.
        """
        raise NotImplementedError

    def about(self, case: C) -> Iterable[Subject]:
        """What may account for the case, the most likely first.

        If an earlier rule's case explains one of them, this one is told as its consequence.
        """
        due_to = case.mostly_due_to
        return () if due_to is None else (due_to,)

    def explains(self, _case: C) -> Iterable[Subject]:
        """What the case accounts for: see `about`. It may be a finding or not (`case.bad`)."""
        return ()

    def consequence(self, case: C) -> str:
        """Describes the case as what follows from another: it goes on after "and so"."""
        return self.sentence(case, "")

    def answerable(self, _case: C) -> bool:
        """Whether a fix of the scenario for this rule may answer the case."""
        return True

    def lesson(self, _case: C) -> str:
        """The id of the scenario that teaches what the case is about; empty: none does."""
        return self.info.lesson

    def advice(self, _case: C, _source: str) -> str:
        """What to do about it, in words for the culprit's line of code."""
        return self.info.cures[0]

    def work(self, _case: C) -> EndpointWork | None:
        """What FastAPI did, if the culprit is an endpoint that did not run itself."""
        return None

    def second_ended(self, now: int, records: Sequence[NDArray[np.void]]) -> None:
        """A second of event time has ended; these were its events."""

    def refresh(self, now: int) -> None:
        """Findings are about to be made: brings what is open up to `now`."""

    # ---- what it uses

    def case(self, key: object) -> C:
        """The case of that culprit; beyond `_CASES` culprits, all share one."""
        case = self.cases.get(key)
        if case is None:
            if len(self.cases) >= _CASES:
                key = _OTHERS
                case = self.cases.get(key)
            if case is None:
                case = self.cases[key] = type(self).make_case(len(self.cases))
        return case

    def record_impact(self, case: C, request: Request | None, wait_ns: int) -> None:
        """The request waited for that culprit."""
        if request is None:
            return
        if request.victim_of is None:
            request.victim_of = set()
        key = (self.info.id, case.number)
        new = key not in request.victim_of
        request.victim_of.add(key)
        case.record_impact(request, wait_ns, new=new)

    def record_blocked(self, case: C, start: int, end: int) -> None:
        """Stalls between these times account for that much of the case."""
        for culprit, ns in self.context.blocked(start, end):
            case.owe(culprit, ns)

    def owe_open(self, case: C, since: int, now: int) -> None:
        """Stalls account for as much of what is open as of the oldest, which began at `since`.

        Call it once all that is open is recorded: there may be very many waits and stalls.
        """
        for culprit, ns in self.context.blocked_now(since, now):
            case.owe_open(culprit, ns * case.open_ns // max(now - since, 1))

    # ---- findings

    def judge(self, now: int) -> None:
        """Finds out which cases are bad now, and which of these follow from another one.

        Rules are asked in their order, causes first.
        """
        self.refresh(now)
        for case in self.cases.values():
            case.consequences.clear()
            case.cause = None
            case.bad = self.check(case) is Verdict.WARN
            if case.bad:
                case.cause = self.context.cause(self.about(case))
            if case.cause is not None and case.cause.bad:
                case.cause.consequences.append(self._consequence(case))
            self.context.explain(case.cause or case, self.explains(case))

    def findings(self, suggest: Suggest, now: int) -> list[Finding]:
        """One finding for each culprit, worst first, and one that sums up the rest.

        Without those that follow from another finding.
        """
        bad = [case for case in self.cases.values() if case.bad and case.cause is None]
        others = self.cases.get(_OTHERS)
        bad.sort(
            key=lambda case: (
                case is others,
                -case.victim_ns - case.open_victim_ns,
                -case.total_ns - case.open_ns,
            )
        )
        found = []
        shown = [case for case in bad[:_MAX_FINDINGS] if case is not others]
        for case in shown:
            where = self.location(case)
            source = self.context.naming.source(where)
            sentence = self.sentence(case, quoted(source))
            found.append(
                self._finding([case], self.severe(case), sentence, where, source, suggest, now)
            )
        if rest := bad[len(shown) :]:
            count = sum(case.count for case in rest)
            sentence = self.info.many.format(places=len(rest), count=count)
            found.append(self._finding(rest, False, sentence, None, "", suggest, now))
        return found

    def _consequence(self, case: C) -> Consequence:
        return Consequence(
            self.info.id,
            self.consequence(case),
            case.count + case.open,
            case.victim_ns + case.open_victim_ns,
        )

    def title(self, _case: C) -> str:
        """The finding's title; another one where the rule's says more than is known of the case."""
        return self.info.title

    def _finding(
        self,
        cases: Sequence[C],
        severe: bool,
        sentence: str,
        where: Location | None,
        source: str,
        suggest: Suggest,
        now: int,
    ) -> Finding:
        return Finding(
            rule=self.info.id,
            severity="error" if severe else "warning",
            title=self.title(cases[0]),
            sentence=sentence,
            count=sum(case.count + case.open for case in cases),
            worst_ns=max(case.longest_ns for case in cases),
            total_ns=sum(case.total_ns + case.open_ns for case in cases),
            last_ns=max(now if case.open else case.last_ns for case in cases),
            location=where,
            source=source,
            victims=sum(case.victims + case.open_victims for case in cases),
            victim_wait_ns=sum(case.victim_ns + case.open_victim_ns for case in cases),
            suggested_fix=suggest(self.info.id) if self.answerable(cases[0]) else "",
            advice=self.advice(cases[0], source),
            lesson=self.lesson(cases[0]),
            consequences=merge_consequences(one for case in cases for one in case.consequences),
            moments=latest(moment for case in cases for moment in case.moments),
            impacts=merge_impacts(
                Impact(route, *impact)
                for case in cases
                for impacts in (case.impacts, case.open_impacts)
                for route, impact in impacts.items()
            ),
            open=sum(case.open for case in cases),
            open_ns=max(case.open_worst_ns for case in cases),
            work=self.work(cases[0]) if where is not None else None,
        )
