"""`sequential-awaits`: a request awaits similar things one by one."""

from itertools import pairwise
from typing import NamedTuple

from loopviz.clock import MS
from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.names import Site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Task
from loopviz.model.state.request import Request
from loopviz.units import duration_text
from loopviz.wire.kinds import Family

__all__ = ["SequentialAwaits"]

_REQUESTS = 3
"""How many requests: one may have had an odd day."""
_LEGS, _LEG_NS = 3, 5 * MS
"""How many waits in a row, each how long at least: shorter ones are not worth overlapping."""
_MAX_RATIO = 4
"""How many times longer than the shortest the longest may be: else they are not similar."""
_MAX_BETWEEN = 0.25
"""How much work and other waits may lie between them, as a share of their time."""
_SHARE = 0.5
"""The share of the request's time that they take together."""
_ERROR, _TOO_MANY_REQUESTS = 500, 429
_LINES = 1_000
"""How many lines' awaits are remembered."""
_TASKS = 20_000
"""How many tasks that have held a connection are followed."""


class _Leg(NamedTuple):
    """One wait of the row."""

    start: int
    end: int
    site: Site


class _Row(Case):
    legs = 0
    site: Site | None = None


class SequentialAwaits(Rule[_Row]):
    """One finding for each function that awaits in a row."""

    info = RuleInfo(
        id="sequential-awaits",
        lesson="sequential",
        title="SEQUENTIAL AWAITS",
        summary="similar awaits, one by one",
        why="Waits in a row add up; those that do not need each other could overlap, gathered.",
        fires_when=(
            f"in {_REQUESTS} requests, {_LEGS} waits of {duration_text(_LEG_NS)} or more of one "
            f"user function, the longest at most {_MAX_RATIO} times the shortest, with at most "
            f"{_MAX_BETWEEN:.0%} of their time between them, take {_SHARE:.0%} of the request"
        ),
        counts="requests; such a row",
        false_alarms=(
            "**that the waits depend on each other cannot be seen**: pages that need the one "
            "before, polling, and streaming with pauses look alike. Left out are waits for locks "
            "and pools, statements while a database connection is held, and waits in child tasks. "
            "With httpx and httpx2 a call is one wait; a body that another library reads in pieces "
            "is many, if that call is in a loop"
        ),
        tried=(
            "awaits that differ much in length, or with work between them",
            "statements on one connection",
            "waits for locks and pools",
            "pieces of one response",
            "one call of a library that waits several times",
            "a call after one that failed",
            "a `while`, or a `for` that is left early: retries, polling, pages",
        ),
        cures=(
            "overlap them: `await asyncio.gather(*(f(x) for x in xs))`",
            "bound the overlap with a semaphore, if there are many",
            "ask for all of them in one call or statement",
        ),
        many="{places} more functions await in a row what could overlap, in {count} requests",
    )
    make_case = _Row

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._connected: dict[int, list[tuple[int, int]]] = {}
        """By task, the times in which it held a database connection."""
        self._once: dict[Location | None, bool] = {}
        """Whether these lines await one thing, once."""

    def released(self, hold: Hold, at: int) -> None:
        if hold.task is not None and hold.resource.group.kind.family is Family.DATABASE_POOL:
            if len(self._connected) >= _TASKS:
                self._connected.clear()  # their ends were lost
            self._connected.setdefault(hold.task.number, []).append((hold.since_ns, at))

    def task_ended(self, task: Task, _at: int) -> None:
        if self._connected:
            self._connected.pop(task.number, None)

    def gap(self) -> None:
        self._connected.clear()

    def request_ended(self, request: Request, at: int) -> None:
        if request.lasts:
            return
        least = _SHARE * (request.end_ns - request.start_ns)
        if request.waiting_ns < least or request.waiting_ns < _LEGS * _LEG_NS:
            return
        if len(request.states) < _LEGS or request.truncated:
            return
        legs = max(self._rows(request), key=lambda legs: sum(e - s for s, e, _ in legs), default=[])
        lasted = [leg.end - leg.start for leg in legs]
        if len(legs) < _LEGS or sum(lasted) < least or max(lasted) > _MAX_RATIO * min(lasted):
            return
        if any(_failed(status) and end < legs[-1].start for end, _, _, status in request.calls):
            return  # what follows a call that failed may be its retry
        longest = legs[lasted.index(max(lasted))].site
        case = self.case((longest.path, longest.function))
        if sum(lasted) >= case.worst_ns:
            case.legs, case.site = len(legs), longest
        case.record(sum(lasted), at, request.route, request.number)
        self.record_impact(case, request, sum(lasted) - max(lasted))

    def check(self, case: _Row) -> Verdict:
        where = self.location(case)
        if case.count < _REQUESTS:
            return Verdict.RECHECK
        dependent = where is not None and self.context.code.repeats_by_result(where)
        return Verdict.OK if dependent else Verdict.WARN

    def advice(self, case: _Row, source: str) -> str:
        where = self.location(case)
        text = self.context.code.gathered(where) if where is not None else ""
        return f"`{text}`" if text else super().advice(case, source)

    def severe(self, _case: _Row) -> bool:
        return False

    def location(self, case: _Row) -> Location | None:
        return self.context.where(case.site)

    def sentence(self, case: _Row, source: str) -> str:
        doing = f", in {source}" if source else ""
        return (
            f"{case.label} waited {case.legs} times in a row, {duration_text(case.worst_ns)} in "
            f"total{doing}: these waits could overlap"
        )

    def _rows(self, request: Request) -> list[list[_Leg]]:
        """Waits of the same user function with hardly anything between them."""
        rows: list[list[_Leg]] = [[]]
        between = 0
        connected = self._connected.get(request.task, ())
        for start, end, place, group in request.history:
            site = self.context.trace.site(place)
            if (group is not None and not group.anonymous) or end - start < _LEG_NS:
                continue
            if self.context.where(site) is None or site.name == site.function:
                continue  # the latter: a part of a worker job
            if any(since <= start < until for since, until in connected):
                continue  # one connection runs one statement at a time
            legs = rows[-1]
            if legs:
                gap = start - legs[-1].end
                waited = sum(leg.end - leg.start for leg in legs)
                same = (site.path, site.function) == (legs[-1].site.path, legs[-1].site.function)
                between += gap
                if not same or between > _MAX_BETWEEN * (waited + end - start):
                    rows.append([])
                    between = 0
            rows[-1].append(_Leg(start, end, site))
        long = (legs for legs in rows if len(legs) >= _LEGS)
        return [self._by_line(self._by_call(request, legs)) for legs in long]

    def _by_line(self, legs: list[_Leg]) -> list[_Leg]:
        """Merges the waits of one await: a library waited several times within it."""
        merged: list[_Leg] = []
        for leg in legs:
            last = merged[-1] if merged else leg
            if last is not leg and last.site[1:3] == leg.site[1:3] and self._is_one(leg.site):
                merged[-1] = last._replace(end=leg.end)
            else:
                merged.append(leg)
        return merged

    def _is_one(self, site: Site) -> bool:
        """Whether all waits of a request at that line are of one await."""
        where = self.context.where(site)
        if where not in self._once:
            if len(self._once) >= _LINES:
                self._once.clear()
            self._once[where] = where is not None and self.context.code.awaited_once(where)
        return self._once[where]

    def _by_call(self, request: Request, legs: list[_Leg]) -> list[_Leg]:
        """Merges the waits of one outbound call into one leg."""
        start, end = legs[0].start, legs[-1].end
        ends = [at for at, _, _, _ in request.calls if start < at]
        if not ends:
            return legs
        cuts = [start, *ends]
        parts = [[leg for leg in legs if a < leg.end <= b] for a, b in pairwise(cuts)]
        parts.append([leg for leg in legs if leg.end > cuts[-1]])
        return [_Leg(p[0].start, p[-1].end, p[0].site) for p in parts if p and p[0].start < end]


def _failed(status: int) -> bool:
    """Whether an outbound call had no answer, or one after which it is worth trying again."""
    return not status or status >= _ERROR or status == _TOO_MANY_REQUESTS
