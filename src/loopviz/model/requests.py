"""Requests: where the time of each went, span by span, and on which lane it is drawn."""

from collections import deque
from collections.abc import Iterator

from loopviz.model.snapshot import RequestView, Span, State

__all__ = ["Request", "Requests"]

_SPANS_KEPT = 1024
_OPEN = 1 << 62
"""The end of a lane's request that has none yet."""


class Request:
    """One request while its spans are still being added. Spans have no gaps."""

    __slots__ = (
        "busy_ns",
        "end_ns",
        "lane",
        "number",
        "ready_ns",
        "route",
        "spans",
        "start_ns",
        "status",
        "victim_of",
        "waiting_ns",
    )

    def __init__(self, number: int, route: str, lane: int, start_ns: int) -> None:
        self.number = number
        self.route = route
        self.lane = lane
        self.start_ns = self.end_ns = start_ns
        self.status = 0
        self.spans: list[Span] = []
        self.busy_ns = self.ready_ns = self.waiting_ns = 0
        self.victim_of: set[tuple[str, int]] = set()
        """The culprits that have delayed it; see `Stall.culprit`."""

    def add(self, until_ns: int, state: State) -> None:
        """It was in `state` from the end of the last span until then."""
        lasted = until_ns - self.end_ns
        if lasted <= 0:
            return
        self.spans.append((self.end_ns, until_ns, state))
        if len(self.spans) > _SPANS_KEPT:
            self._coarsen()
        self.end_ns = until_ns
        if state is State.READY:
            self.ready_ns += lasted
        elif state is State.AWAIT:
            self.waiting_ns += lasted
        else:
            self.busy_ns += lasted

    def view(self, tail: Span | None = None, *, is_open: bool = False) -> RequestView:
        """A frozen copy; `tail` is the span that is still going on."""
        busy, ready, waiting, end = self.busy_ns, self.ready_ns, self.waiting_ns, self.end_ns
        spans = tuple(self.spans)
        if tail is not None:
            lasted = tail[1] - tail[0]
            end = tail[1]
            spans = (*spans, tail)
            if tail[2] is State.READY:
                ready += lasted
            elif tail[2] is State.AWAIT:
                waiting += lasted
            else:
                busy += lasted
        return RequestView(
            self.number,
            self.route,
            self.lane,
            spans,
            self.start_ns,
            end,
            is_open,
            self.status,
            busy,
            ready,
            waiting,
        )

    def _coarsen(self) -> None:
        """A request of very many steps keeps its sums exact and its oldest half in large pieces."""
        old, self.spans = self.spans[: _SPANS_KEPT // 2], self.spans[_SPANS_KEPT // 2 :]
        pieces: list[Span] = []
        for i in range(0, len(old), 8):
            group = old[i : i + 8]
            longest = max(group, key=lambda span: span[1] - span[0])
            pieces.append((group[0][0], group[-1][1], longest[2]))
        self.spans = pieces + self.spans


class Requests:
    """Open requests by task, and the finished ones of the last while."""

    def __init__(self, keep: int = 20_000) -> None:
        self.open: dict[int, Request] = {}
        """By the number of the task that serves it."""
        self.finished: deque[RequestView] = deque(maxlen=keep)
        """In the order of their ends."""
        self._lanes: dict[str, list[int]] = {}
        self._count = 0

    def start(self, task: int, route: str, start_ns: int) -> Request:
        """A request whose first span begins at `start_ns`, on the lowest free lane of its route."""
        self._count += 1
        lane = self._take_lane(route, start_ns, _OPEN)
        request = self.open[task] = Request(self._count, route, lane, start_ns)
        return request

    def finish(self, task: int, end_ns: int, status: int, route: str) -> Request | None:
        """It ended; `route` is its name now that it is known which route served it."""
        request = self.open.pop(task, None)
        if request is None:
            return None
        self._lanes[request.route][request.lane] = end_ns
        request.status = status
        if route != request.route:
            self._rename(request, route, end_ns)
        self.finished.append(request.view())
        return request

    def forget_lanes(self) -> None:
        """All open requests were given up: every lane is free."""
        self._lanes.clear()

    def within(self, start_ns: int) -> Iterator[RequestView]:
        """The finished ones that ended after `start_ns`, newest first."""
        for view in reversed(self.finished):
            if view.end_ns < start_ns:
                return
            yield view

    def _rename(self, request: Request, route: str, end_ns: int) -> None:
        """From its path to its route's template: it moves to a free lane there."""
        request.lane = self._take_lane(route, request.start_ns, end_ns)
        if len(self._lanes) > 1000:  # paths that never become routes
            self._lanes = {
                r: ends for r, ends in self._lanes.items() if r == route or max(ends) == _OPEN
            }
        request.route = route

    def _take_lane(self, route: str, start_ns: int, until_ns: int) -> int:
        """The route's lowest lane that is free from `start_ns` on, taken until then."""
        lanes = self._lanes.setdefault(route, [])
        for lane, free_from in enumerate(lanes):
            if free_from <= start_ns:
                lanes[lane] = until_ns
                return lane
        lanes.append(until_ns)
        return len(lanes) - 1
