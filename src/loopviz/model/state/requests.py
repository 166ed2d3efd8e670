"""The open and the finished requests, and the lanes on which they are drawn."""

import copy
from collections.abc import Iterator

from loopviz.model.state.finished import FinishedRequests
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.orphans import Orphans
from loopviz.model.state.request import Request, WaitKind
from loopviz.model.state.routes import RouteNames
from loopviz.model.state.stream import Stream, StreamSums

__all__ = ["WEBSOCKET", "Request", "Requests"]

WEBSOCKET = "WS "
"""How the names of WebSockets begin, in place of a method."""

_ROUTES = 500
"""Of how many routes the streams are summed up."""
_KEPT = 45_000
"""How many finished ones are kept: 65 s at 690 a second."""


class Requests:
    """Open requests by task, and the newest finished ones."""

    def __init__(
        self, lanes: Lanes | None = None, names: RouteNames | None = None, keep: int = _KEPT
    ) -> None:
        self.lanes = Lanes() if lanes is None else lanes
        self._names = names or RouteNames()
        self.open: dict[int, Request] = {}
        """By the number of the task that serves it."""
        self.finished = FinishedRequests(keep)
        self.orphans = Orphans(self.lanes)
        self._kinds: dict[tuple[WaitKind, ...], tuple[WaitKind, ...]] = {}
        self.begin()

    def begin(self) -> None:
        """Starts all counts anew."""
        self.gone: dict[str, int] = {}
        """How many clients left, by route."""
        self._streams: dict[str, StreamSums] = {}
        """Those that have ended, by route."""

    def streams(self) -> dict[str, StreamSums]:
        """The streams by route, with those that are open."""
        sums = copy.deepcopy(self._streams)
        for request in self.open.values():
            self._add_stream(sums, request, is_open=True)
        return sums

    def _add_stream(
        self, sums: dict[str, StreamSums], request: Request, *, is_open: bool = False
    ) -> None:
        stream, route = request.stream, request.route
        if stream is None or not (stream.shown or (is_open and stream.first_ns)):
            return
        if route in sums or len(sums) < _ROUTES:
            sums.setdefault(route, StreamSums()).add(stream, request.start_ns, is_open=is_open)

    def start(self, task: int, path: str, start_ns: int) -> Request:
        """Starts a request at `start_ns`, on the lowest free lane of its route.

        Its route is the load's name for that path; of a request that is not the load's, it is the
        path itself, and the app's route once it has ended.
        """
        self.orphans.give_up_lanes(start_ns)
        name = self._names.of(path)
        route = path if name is None else name
        number, lane = self.lanes.number(), self.lanes.take(route, start_ns)
        request = self.open[task] = Request(number, route, lane, start_ns, task)
        request.named = name is not None
        if path.startswith(WEBSOCKET):
            request.stream = Stream(lasts=True)
        return request

    def rename(self, request: Request, route: str) -> None:
        """The route that serves an open request is known already."""
        if route and route != request.route and not request.named:
            self.lanes.free(request.route, request.lane, request.start_ns)
            request.lane = self.lanes.move(route, request.start_ns)
            request.route = route

    def finish(self, task: int, end_ns: int, status: int, route: str) -> Request | None:
        """Ends a request; `route` is the route that served it."""
        request = self.open.pop(task, None)
        if request is None:
            return None
        self.lanes.free(request.route, request.lane, end_ns)
        orphaned = self.orphans.request_ended(request)
        request.status = status
        if request.phases:
            request.phase(end_ns, "")
        if route != request.route and not request.named:
            request.lane = self.lanes.move(route, request.start_ns, end_ns)
            request.route = route
        if orphaned:
            self.lanes.keep(request.route, request.lane)
        if request.gone_ns:
            self.gone[request.route] = self.gone.get(request.route, 0) + 1
        self._add_stream(self._streams, request)
        self.finished.append(request)
        return request

    def settle(self, request: Request) -> None:
        """Seals it: its end has been handled, and it does not change any more."""
        request.seal(self._kinds)

    def give_up(self, at: int) -> None:
        """Forgets the open requests: whether they have ended is not known."""
        for request in self.open.values():
            self.lanes.free(request.route, request.lane, at)
            request.phase(at, "")
            self.settle(request)
        self.open.clear()
        self.orphans.close_all(at)

    def within(self, start_ns: int) -> Iterator[Request]:
        """The finished ones that ended after `start_ns`, oldest first."""
        finished = self.finished
        return finished.between(finished.place(start_ns), finished.newest)

    def forget_before(self, time: int) -> None:
        """Drops those that ended before `time`."""
        self.finished.forget_before(time)
        self.orphans.forget_before(time)
        if len(self._kinds) >= 5000:
            self._kinds.clear()
