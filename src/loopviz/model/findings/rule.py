"""The base of all rules: cases by culprit, a verdict on each, and a finding for each bad one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import quoted
from loopviz.model.findings.suggestions import Suggest
from loopviz.model.snapshot import Finding, Impact, Location
from loopviz.model.snapshot.findings import latest, merge_impacts
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
    cures: tuple[str, ...]
    """What to do about it, the usual cure first."""
    many: str = "{places} more places, {count} times in total"
    """The sentence that sums up the culprits beyond the first `_MAX_FINDINGS`."""
    at_line: str = ""
    """The note beside the culprit's line in its source; empty: the title."""


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

    # ---- findings

    def findings(self, suggest: Suggest, now: int) -> list[Finding]:
        """One finding for each culprit, worst first, and one that sums up the rest."""
        self.refresh(now)
        bad = [case for case in self.cases.values() if self.check(case) is Verdict.WARN]
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
            title=self.info.title,
            sentence=sentence,
            count=sum(case.count + case.open for case in cases),
            worst_ns=max(case.longest_ns for case in cases),
            total_ns=sum(case.total_ns + case.open_ns for case in cases),
            last_ns=max(now if case.open else case.last_ns for case in cases),
            location=where,
            source=source,
            victims=sum(case.victims + case.open_victims for case in cases),
            victim_wait_ns=sum(case.victim_ns + case.open_victim_ns for case in cases),
            suggested_fix=suggest(self.info.id),
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
