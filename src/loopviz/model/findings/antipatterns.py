"""What each request does alike: makes its own client, awaits one thing after the other."""

from itertools import pairwise
from typing import NamedTuple

from loopviz.clock import MS
from loopviz.model.findings.evidence import took
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.names import Site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Task
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.kinds import Family

__all__ = ["ClientPerRequest", "SequentialAwaits"]

_REQUESTS = 3
"""So many requests: one may have made what the others share, or had an odd day."""
_MAKERS = 0.2
"""Of the route's requests; fewer fill a cache."""
_ROUTES = 500
"""That are counted."""
_LEG_NS = 5 * MS
"""A shorter wait is not worth overlapping."""
_LEGS = 3
_ALIKE = 4
"""The longest is at most so many times as long as the shortest: else it is not a list's items."""
_BETWEEN = 0.25
"""Work and other waits between them, as a share of theirs: more, and they are not in a row."""
_HALF = 0.5
"""Of the request's time that they take together."""

_TASKS = 20_000
"""That have had a connection, and live on."""


class _Client(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: ResourceGroup | None = None
        self.routes: dict[str, int] = {}
        """Requests of the route that had ended before the first that made one."""


class ClientPerRequest(Rule[_Client]):
    """`client-per-request`: requests make pools of their own, at one line."""

    rule = "client-per-request"
    title = "CLIENT PER REQUEST"
    many = "{places} more lines make a pool for one request, {count} times in all"
    make_case = _Client

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ended: dict[str, int] = {}

    def request_ended(self, request: "Request", at: int) -> None:
        route = request.route
        if route in self._ended or len(self._ended) < _ROUTES:
            self._ended[route] = self._ended.get(route, 0) + 1
        for row in dict.fromkeys(request.made):
            if row.kind.client and self.context.where(row.site) is not None:
                case = self.case(row)
                case.row = row
                if len(case.routes) < _ROUTES:
                    case.routes.setdefault(route, self._ended.get(route, 1) - 1)
                case.note(0, at, route, request.number)

    def check(self, case: _Client) -> Verdict:
        requests = sum(self._ended.get(route, 0) - before for route, before in case.routes.items())
        if case.count < _REQUESTS:
            return Verdict.RECHECK
        return Verdict.WARN if case.count >= _MAKERS * requests else Verdict.OK

    def location(self, case: _Client) -> Location | None:
        return self.context.where(case.row.site) if case.row is not None else None

    def sentence(self, case: _Client, source: str) -> str:
        assert case.row is not None
        doing = f" in {source}" if source else ""
        return f"{case.label} makes {case.row.kind.client}s of its own{doing}: none is shared"


class _Leg(NamedTuple):
    start: int
    end: int
    site: Site


class _Row(Case):
    legs = 0
    site: Site | None = None


class SequentialAwaits(Rule[_Row]):
    """`sequential-awaits`: a request awaits alike things one after the other."""

    rule = "sequential-awaits"
    title = "ONE AFTER THE OTHER"
    many = "{places} more functions await in a row what may overlap, in {count} requests"
    make_case = _Row

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._connected: dict[int, list[tuple[int, int]]] = {}
        """By task, from when till when it held a database connection."""

    def released(self, hold: "Hold", at: int) -> None:
        family = hold.resource.row.kind.family
        if hold.task is not None and family is Family.DATABASE_POOL:
            if len(self._connected) >= _TASKS:
                self._connected.clear()  # their ends were not told
            self._connected.setdefault(hold.task.number, []).append((hold.since_ns, at))

    def task_ended(self, task: "Task", _at: int) -> None:
        if self._connected:
            self._connected.pop(task.number, None)

    def gap(self) -> None:
        self._connected.clear()

    def request_ended(self, request: "Request", at: int) -> None:
        least = _HALF * (request.end_ns - request.start_ns)
        if request.waiting_ns < least or request.waiting_ns < _LEGS * _LEG_NS:
            return
        if len(request.states) < _LEGS or request.truncated:
            return
        legs = max(self._rows(request), key=lambda legs: sum(e - s for s, e, _ in legs), default=[])
        lasted = [leg.end - leg.start for leg in legs]
        if len(legs) < _LEGS or sum(lasted) < least or max(lasted) > _ALIKE * min(lasted):
            return
        longest = legs[lasted.index(max(lasted))].site
        case = self.case((longest.path, longest.function))
        if sum(lasted) >= case.worst_ns:
            case.legs, case.site = len(legs), longest
        case.note(sum(lasted), at, request.route, request.number)
        self.suffers(case, request, sum(lasted) - max(lasted))

    def check(self, case: _Row) -> Verdict:
        return Verdict.WARN if case.count >= _REQUESTS else Verdict.RECHECK

    def severe(self, _case: _Row) -> bool:
        return False

    def location(self, case: _Row) -> Location | None:
        return self.context.where(case.site)

    def sentence(self, case: _Row, source: str) -> str:
        doing = f", in {source}" if source else ""
        return (
            f"{case.label} waited {case.legs} times in a row, {took(case.worst_ns)} in all{doing}: "
            "these may overlap"
        )

    def _rows(self, request: "Request") -> list[list[_Leg]]:
        """Waits of the same user function with hardly anything between them."""
        rows: list[list[_Leg]] = [[]]
        between = 0
        connected = self._connected.get(request.task, ())
        for start, end, place, row in request.history:
            site = self.context.trace.site(place)
            if (row is not None and not row.anonymous) or end - start < _LEG_NS:
                continue
            if self.context.where(site) is None:
                continue
            if any(since <= start < until for since, until in connected):
                continue  # one connection runs one statement at a time
            legs = rows[-1]
            if legs:
                gap = start - legs[-1].end
                waited = sum(leg.end - leg.start for leg in legs)
                same = (site.path, site.function) == (legs[-1].site.path, legs[-1].site.function)
                between += gap
                if not same or between > _BETWEEN * (waited + end - start):
                    rows.append([])
                    between = 0
            rows[-1].append(_Leg(start, end, site))
        return [self._by_call(request, legs) for legs in rows if len(legs) >= _LEGS]

    def _by_call(self, request: "Request", legs: list[_Leg]) -> list[_Leg]:
        """Where outbound calls ended meanwhile: one leg for each, however often it waited."""
        start, end = legs[0].start, legs[-1].end
        ends = [at for at, _, _, _ in request.calls if start < at]
        if not ends:
            return legs
        cuts = [start, *ends]
        parts = [[leg for leg in legs if a < leg.end <= b] for a, b in pairwise(cuts)]
        parts.append([leg for leg in legs if leg.end > cuts[-1]])
        return [_Leg(p[0].start, p[-1].end, p[0].site) for p in parts if p and p[0].start < end]
