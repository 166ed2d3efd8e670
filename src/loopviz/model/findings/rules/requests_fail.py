"""`requests-fail`: requests raise, are answered 5xx, or there is no such route."""

import re
from collections import deque
from collections.abc import Iterable

from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Wait
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["RequestsFail"]

_DELIBERATE = (503, 429)
"""Statuses that shed load by decision, unless they come of an exception that nobody caught."""
_NO_ROUTE = (404, 405)
_MISSED = 3
"""How many requests of a route, none of which was answered otherwise."""
_SWITCHED, _TIMED_OUT = 101, 504
_WAITING = 2_000
"""How many requests that gave up a wait are remembered."""
_BACKGROUND = re.compile(r" ?\(Background on this error at: [^)]*\)?")
"""A link that SQLAlchemy adds to its messages."""


class _Failure(Case):
    """One way of failing: an exception at a line, a status of a route."""

    where: Location | None = None
    what = ""
    status = 0


class RequestsFail(Rule[_Failure]):
    """One finding for each line that raises, or each route and status.

    Also for routes of the load that the app does not have: all their requests are answered 404.
    """

    info = RuleInfo(
        id="requests-fail",
        title="REQUESTS FAIL",
        summary="requests raise, or are answered 5xx",
        why="The app itself fails these requests: an exception nobody caught, or a 5xx of its own.",
        fires_when=(
            "a request raises an exception that nobody catches (one finding for each line), or is "
            "answered 5xx by the app itself (one for each route and status; 503 and 429 are load "
            f"shedding, a decision); or {_MISSED} requests of a route, all there are, are answered "
            "404 or 405"
        ),
        counts="requests; how long one took",
        tried=(
            "4xx, and 503 or 429 without an exception",
            "a client that has left: the exception that says so, and a 5xx that nobody gets",
            "a route of which some requests are answered",
        ),
        cures=(
            "catch the exception where it can be handled",
            "raise `HTTPException` with a 4xx if the request is at fault",
            "correct the load's route, if the app has no such route",
        ),
        many="{count} requests failed in {places} more ways",
    )
    make_case = _Failure

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._gave_up: dict[int, ResourceGroup] = {}
        """By request: what it waited for in vain."""
        self._timeouts: deque[tuple[_Failure, int, int]] = deque(maxlen=_WAITING)
        """Requests that timed out, from when to when: a stall may account for them."""

    def wait_over(self, wait: Wait) -> None:
        if wait.gave_up and (number := self.context.number(wait.task)):
            if len(self._gave_up) >= _WAITING:
                self._gave_up.clear()  # their ends were lost
            self._gave_up[number] = wait.resource.group

    def gap(self) -> None:
        self._gave_up.clear()

    def request_ended(self, request: Request, at: int) -> None:
        gave_up = self._gave_up.pop(request.number, None)
        failure, status = request.failure, request.status
        if failure is None and (status < 500 or status in _DELIBERATE or request.gone_ns):
            return  # what is sent to a client that has left is no answer
        if failure is None:
            case = self.case((request.route, status))
        else:
            place, error = failure
            where = self.context.place(place)
            case = self.case((where or request.route, error.partition(":")[0]))
            case.where, case.what = where, _BACKGROUND.sub("", error)
        case.status = status
        took = 0 if request.lasts else at - request.start_ns
        case.record(took, at, request.route, request.number)
        if gave_up is not None:
            case.owe(gave_up, took)
        if "timeout" in case.what.partition(":")[0].lower() or status == _TIMED_OUT:
            self._timeouts.append((case, request.start_ns, at))

    def refresh(self, now: int) -> None:
        stall = self.context.ongoing(now).stall  # what it accounts for is known once it has ended
        while self._timeouts and (stall is None or self._timeouts[0][2] < stall.start_ns):
            self.record_blocked(*self._timeouts.popleft())
        for route in self.context.load.routes if self.context.load is not None else ():
            answers = {int(key): n for key, n in route.errors.items() if key.isdigit()}
            missed = sum(answers.values())
            if route.ok or missed < _MISSED or set(answers) - set(_NO_ROUTE):
                self.cases.pop(("no route", route.name), None)
                continue
            case = self.case(("no route", route.name))
            case.label, case.status = route.name, min(answers)
            case.count, case.last_ns = missed, now

    def about(self, case: _Failure) -> Iterable[Subject]:
        """What accounts for half of the time: what was waited for, what blocked the loop."""
        due_to = sorted(case.due_to.items(), key=lambda item: -item[1])
        return (subject for subject, ns in due_to if 2 * ns >= case.total_ns)

    def check(self, case: _Failure) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def location(self, case: _Failure) -> Location | None:
        return case.where

    def sentence(self, case: _Failure, source: str) -> str:
        if case.what:
            text = f"{case.label} raised {case.what}" + (f", in {source}" if source else "")
            if case.status == _SWITCHED:
                return f"{text}; its WebSocket was closed"
            return f"{text}; it was answered {case.status}" if case.status else text
        text = f"{case.label} is answered {case.status}"
        if case.status >= 500:
            return f"{text} by the app itself: no exception went through"
        routes = self.context.routes
        if routes and not any(_serves(route, case.label) for route in routes):
            return f"{text}: the app has no such route; it has {', '.join(routes)}"
        return f"{text}, every time"

    def consequence(self, case: _Failure) -> str:
        what = f"raised {case.what}" if case.what else f"were answered {case.status}"
        requests = "1 request" if case.count == 1 else f"{case.count:,} requests"
        return f"{requests} ({case.label}) {what}"


def _serves(route: str, wanted: str) -> bool:
    """Whether `GET /items/{id}` is for `GET /items/3`, or for `GET /items/{n}`."""
    return re.fullmatch(re.sub(r"\\{.*?\\}", ".+", re.escape(route)), wanted) is not None
