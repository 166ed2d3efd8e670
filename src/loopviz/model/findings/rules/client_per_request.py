"""`client-per-request`: requests make clients or pools of their own."""

from collections.abc import Iterable

from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.stalls import Stall
from loopviz.wire.kinds import Family

__all__ = ["ClientPerRequest"]

_REQUESTS = 3
"""How many requests: one may have made what the others share."""
_SHARE = 0.2
"""The share of the route's requests: fewer fill a cache."""
_ROUTES = 500
"""How many routes are counted."""
_EXECUTORS = (Family.THREADS, Family.PROCESSES)
"""Their lines may block the loop for another reason: `with` waits for their work at its end."""


class _Client(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.routes: dict[str, int] = {}
        """How many requests of the route had ended before the first that made one."""


class ClientPerRequest(Rule[_Client]):
    """One finding for each line that makes such clients."""

    info = RuleInfo(
        id="client-per-request",
        lesson="client",
        title="CLIENT PER REQUEST",
        summary="requests make a client or a pool of their own",
        why="Each has to connect anew, and connections pile up; one for the whole app is enough.",
        fires_when=(
            f"{_REQUESTS} requests, and {_SHARE:.0%} of their routes' requests, make an HTTP "
            "client, a database engine or pool, or an executor at one user line"
        ),
        counts="requests",
        false_alarms=(
            "a cache with as many entries as there are requests; a client that is never used is "
            "missed"
        ),
        tried=(
            "a client that is made at start-up, or by the first request for all",
            "a cache of clients",
        ),
        cures=("make one in the app's lifespan, and share it", "get it through `Depends`"),
        many="{places} more lines make a client for one request, {count} times in total",
    )
    make_case = _Client

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ended: dict[str, int] = {}
        self._blocking: dict[Subject, _Client] = {}
        """The cases that account for what blocks the loop at their lines."""

    def request_ended(self, request: Request, at: int) -> None:
        route = request.route
        if request.lasts:
            return
        if route in self._ended or len(self._ended) < _ROUTES:
            self._ended[route] = self._ended.get(route, 0) + 1
        for group in dict.fromkeys(request.made):
            where = self.context.where(group.site)
            if group.kind.client and where is not None:
                case = self.case(group)
                case.group = group
                if group.kind.family not in _EXECUTORS:
                    self._blocking[where.path, where.line] = case
                if len(case.routes) < _ROUTES:
                    case.routes.setdefault(route, self._ended.get(route, 1) - 1)
                case.record(0, at, route, request.number)

    def victim(self, stall: Stall, request: Request, wait_ns: int, *, new: bool) -> None:
        case = self._blocking.get(stall.culprit)
        if case is not None:
            case.record_impact(request, wait_ns, new=new)

    def explains(self, case: _Client) -> Iterable[Subject]:
        """That its line blocks the loop, since making one takes long."""
        return [culprit for culprit, one in self._blocking.items() if one is case and case.bad]

    def check(self, case: _Client) -> Verdict:
        requests = sum(self._ended.get(route, 0) - before for route, before in case.routes.items())
        if case.count < _REQUESTS:
            return Verdict.RECHECK
        return Verdict.WARN if case.count >= _SHARE * requests else Verdict.OK

    def location(self, case: _Client) -> Location | None:
        return self.context.where(case.group.site) if case.group is not None else None

    def sentence(self, case: _Client, source: str) -> str:
        assert case.group is not None
        doing = f" in {source}" if source else ""
        return f"{case.label} makes its own {case.group.kind.client}{doing}: none is shared"
