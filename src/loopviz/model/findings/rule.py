"""What all rules have in common: cases by culprit, a verdict on each, and a finding for the bad."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from heapq import nlargest
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from loopviz.model.findings.suggestions import Suggest
from loopviz.model.names import Naming, Site
from loopviz.model.snapshot import Finding, Impact, Location, Moment
from loopviz.model.state.entities import Task
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.observer import Observer
from loopviz.model.state.ongoing import Ongoing, ongoing
from loopviz.model.state.request import Request
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace

__all__ = ["Case", "Context", "Rule", "Verdict", "latest", "together", "worst_first"]

_CASES = 100
"""How many culprits a rule distinguishes; further ones share one case."""
_OTHERS = "others"
"""The key of that case; no rule uses it."""
_MAX_FINDINGS = 50
"""How many findings one rule reports; one more sums up the rest."""

_MOMENTS = 8
"""How many of the last moments a finding keeps."""
_ROUTES = 50
"""How many routes a finding distinguishes."""


class Verdict(Enum):
    """On a case. `RECHECK`: there is something, but not enough evidence yet."""

    OK, WARN, RECHECK = range(3)


class Context:
    """What rules may read, beside the events that they receive as `Observer`s."""

    def __init__(self, naming: Naming, loop: LoopTimes, load: Routes | None = None) -> None:
        self.naming = naming
        self.loop = loop
        self.load = load
        """What the load sees of each of its routes."""
        self.trace: Trace
        """Set before the first event."""
        self.routes: tuple[str, ...] = ()
        """The app's own routes, once known."""
        self.wanted = 0
        """The task whose await stack a rule needs, 0: none."""
        self.stacks: dict[int, tuple[Location, ...]] = {}
        """What was asked for and answered, by task, outermost frame first; the rule that wants
        them drops those that it needs no more."""

    def ongoing(self, now: int) -> Ongoing:
        """What has begun on the loop and not ended at `now`."""
        return ongoing(self.trace, self.loop, self.load, now)

    def where(self, site: Site | None) -> Location | None:
        """A line of the user's code; None for a library's, or if it is not known."""
        if site is None or not site.path or not self.naming.is_users(site.path):
            return None
        return Location(
            file=self.naming.short(site.path),
            line=site.line,
            function=site.function,
            path=site.path,
        )

    def place(self, number: int) -> Location | None:
        """The same of a place's number."""
        return self.where(self.trace.site(number)) if number else None

    def label(self, task: "Task | None") -> str:
        """What people call a task, without the function that its coroutine is local to."""
        name = self.trace.label(task) if task is not None else "a task"
        return name.rpartition(".<locals>.")[2]

    @staticmethod
    def number(task: "Task | None") -> int:
        """Of the request that the task works for, 0: none."""
        return task.request.number if task is not None and task.request is not None else 0

    def waiting_request(self, task: "Task | None") -> "Request | None":
        """The request that waits for what the task does, if that is still open."""
        request = task.request if task is not None else None
        if request is None or self.trace.requests.open.get(request.task) is not request:
            return None
        return request


class Case:
    """What a rule knows of one culprit. Times are nanoseconds."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = self.worst_ns = self.total_ns = self.last_ns = 0
        self.victims = self.victim_ns = 0
        self.nothing_open()
        self.label = ""
        """Who it was, at its worst."""
        self.moments: deque[Moment] = deque(maxlen=_MOMENTS)
        """The last ones, in the order of their events."""
        self.impacts: dict[str, tuple[int, int]] = {}
        """By route: requests, and how long they waited."""

    def nothing_open(self) -> None:
        """Nothing of it goes on, as far as is known before a `refresh`."""
        self.open = self.open_ns = self.open_worst_ns = 0
        """Of what still goes on, as of the last `refresh`: how many, how long, the longest."""
        self.open_impacts: dict[str, tuple[int, int]] = {}
        """By route: requests that wait and are not in `victims` yet, and how long all do."""

    def goes_on(self, lasted_ns: int) -> None:
        """One more that has not ended, and has lasted so long."""
        self.open += 1
        self.open_ns += lasted_ns
        self.open_worst_ns = max(self.open_worst_ns, lasted_ns)

    def record_open_impact(self, route: str, wait_ns: int, *, new: bool) -> None:
        """A request has waited so long for it and still does; in `victims` already unless `new`."""
        requests, waited = self.open_impacts.get(route, (0, 0))
        if route in self.open_impacts or len(self.open_impacts) < _ROUTES:
            self.open_impacts[route] = requests + new, waited + wait_ns

    @property
    def open_victims(self) -> int:
        """Requests that wait for it and are not in `victims` yet."""
        return sum(requests for requests, _ in self.open_impacts.values())

    @property
    def open_victim_ns(self) -> int:
        """How long requests have waited for it that still do."""
        return sum(waited for _, waited in self.open_impacts.values())

    @property
    def longest_ns(self) -> int:
        """The worst, whether or not it has ended."""
        return max(self.worst_ns, self.open_worst_ns)

    def note(self, lasted_ns: int, at: int, label: str = "", request: int = 0) -> None:
        """It happened once more; `request` is the number of the one that shows it."""
        self.count += 1
        self.moments.append(Moment(at_ns=at, lasted_ns=lasted_ns, label=label, request=request))
        self.total_ns += lasted_ns
        self.last_ns = max(self.last_ns, at)
        if lasted_ns >= self.worst_ns:
            self.worst_ns, self.label = lasted_ns, label

    def record_impact(self, request: "Request", wait_ns: int, *, new: bool) -> None:
        """The request waited so long for it, not for the first time unless `new`."""
        self.victims += new
        self.victim_ns += wait_ns
        requests, waited = self.impacts.get(request.route, (0, 0))
        if requests or len(self.impacts) < _ROUTES:
            self.impacts[request.route] = requests + new, waited + wait_ns


C = TypeVar("C", bound=Case)


class Rule(Observer, Generic[C]):
    """A rule: receives events, keeps cases, and judges them on request."""

    rule = ""
    """Its id: `lock-convoy`."""
    title = ""
    many = "{places} more places, {count} times in all"
    """The summary of many cases."""
    make_case: Callable[[int], C]

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cases: dict[object, C] = {}

    def check(self, case: C) -> Verdict:
        """What to think of it."""
        raise NotImplementedError

    def sentence(self, case: C, source: str) -> str:
        """Describes the worst occurrence; counts and victims are figures of their own."""
        raise NotImplementedError

    def location(self, case: C) -> Location | None:
        """The culprit's line."""
        raise NotImplementedError

    def severe(self, case: C) -> bool:
        """Whether it is an error, or just a warning."""
        return case.count > 1

    def second_ended(self, now: int, records: Sequence[NDArray[np.void]]) -> None:
        """A second is over; these were its events."""

    def refresh(self, now: int) -> None:
        """Findings are asked for: what still goes on counts up to `now`."""

    def case(self, key: object) -> C:
        """Of that culprit; all that are too many are one."""
        case = self.cases.get(key)
        if case is None:
            if len(self.cases) >= _CASES:
                key = _OTHERS
                case = self.cases.get(key)
            if case is None:
                case = self.cases[key] = type(self).make_case(len(self.cases))
        return case

    def record_impact(self, case: C, request: "Request | None", wait_ns: int) -> None:
        """The request waited so long for that culprit."""
        if request is None:
            return
        if request.victim_of is None:
            request.victim_of = set()
        key = (self.rule, case.number)
        new = key not in request.victim_of
        request.victim_of.add(key)
        case.record_impact(request, wait_ns, new=new)

    def findings(self, suggest: Suggest, now: int) -> list[Finding]:
        """One for each culprit, and one more for those that are too many."""
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
            code = source.partition("  # ")[0]
            sentence = self.sentence(case, code.removesuffix(":"))
            found.append(
                self._finding([case], self.severe(case), sentence, where, source, suggest, now)
            )
        if rest := bad[len(shown) :]:
            found.append(self._finding(rest, False, self.summary(rest), None, "", suggest, now))
        return found

    def summary(self, cases: Sequence[C]) -> str:
        """Of many, a sentence."""
        return self.many.format(places=len(cases), count=sum(case.count for case in cases))

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
            rule=self.rule,
            severity="error" if severe else "warning",
            title=self.title,
            sentence=sentence,
            count=sum(case.count + case.open for case in cases),
            worst_ns=max(case.longest_ns for case in cases),
            total_ns=sum(case.total_ns + case.open_ns for case in cases),
            last_ns=max(now if case.open else case.last_ns for case in cases),
            location=where,
            source=source,
            victims=sum(case.victims + case.open_victims for case in cases),
            victim_wait_ns=sum(case.victim_ns + case.open_victim_ns for case in cases),
            suggested_fix=suggest(self.rule),
            moments=latest(moment for case in cases for moment in case.moments),
            impacts=together(
                Impact(route, *suffered)
                for case in cases
                for impacts in (case.impacts, case.open_impacts)
                for route, suffered in impacts.items()
            ),
            open=sum(case.open for case in cases),
            open_ns=max(case.open_worst_ns for case in cases),
        )


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by how long others waited, then by total time."""
    return tuple(
        sorted(findings, key=lambda f: (f.severity != "error", -f.victim_wait_ns, -f.total_ns))
    )


def latest(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """The last ones, the newest first."""
    return tuple(nlargest(_MOMENTS, moments))


def together(impacts: Iterable[Impact]) -> tuple[Impact, ...]:
    """One for each route, the longest wait first."""
    sums: dict[str, tuple[int, int]] = {}
    for route, requests, waited in impacts:
        before = sums.get(route, (0, 0))
        sums[route] = before[0] + requests, before[1] + waited
    added_up = (Impact(route, *suffered) for route, suffered in sums.items())
    return tuple(sorted(added_up, key=lambda one: (-one.waited_ns, -one.requests, one.route)))
