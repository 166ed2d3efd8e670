"""The part of the model that must go event by event: tasks, requests, stalls, victims."""

from collections.abc import Sequence

from loopviz.clock import MS
from loopviz.model.events import Event
from loopviz.model.places import Naming, parse_site
from loopviz.model.requests import Request, Requests
from loopviz.model.snapshot import RequestView, Running, Span, State
from loopviz.model.stalls import OPEN_NS, SLOW_NS, Samples, Stall, Stalls
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, Kind

__all__ = ["Trace"]

_VICTIM_NS = 1 * MS
"""A wait for the loop shorter than this makes nobody a victim."""


class Trace:
    """Follows the switch trace and what happens within each callback."""

    def __init__(self, naming: Naming) -> None:
        self.requests = Requests()
        self.stalls = Stalls()
        self.samples = Samples(naming)
        self.closed: list[Stall] = []
        """Stalls that ended since `Model` last took them."""
        self.victims: list[tuple[Stall, bool, int]] = []
        """Stall, whether its culprit is new to the request, and the wait: since last taken."""
        self._naming = naming
        self._task_label: dict[int, str] = {}
        self._task_request: dict[int, int] = {}
        self._start = 0  # of the open switch
        self._kind = int(Kind.STOPPED)
        self._task = 0
        self._site = 0
        self._ready = 0
        self._ended = 0  # the task that ended in the open switch
        self._strings: Sequence[str] = ("",)
        self.begin()

    def begin(self) -> None:
        """Count anew from here on."""
        self.tasks_started = self.tasks_raised = self.tasks_cancelled = 0

    def feed(self, records: Sequence[Event], strings: Sequence[str]) -> None:
        """One batch of the loop's ring, in its order."""
        self._strings = strings
        for at, a, who, b, kind in records:
            if kind <= Kind.STOPPED:
                self._switch(at, a, who, b, kind)
            elif kind == Kind.TASK_START:
                self._task_start(a, who, b)
            elif kind == Kind.TASK_END:
                self._ended = who
                if b == TASK_RAISED:
                    self.tasks_raised += 1
                elif b == TASK_CANCELLED:
                    self.tasks_cancelled += 1
            elif kind == Kind.REQUEST_START:
                self._request_start(a, who, b)
            elif kind == Kind.REQUEST_END:
                self._request_end(at, a, who, b)

    def gap(self) -> None:
        """Records were lost: open requests and tasks may have ended unseen."""
        self._kind = int(Kind.STOPPED)
        self.requests.open.clear()
        self.requests.forget_lanes()
        self._task_label.clear()
        self._task_request.clear()

    def stop(self, at: int) -> None:
        """The target is gone: whatever was still open ended then."""
        self._switch(at, 0, 0, 0, Kind.STOPPED)
        for task, request in list(self.requests.open.items()):
            request.add(at, State.AWAIT)
            self.requests.finish(task, at, 0, request.route)

    def running(self, now: int) -> Running | None:
        """What holds the loop now; None while it is idle."""
        if self._kind not in (Kind.STEP, Kind.CALLBACK):
            return None
        request = self._task_request.get(self._task, 0)
        slow = now - self._start >= SLOW_NS // 2
        where = self.samples.location(self._start) if slow else None
        return Running(self._start, self._label(), where, request)

    def open_stall(self, now: int) -> Stall | None:
        """The running callback as a stall, if it has run that long."""
        if self._kind not in (Kind.STEP, Kind.CALLBACK) or now - self._start < OPEN_NS:
            return None
        return self._new_stall()

    def open_requests(self, now: int) -> list[RequestView]:
        """The requests in flight, up to now."""
        views = []
        for task, request in self.requests.open.items():
            state = State.AWAIT
            if task == self._task and self._kind == Kind.STEP:
                state = State.BLOCKING if now - self._start >= SLOW_NS else State.RUN
            tail: Span = (request.end_ns, max(now, request.end_ns), state)
            views.append(request.view(tail, is_open=True))
        return views

    def _switch(self, at: int, a: int, who: int, b: int, kind: int) -> None:
        start = self._start
        if self._kind in (Kind.STEP, Kind.CALLBACK):
            ended = a if kind == Kind.POLLED and a > start else at  # when select was called
            slow = ended - start >= SLOW_NS
            if slow:
                self._close_stall(ended)
            if self._kind == Kind.STEP:
                request = self.requests.open.get(self._task)
                if request is not None:
                    request.add(ended, State.BLOCKING if slow else State.RUN)
        if self._ended:  # in the step that just closed: until here its names were needed
            self._task_label.pop(self._ended, None)
            self._task_request.pop(self._ended, None)
            self._ended = 0
        self._start, self._kind, self._task, self._site, self._ready = at, kind, who, b, a
        if kind == Kind.STEP:
            request = self.requests.open.get(who)
            if request is not None:
                request.add(a, State.AWAIT)
                request.add(at, State.READY)
                if at - a >= _VICTIM_NS:
                    self._find_culprits(request, a, at)

    def _task_start(self, a: int, who: int, b: int) -> None:
        self.tasks_started += 1
        parent, name = a >> 32, a & 0xFFFFFFFF
        self._task_label[who] = self._text(name) or parse_site(self._text(b)).name
        request = self._task_request.get(parent)
        if request is not None:
            self._task_request[who] = request

    def _request_start(self, sent: int, who: int, b: int) -> None:
        if self._task != who or self._kind != Kind.STEP:
            return  # after a gap: the step it started in is not known
        ready = self._ready
        begins = sent if 0 < sent < ready else ready
        request = self.requests.start(who, self._text(b), begins)
        self._task_request[who] = request.number
        request.add(self._start, State.READY)
        if self._start - begins >= _VICTIM_NS:
            self._find_culprits(request, begins, self._start)

    def _request_end(self, at: int, status: int, who: int, b: int) -> None:
        request = self.requests.open.get(who)
        if request is None:
            return
        slow = self._task == who and at - self._start >= SLOW_NS
        request.add(at, State.BLOCKING if slow else State.RUN)
        self.requests.finish(who, at, status, self._text(b))
        self._task_label[who] = request.route

    def _close_stall(self, at: int) -> None:
        stall = self._new_stall()
        stall.end_ns = at
        self.stalls.ended.append(stall)
        self.closed.append(stall)

    def _new_stall(self) -> Stall:
        """The open switch as a stall."""
        stall = Stall(self._start, self._label(), self._task_request.get(self._task, 0))
        stall.location = self.samples.location(self._start)
        stall.gil = self.samples.gil_was_held(self._start)
        return stall

    def _find_culprits(self, request: Request, start: int, end: int) -> None:
        """Who held the loop while that request could have run."""
        for stall in self.stalls.overlapping(start, end):
            if stall.request == request.number:
                continue
            wait = min(end, stall.end_ns) - max(start, stall.start_ns)
            new = stall.culprit not in request.victim_of
            request.victim_of.add(stall.culprit)
            stall.victims += 1
            self.victims.append((stall, new, wait))

    def _label(self) -> str:
        """What the open switch runs: a request's route, a task, or a callback."""
        if self._kind == Kind.STEP:
            request = self.requests.open.get(self._task)
            return request.route if request else self._task_label.get(self._task, "a task")
        if not self._site:
            return "loopviz heartbeat"
        return parse_site(self._text(self._site)).name

    def _text(self, number: int) -> str:
        return self._strings[number] if number < len(self._strings) else ""
