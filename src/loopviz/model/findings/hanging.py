"""Which requests hang: they make no step while the loop is idle, and are far older than others."""

from itertools import islice

import numpy as np

from loopviz.clock import SECOND
from loopviz.model.state.entities import Task
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing
from loopviz.model.state.request import Request
from loopviz.model.state.trace import Trace

__all__ = ["HANGS_NS", "OPEN", "ROUTES", "TIMES", "UNKNOWN_NS", "Hanging"]

HANGS_NS = 2 * SECOND
"""How long the loop has to be idle without the request making a step."""
TIMES = 3
"""How many times older it has to be than the longest answered request of its route."""
UNKNOWN_NS = 5 * SECOND
"""The age that it takes if none of its route was answered: it may be slow by nature."""
OPEN = 2_000
"""How many open requests are checked, oldest first."""
ROUTES = 500
"""How many routes' longest answered requests are remembered."""
_NEVER_NS = 1 << 62


class Hanging:
    """Knows how long the answered requests of each route took, and so which open ones hang."""

    def __init__(self, loop: LoopTimes) -> None:
        self.answered: dict[str, int] = {}
        """How long the longest answered request of each route took."""
        self._loop = loop
        self._last: tuple[int, list[Request]] = (0, [])
        self.resting: list[Request] = []
        """Requests as old, of which only other tasks have made a step, as of the last `requests`.
        """

    def request_ended(self, request: Request, at: int) -> None:
        """Take note of how long it took, if it was answered."""
        route, answered = request.route, self.answered
        if request.status and not request.lasts and (route in answered or len(answered) < ROUTES):
            answered[route] = max(answered.get(route, 0), at - request.start_ns)

    def requests(self, trace: Trace, ongoing: Ongoing) -> list[Request]:
        """The requests that hang now, oldest first."""
        now, stall = ongoing.now_ns, ongoing.stall
        if self._last[0] != now:
            until = now if stall is None else stall.start_ns  # one that a stall delays is no hang
            self._last = now, self._stuck(trace, until)
        return self._last[1]

    def _stuck(self, trace: Trace, until: int) -> list[Request]:
        requests = islice(trace.requests.open.values(), OPEN)
        old = [
            request for request in requests if until - request.start_ns >= self._patience(request)
        ]
        self.resting = []
        if not old:
            return []
        steps = _last_steps(trace, old, until)
        idle = self._loop.idle_between(np.array(steps, np.int64), until)
        stuck = [request for request, ns in zip(old, idle, strict=True) if ns >= HANGS_NS]
        self.resting = [
            request
            for request, ns in zip(old, idle, strict=True)
            if ns < HANGS_NS and _rests(trace.tasks.live.get(request.task), until)
        ]
        return sorted(stuck, key=lambda request: request.start_ns)

    def _patience(self, request: Request) -> int:
        """The age from which it may hang; `_NEVER_NS` once its response has begun."""
        phase = request.phases[-1].name if request.phases else ""
        begun = request.stream is not None and request.stream.opened_ns
        if begun or phase == "background":
            return _NEVER_NS
        answered = self.answered.get(request.route)
        return UNKNOWN_NS if answered is None else max(HANGS_NS, TIMES * answered)


def _rests(task: Task | None, until: int) -> bool:
    """Whether the task that serves a request awaits something else than a resource."""
    rests = task is not None and not task.running and task.waiting is None
    return rests and task is not None and until - task.end_ns >= HANGS_NS


def _last_steps(trace: Trace, requests: list[Request], until: int) -> list[int]:
    """When each was last seen to do something, its child tasks included."""
    last = {request: request.end_ns for request in requests}
    for task in trace.tasks.live.values():
        request = task.request
        if request in last:
            seen = until if task.running else task.end_ns
            last[request] = max(last[request], seen)
    return [last[request] for request in requests]
