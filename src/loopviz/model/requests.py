"""Requests: where the time of each went, span by span, and on which lane it is drawn."""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from loopviz.model.lanes import Lanes
from loopviz.model.routes import Names
from loopviz.model.snapshot import RequestView, State

if TYPE_CHECKING:
    from loopviz.model.resources import Row

__all__ = ["History", "Request", "Requests"]

_SPANS_KEPT = 1024
_HISTORY_KEPT = 256
_NOTES_KEPT = 64
"""Calls, phases and resources made, of one request."""

History = tuple[int, int, int, "Row | None"]
"""A wait of the request's task: start, end, place, and the resource's row if it was for one."""


class Request:
    """One request. Its spans have no gaps: span i is in `states[i]` until `times[i]`."""

    __slots__ = (
        "bytes_sent",
        "calls",
        "calls_made",
        "cancelled",
        "end_ns",
        "failure",
        "gone_ns",
        "history",
        "lane",
        "made",
        "named",
        "number",
        "phases",
        "route",
        "start_ns",
        "states",
        "status",
        "sums",
        "task",
        "times",
        "truncated",
        "victim_of",
        "view",
        "waits",
    )

    def __init__(self, number: int, route: str, lane: int, start_ns: int, task: int) -> None:
        self.number = number
        self.route = route
        self.lane = lane
        self.task = task
        """The number of the task that serves it."""
        self.start_ns = self.end_ns = start_ns
        self.status = self.bytes_sent = self.gone_ns = self.calls_made = 0
        self.times: list[int] = []
        self.states = bytearray()
        self.sums = [0, 0, 0, 0, 0]
        """Nanoseconds in each `State`."""
        self.victim_of: set[tuple[str, int]] | None = None
        """The culprits that have delayed it; see `Stall.culprit`."""
        self.history: list[History] = []
        """Its newest waits."""
        self.waits: dict[tuple[int, Row | None], tuple[int, int]] = {}
        """Of the older ones, how long and how many for each place and resource."""
        self.calls: list[tuple[int, int, str, int]] = []
        """Outbound calls: at, place, host, status."""
        self.phases: list[tuple[int, int, str]] = []
        """Start, end (0: it goes on), name."""
        self.made: list[Row] = []
        self.truncated = self.cancelled = self.named = False
        """`truncated`: history, calls, phases or made are not complete; `named`: by the load."""
        self.failure: tuple[int, str] | None = None
        """The exception that went through the app: the place where it was raised, and what."""
        self.view: RequestView | None = None
        """Made by `views.request_view` and kept."""

    @property
    def busy_ns(self) -> int:
        return self.sums[State.RUN] + self.sums[State.BLOCKING]

    @property
    def ready_ns(self) -> int:
        return self.sums[State.READY]

    @property
    def waiting_ns(self) -> int:
        return self.sums[State.AWAIT]

    def add(self, until_ns: int, state: int) -> None:
        """It was in `state` from the end of the last span until then."""
        lasted = until_ns - self.end_ns
        if lasted <= 0:
            return
        self.times.append(until_ns)
        self.states.append(state)
        self.sums[state] += lasted
        self.end_ns = until_ns
        if len(self.times) > _SPANS_KEPT:
            self._coarsen()

    def waited(self, start: int, end: int, place: int, row: "Row | None") -> None:
        """Its task was suspended there, for that resource if any."""
        self.history.append((start, end, place, row))
        if len(self.history) > _HISTORY_KEPT:
            self._fold()

    def _fold(self) -> None:
        """The history is long: sum up the older half."""
        self.truncated = True
        old = self.history[: _HISTORY_KEPT // 2]
        del self.history[: _HISTORY_KEPT // 2]
        add_waits(self.waits, old)

    def phase(self, at: int, name: str) -> None:
        """It enters that phase; empty: none."""
        if self.phases and not self.phases[-1][1]:
            start, _, last = self.phases[-1]
            self.phases[-1] = start, at, last
        if name:
            self.keep(self.phases, (at, 0, name))

    def keep(self, notes: list[Any], note: Any) -> None:
        """Add to one of its lists, within bounds."""
        if len(notes) < _NOTES_KEPT:
            notes.append(note)
        else:
            self.truncated = True

    def spans(self) -> Iterator[tuple[int, int, State]]:
        """Start, end and state of each."""
        for (start, end), state in zip(
            pairwise((self.start_ns, *self.times)), self.states, strict=True
        ):
            yield start, end, _STATES[state]

    def _coarsen(self) -> None:
        """A request of very many steps keeps its sums exact and its oldest half in large pieces."""
        half = _SPANS_KEPT // 2
        times, states, start = [], bytearray(), self.start_ns
        for i in range(0, half, 8):
            group = (start, *self.times[i : i + 8])
            lengths = [end - begin for begin, end in pairwise(group)]
            times.append(group[-1])
            states.append(self.states[i + lengths.index(max(lengths))])
            start = group[-1]
        self.times[:half], self.states[:half] = times, states


_STATES = (State.RUN, State.RUN, State.READY, State.AWAIT, State.BLOCKING)


def add_waits(
    sums: dict[tuple[int, "Row | None"], tuple[int, int]], history: list[History]
) -> None:
    """Add up a history's waits: how long and how many for each place and resource."""
    for start, end, place, row in history:
        total, count = sums.get((place, row), (0, 0))
        sums[place, row] = total + end - start, count + 1


class Requests:
    """Open requests by task, and the finished ones of the last while."""

    def __init__(
        self, lanes: Lanes | None = None, names: Names | None = None, keep: int = 20_000
    ) -> None:
        self.lanes = Lanes() if lanes is None else lanes
        self._names = names or Names()
        self.open: dict[int, Request] = {}
        """By the number of the task that serves it."""
        self.finished: deque[Request] = deque(maxlen=keep)
        """In the order of their ends."""
        self.begin()

    def begin(self) -> None:
        """Count anew from here on."""
        self.gone: dict[str, int] = {}
        """Of how many, by route, the client went away."""

    def start(self, task: int, path: str, start_ns: int) -> Request:
        """A request whose first span begins at `start_ns`, on the lowest free lane of its route.

        Its route is the load's name for that path; of a request that is not the load's, it is the
        path itself, and the app's route once it has ended.
        """
        name = self._names.of(path)
        route = path if name is None else name
        number, lane = self.lanes.number(), self.lanes.take(route, start_ns)
        request = self.open[task] = Request(number, route, lane, start_ns, task)
        request.named = name is not None
        return request

    def finish(self, task: int, end_ns: int, status: int, route: str) -> Request | None:
        """It ended; `route` is its name now that it is known which route served it."""
        request = self.open.pop(task, None)
        if request is None:
            return None
        self.lanes.free(request.route, request.lane, end_ns)
        request.status = status
        if request.phases:
            request.phase(end_ns, "")
        if route != request.route and not request.named:
            request.lane = self.lanes.move(route, request.start_ns, end_ns)
            request.route = route
        if request.gone_ns:
            self.gone[request.route] = self.gone.get(request.route, 0) + 1
        self.finished.append(request)
        return request

    def give_up(self, at: int) -> None:
        """Nobody knows whether the open ones have ended: they are forgotten."""
        for request in self.open.values():
            self.lanes.free(request.route, request.lane, at)
        self.open.clear()

    def within(self, start_ns: int) -> Iterator[Request]:
        """The finished ones that ended after `start_ns`, newest first."""
        for request in reversed(self.finished):
            if request.end_ns < start_ns:
                return
            yield request

    def forget_before(self, time: int) -> None:
        """Drop those that ended before `time`."""
        while self.finished and self.finished[0].end_ns < time:
            self.finished.popleft()
