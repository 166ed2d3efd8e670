"""The part of the model that works event by event: the switch trace, and whom it affects.

`feed` is the hot path, all in one function. It handles switches itself; every other record
goes to the handler of its kind, see `dispatch`.
"""

from collections.abc import Callable, Iterable, Sequence

from loopviz.clock import MS
from loopviz.model.events import Event
from loopviz.model.names import Naming, Site, parse_site
from loopviz.model.snapshot import Running, State
from loopviz.model.state.entities import DESTROYED, PENDING, Task
from loopviz.model.state.jobs import Jobs
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.observer import Observer
from loopviz.model.state.request import Request
from loopviz.model.state.requests import Requests
from loopviz.model.state.resources import Resources
from loopviz.model.state.routes import RouteNames
from loopviz.model.state.seconds import Seconds
from loopviz.model.state.stall_log import StallLog
from loopviz.model.state.stalls import OPEN_NS, SLOW_NS, Stall
from loopviz.model.state.tasks import Tasks
from loopviz.model.state.thread_waits import Idle
from loopviz.wire.events import TASK_CANCELLED, Kind

__all__ = ["IN_AUX", "Handler", "Trace"]

Handler = Callable[[int, int, int, int, Sequence[str]], None]
"""Takes `at`, `a`, `task_id` and `b` of a record (see `wire.events`), and its ring's strings."""

_VICTIM_NS = 1 * MS
"""Shorter waits for the loop make nobody a victim."""

_STEP, _CALLBACK, _POLLED, _STOPPED = map(
    int, (Kind.STEP, Kind.CALLBACK, Kind.POLLED, Kind.STOPPED)
)
_RUN, _READY, _AWAIT, _BLOCKING, _RESOURCE, _THREAD, _ = map(int, State)
IN_AUX = 1 << 24
"""Added to the number of a place that is a string of the aux ring: others have 24 bits."""
_FUTURE = 0
"""A wait for a future: `_THREAD` if the task submitted a job before it, else `_AWAIT`."""


class Trace:
    """Follows the switch trace and what happens within each callback."""

    def __init__(
        self,
        handlers: Callable[["Trace"], list[Handler]],
        naming: Naming,
        observer: Observer | None = None,
        lanes: Lanes | None = None,
        names: RouteNames | None = None,
        seconds: Seconds | None = None,
        idle: Idle = lambda _start, _end: 0,
    ) -> None:
        self.observer = observer or Observer()
        self._seconds = seconds or Seconds()
        self.tasks = Tasks(self.observer)
        self.requests = Requests(lanes, names)
        self.resources = Resources(self.observer)
        self.jobs = Jobs(self.resources, self.observer)
        self.naming = naming
        self._log = StallLog(naming, self.observer, self._seconds, idle)
        self.pauses = self._log.pauses
        self.core_waits, self.gil_waits = self._log.core_waits, self._log.gil_waits
        self.stalls, self.samples = self._log.stalls, self._log.samples
        self.incidents = self._log.incidents
        self.coverage = "full"
        """How much of the loop is seen, see `Kind.COVERAGE`."""
        self.overhead_ns: int | None = None
        """What the probe adds to a callback, None if it is not known."""
        self._strings: Sequence[str] = ("",)
        self.aux_strings: Sequence[str] = ("",)
        """Those of the aux ring."""
        self._sites: dict[int, Site] = {}
        self._start = 0  # of the open switch
        self._kind = _STOPPED
        self._task: Task | None = None
        self._site = 0
        self._waits_as: dict[int, int] = {}  # by place
        self._settled: list[Task] = []  # to be settled when the open switch ends
        self._handlers = handlers(self)

    def begin(self, at: int) -> None:
        """Starts all counts anew; requests and stalls up to now were the app's start."""
        self.stalls.begin()
        self.incidents.begin()
        self._seconds.begin()
        self.tasks.begin()
        self.tasks.groups.begin(at)
        self.requests.begin()
        self.resources.begin(at)
        self.jobs.begin()
        self._log.begin()

    def feed(self, records: Iterable[Event], strings: Sequence[str]) -> None:
        """Takes a batch of the loop's ring."""
        self._strings = strings
        handlers, settled = self._handlers, self._settled
        live, waits_as = self.tasks.live, self._waits_as
        start, running, task, site = self._start, self._kind, self._task, self._site
        for at, a, task_id, b, kind in records:
            if kind > _STOPPED:
                handlers[kind](at, a, task_id, b, strings)
                continue
            if running <= _CALLBACK:  # it ends here, or where select was called
                until = a if kind == _POLLED and start < a < at else at
                lasted = until - start
                state = _RUN
                if lasted >= SLOW_NS:
                    self._log.close(until, self._stall(start, task, site))
                    state = self._state_of_step(start, until)
                if task is not None:
                    task.busy_ns += lasted
                    task.group.steps.append(lasted)
                    task.end_ns = until
                    task.running = False
                    serves = task.serves
                    if serves is not None:
                        serves.add(until, state)
                    task = None
                if settled:
                    self._settle(until)
            elif settled:
                self._settle(at)
            start, running = at, kind
            self._kind = kind
            if kind == _STEP:
                task = live.get(task_id)
                if task is None:
                    task = self.tasks.find(task_id, a if 0 < a < at else at)
                ended = task.end_ns
                ready = a if a < at else at  # noqa: FURB136 - the hot path
                task.steps += 1
                task.running = True
                task.step_ns, task.woken_ns = at, ready
                if ready < ended:
                    ready = ended
                task.ready_ns += at - ready
                task.group.delays.append(at - ready)
                serves = task.serves
                if ready > ended:
                    task.waiting_ns += ready - ended
                    if b:
                        task.place = b
                    waits = task.waits
                    if waits or task.holds:
                        task.suspended(ended, ready, b)
                    if serves is not None:
                        if waits:
                            wait = waits[-1]
                            serves.add(ready, _RESOURCE, (wait.place or b, wait.resource.group))
                        else:
                            waited_as = waits_as.get(b)
                            if waited_as is None:
                                waited_as = self._wait_at(b)
                            job = task.offloaded
                            if job is not None:
                                waited_as = waited_as or _THREAD
                                task.offloaded = None
                                until = job.queued_until(ready)
                                if waited_as == _THREAD and until:
                                    serves.add(until, _RESOURCE, (b, job.resource.group))
                            serves.add(ready, waited_as or _AWAIT, (b, None))
                if serves is not None and at > ready:
                    serves.add(at, _READY)
                    if at - ready >= _VICTIM_NS:
                        self._log.find_culprits(serves, ready, at)
            elif kind == _CALLBACK:
                site = b
        self._start, self._task, self._site = start, task, site
        self.tasks.groups.gather()
        self._log.judge(start)

    def judge(self, now: int) -> None:
        """Tells of the stalls of which everything is known by now; `feed` does so, too."""
        self._log.judge(now)

    def feed_aux(self, records: Iterable[Event], strings: Sequence[str]) -> None:
        """One batch of the aux ring, which has no switches."""
        self.aux_strings = strings
        for at, a, task_id, b, kind in records:
            self._handlers[kind](at, a, task_id, b, strings)

    def on(self, kind: Kind, handler: Handler) -> None:
        """Call `handler` for records of that kind."""
        self._handlers[kind] = handler

    def gap(self, at: int) -> None:
        """Records were lost: open requests and tasks may have ended unseen."""
        self._kind, self._task = _STOPPED, None
        self._settled.clear()
        self.requests.give_up(at)
        self.resources.gap(at)
        self.tasks.gap()
        self.jobs.gap(at)
        self._log.judge_all()
        self.observer.gap()

    def loop_closed(self, at: int) -> None:
        """LOOP_CLOSED: whatever was still open in the loop is over.

        Another loop has its own tasks, and numbers that no other has had.
        """
        self._end_requests(at)
        self.resources.gap(at)
        self.tasks.loop_closed()
        self.jobs.gap(at)
        self.observer.gap()

    def stop(self, at: int) -> None:
        """The target is gone: whatever was still open ended then."""
        self.feed([(at, 0, 0, 0, _STOPPED)], self._strings)
        self._log.judge_all()
        self._end_requests(at)

    def _end_requests(self, at: int) -> None:
        for number, request in list(self.requests.open.items()):
            request.add(at, _AWAIT)
            self.requests.finish(number, at, 0, request.route)
            self.requests.settle(request)
        self.requests.orphans.close_all(at)

    def forget_before(self, time: int) -> None:
        """Drops what is older, except what is kept for good."""
        self.samples.forget_before(time)
        self.requests.forget_before(time)
        self.resources.forget_before(time)
        self.tasks.forget_before(time)

    @property
    def switched_ns(self) -> int:
        """When the loop last switched."""
        return self._start

    def running(self, now: int) -> Running | None:
        """The callback that runs now; None while the loop is idle."""
        if self._kind > _CALLBACK:
            return None
        request = self._request(self._task)
        slow = now - self._start >= SLOW_NS // 2
        gil, where = slow and self._log.waits_for_gil(self._start, now), None
        if slow:
            where = self.samples.location(self._start)
        if gil:
            where = self.samples.keeps_gil(self._start, now)
        label = self._what(self._task, self._site)
        return Running(since_ns=self._start, label=label, location=where, request=request, gil=gil)

    def open_stall(self, now: int) -> Stall | None:
        """The running callback as a stall, if it has run for that long."""
        if self._kind > _CALLBACK or now - self._start < OPEN_NS:
            return None
        return self._log.open(now, self._stall(self._start, self._task, self._site))

    def open_spans(self, request: Request, now: int) -> list[tuple[int, State]]:
        """What the task of an open request has done since its last span: until when, and what."""
        task = self.tasks.live.get(request.task)
        if task is not None and task.running:
            return [(now, self._state_of_step(self._start, now))]
        return task.suspended_spans(now) if task is not None else [(now, State.AWAIT)]

    def text(self, number: int) -> str:
        """A string of the loop's ring, or of the aux ring (`IN_AUX`); empty if it was lost."""
        strings = self._strings
        if number >= IN_AUX:
            strings, number = self.aux_strings, number - IN_AUX
        return strings[number] if number < len(strings) else ""

    def site(self, number: int) -> Site:
        """The site or place with that string's number."""
        site = self._sites.get(number)
        if site is None:
            text = self.text(number)
            site = parse_site(text)
            if text or not number:
                self._sites[number] = site
        return site

    def _wait_at(self, place: int) -> int:
        """The state of a wait at that place, if it is not for a resource."""
        state = {"thread": _THREAD, "future": _FUTURE}.get(self.site(place).name, _AWAIT)
        if place < len(self._strings):
            self._waits_as[place] = state
        return state

    def label(self, task: Task) -> str:
        """A task's name for people: the route that it serves, its own name, or its coroutine's."""
        if task.serving and task.request is not None:
            return task.request.route
        return self.text(task.name) or self.site(task.site).name or "a task"

    # ---- tasks and requests, see `dispatch`

    def task_end(self, at: int, noticed: int, task_id: int, outcome: int, _: Sequence[str]) -> None:
        """TASK_END."""
        self.tasks.count(outcome)
        task = self.tasks.live.get(task_id)
        if task is None:
            return
        task.outcome, task.noticed = outcome, bool(noticed)
        if task.running:
            self._settled.append(task)  # its names are needed until its step is over
        else:
            self._end(task, at)

    def _settle(self, until: int) -> None:
        """Ends the tasks that ended within the switch, or the steps that they ran in it."""
        settled = self._settled[:]
        self._settled.clear()
        for task in settled:
            if task.running:  # an eager one, within another's step
                task.running = False
                task.busy_ns += until - task.step_ns
                task.group.steps.append(until - task.step_ns)
                task.end_ns = until
                if task.serves is not None:
                    task.serves.add(until, _RUN)
            if task.outcome != PENDING and not task.ended_ns:
                self._end(task, until)

    def _end(self, task: Task, at: int) -> None:
        if task.outcome == TASK_CANCELLED and task.request is not None and task.serving:
            task.request.cancelled = True
        if task.serves is not None:  # its REQUEST_END will not come
            request, task.serves = task.serves, None
            request.add(at, _AWAIT)
            self.requests.finish(task.number, at, 0, request.route)
            self._settle_request(request, at)
        self.tasks.finish(task, at)
        if task.request is not None:
            self.requests.orphans.ends(task.request, task.number, task.ended_ns)
        if task.waits:
            self.resources.task_ended(task, at)

    def task_destroyed(self, at: int, _a: int, task_id: int, _b: int, _: Sequence[str]) -> None:
        """TASK_DESTROYED."""
        task = self.tasks.find(task_id, at)
        task.outcome = DESTROYED
        self.tasks.lost += 1
        self._end(task, at)

    def request_start(self, at: int, sent: int, task_id: int, name: int, _: Sequence[str]) -> None:
        """REQUEST_START."""
        task = self.tasks.live.get(task_id)
        if task is None or not task.running:
            if self._kind == _STOPPED:
                return  # after a gap: the step it started in is not known
            task = self._run_within(self.tasks.find(task_id, at), at)
        ready, start = task.woken_ns, task.step_ns
        begins = sent if 0 < sent < ready else ready
        request = self.requests.start(task_id, self.text(name), begins)
        task.request = task.serves = request
        if request.named:  # of others the route is known at their end
            self.tasks.groups.serves(task, request.route)
        request.add(start, _READY)
        if start - begins >= _VICTIM_NS:
            self._log.find_culprits(request, begins, start)

    def _run_within(self, task: Task, at: int) -> Task:
        """Starts a step of an eager task, which runs within another's step or a callback."""
        task.waiting_ns += at - task.end_ns
        task.end_ns = task.step_ns = task.woken_ns = at
        task.running = True
        self._settled.append(task)
        return task

    def request_end(
        self, at: int, status_and_bytes: int, task_id: int, name: int, _: Sequence[str]
    ) -> None:
        """REQUEST_END."""
        request = self.requests.open.get(task_id)
        if request is None:
            return
        task = self.tasks.live.get(task_id)
        running = task is not None and task.running
        request.add(at, self._state_of_step(task.step_ns, at) if task and running else _RUN)
        request.bytes_sent = status_and_bytes >> 16
        self.requests.finish(task_id, at, status_and_bytes & 0xFFFF, self.text(name))
        if task is not None:
            task.serves = None
            self.tasks.groups.serves(task, request.route)
        self._settle_request(request, at)

    def _settle_request(self, request: Request, at: int) -> None:
        """It has ended."""
        self._seconds.request(at, 0 if request.lasts else request.end_ns - request.start_ns)
        self.observer.request_ended(request, at)
        self.requests.settle(request)

    def _state_of_step(self, start: int, now: int) -> State:
        """The state of a request whose step runs, and began at `start`."""
        if now - start < SLOW_NS:
            return State.RUN
        return State.GIL if self._log.waits_for_gil(start, now) else State.BLOCKING

    def _stall(self, start: int, task: Task | None, site: int) -> Stall:
        return Stall(start, self._what(task, site), self._request(task))

    def _what(self, task: Task | None, site: int) -> str:
        """A label of what a switch runs: a request's route, a task, or a callback."""
        if task is not None:
            request = task.serves
            if request is None and not self.naming.is_users(self.site(task.site).path):
                request = task.request  # a library's own task, such as the reader of a response
            return request.route if request is not None else self.label(task)
        return self.site(site).name if site else "loopviz heartbeat"

    @staticmethod
    def _request(task: Task | None) -> int:
        return task.request.number if task is not None and task.request is not None else 0
