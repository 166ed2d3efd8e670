"""The recorder: writes what patched primitives report of their loop: waits, units, jobs, calls.

A patched primitive gets the recorder of the running loop from `current()`, if it is recorded; or
from `here()`, also in a worker thread that runs a job of a loop. Everything but these two,
`ResourceDescription`, `Recorder.fail`, `job_started` and `job_ended` is for the loop's own thread.
"""

import contextlib
import itertools
import math
import sys
import threading
from asyncio import AbstractEventLoop, _get_running_loop
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

from loopviz.clock import Clock
from loopviz.probe.caller_lines import CallerLines
from loopviz.probe.exceptions import ErrorTexts, raised_at
from loopviz.probe.few_texts import FewTexts
from loopviz.probe.job_site import job_site
from loopviz.probe.places import user_frame
from loopviz.probe.route_names import PathShapes
from loopviz.wire.events import B_SHIFT, NUMBER, SPAN_BEGINS, SPAN_ENDS, WAIT_PUT, Kind, tag
from loopviz.wire.kinds import ResourceKind
from loopviz.wire.ring import LockedRing

__all__ = [
    "Recorder",
    "ResourceDescription",
    "current",
    "fail_safe",
    "here",
    "recorders",
    "worker",
]

_numbers = itertools.count(1)
_jobs = itertools.count(1)
_recorders = itertools.count(1)
_MOST = (1 << 24) - 1
_HOSTS_KEPT = 1000
_ACQUIRED, _RELEASED = tag(Kind.ACQUIRED), tag(Kind.RELEASED)
_QUEUE_SIZE, _WAIT, _WAIT_OVER = tag(Kind.QUEUE_SIZE), tag(Kind.WAIT), tag(Kind.WAIT_OVER)

recorders: dict[AbstractEventLoop | None, "Recorder"] = {}
"""The recorders of the loops that are being recorded."""


def current() -> "Recorder | None":
    """The recorder of the loop that runs on this thread; None if there is none or no loop runs."""
    return recorders.get(_get_running_loop())


class _Worker(threading.local):
    """The job that this thread runs."""

    recorder: "Recorder | None" = None
    """The recorder of what the job does; None if this thread runs no job."""
    job = task = 0
    """The job's number, and that of the task that submitted it."""


worker = _Worker()


def here() -> "Recorder | None":
    """The recorder of this thread's loop, or the one for the job that it runs, if any."""
    return recorders.get(_get_running_loop()) or worker.recorder


class fail_safe:  # noqa: N801 - reads as a statement
    """`with fail_safe("resource"):` an exception within disables that hook; the app goes on.

    It costs more than a `try`, about 0.5 µs: not for what tasks do all the time.
    """

    __slots__ = ("_hook", "_recorder")

    def __init__(self, hook: str, recorder: "Recorder | None" = None) -> None:
        """`recorder`: by default that of the running loop, if it has one."""
        self._hook = hook
        self._recorder = recorder

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        recorder = self._recorder or current()
        if recorder is not None:
            recorder.fail(self._hook, error)
        return True


class ResourceDescription:
    """A resource that tasks wait for: its kind, its capacity, and the user's line that made it.

    Create it where the primitive is made: the line is that of the innermost user frame. Keep it on
    the primitive (`patches.registry`), so that it lives as long.
    """

    __slots__ = (
        "capacity", "code", "in_use", "introduced_by", "kind", "line", "maker", "name", "number",
        "units",
    )  # fmt: skip

    def __init__(
        self, kind: ResourceKind, name: str = "", capacity: float = 0, *, seen: bool = True
    ) -> None:
        """`name` empty: named after its line.

        `capacity` 0 or infinite: none or unknown. `seen` False: the primitive is older, and its
        line unknown.
        """
        self.number = next(_numbers) & NUMBER
        self.kind = kind
        self.name = name
        self.capacity = self.units = _whole(capacity)
        """Units that are free when nothing is in use; if that is not known, the most seen."""
        self.in_use = 0
        """Units in use, as last recorded; of a queue, its items."""
        self.introduced_by: tuple[int, ...] = ()
        """Numbers of the recorders that have recorded its current description."""
        self.code: CodeType | None = None
        self.line = 0
        self.maker = 0
        """Number of the task that made it, be it in a worker thread; 0 if none did."""
        if seen:
            recorder = current()
            self.maker = recorder.task() if recorder is not None else worker.task
            frame = user_frame(sys._getframe(1))
            if frame is not None:
                self.code, self.line = frame.f_code, frame.f_lineno

    def change(self, *, name: str | None = None, capacity: float | None = None) -> None:
        """Set another name or capacity; the next record of the resource introduces it again."""
        if name is not None:
            self.name = name
        if capacity is not None:
            self.capacity = self.units = _whole(capacity)
        self.introduced_by = ()

    def describe(self) -> str:
        """The description's string, see `wire.events.Kind.RESOURCE`."""
        code = self.code
        if code is None:
            return f"{self.kind.id}\t{self.name}\t\t0\t"
        return f"{self.kind.id}\t{self.name}\t{code.co_filename}\t{self.line}\t{code.co_qualname}"


class Recorder:
    """Writes the records of one loop's primitives. No method raises.

    `task_id` defaults to the running task's number.
    """

    def __init__(
        self,
        write: Callable[[int, int, int], None],
        task: Callable[[], int],
        intern: Callable[[str], int],
        aux_ring: LockedRing,
        clock: Clock,
        fail: Callable[[str, BaseException], None],
    ) -> None:
        self._write = write
        self.task = task
        """The number of the running task, 0 if none runs."""
        self._intern = intern
        self.aux_ring = aux_ring
        """The ring for other threads."""
        self._clock = clock
        self._fail = fail
        self._number = next(_recorders)
        self._waits: dict[int, list[int]] = {}
        """The resources that each task waits for, the innermost last."""
        self._phases: dict[str, int] = {}
        self._in_threads: Recorder | None = None
        self.lines = CallerLines(intern)
        self.shapes = PathShapes()
        """Of the paths of requests whose route is not known."""
        self._errors, self._hosts = ErrorTexts(), FewTexts(_HOSTS_KEPT)

    @property
    def in_threads(self) -> "Recorder":
        """The one for worker threads: it writes into the aux ring, by job instead of by task."""
        if self._in_threads is None:
            ring = self.aux_ring
            of_ring = ring.put, lambda: worker.job, ring.intern, ring
            self._in_threads = Recorder(*of_ring, self._clock, self._fail)
        return self._in_threads

    def fail(self, hook: str, error: BaseException) -> None:
        """Disable a hook that raised, and report the error. Any thread."""
        for name in _METHODS.get(hook, ()):
            setattr(self, name, _record_nothing)
        with contextlib.suppress(Exception):  # a job may outlive the ring
            self._fail(hook, error)

    def introduce(self, resource: ResourceDescription) -> None:
        """Record a resource, if it is new to this recorder or has changed."""
        with fail_safe("resource", self):
            if self._number not in resource.introduced_by:
                self._introduce(resource)

    def wait(self, resource: ResourceDescription, direction: int = WAIT_PUT) -> int:
        """Record that the running task waits, if it suspends. Returns its number, for the end."""
        task_id = 0
        try:
            task_id = self.task()
            if self._number not in resource.introduced_by:
                self._introduce(resource)
            self._waits.setdefault(task_id, []).append(resource.number)
            place = self.lines.of(user_frame(sys._getframe(1)))
            a = resource.number | direction << 32
            self._write(self._clock(), a, task_id | _WAIT | place << B_SHIFT)
        except Exception as error:  # noqa: BLE001
            self.fail("wait", error)
        return task_id

    def waits(self, task_id: int | None = None) -> bool:
        """True if a wait of the task has been recorded, but not its end."""
        return (self.task() if task_id is None else task_id) in self._waits

    def wait_over(
        self, resource: ResourceDescription, direction: int = WAIT_PUT, task_id: int | None = None
    ) -> None:
        """Record that the wait is over, and the task holds nothing."""
        try:
            task_id = self.task() if task_id is None else task_id
            self._forget_wait(task_id, resource.number)
            self._write(self._clock(), resource.number | direction << 32, task_id | _WAIT_OVER)
        except Exception as error:  # noqa: BLE001
            self.fail("wait", error)

    def acquired(
        self,
        resource: ResourceDescription,
        in_use: int,
        task_id: int | None = None,
        place: int = 0,
    ) -> None:
        """Record that the task acquired a unit, which ends its wait; `in_use`: units in use now.

        `place`: where it acquired the unit, if it did not have to wait; see `CallerLines.near`.
        """
        try:
            task_id = self.task() if task_id is None else task_id
            if task_id in self._waits:
                self._forget_wait(task_id, resource.number)
            self._write_units(_ACQUIRED, resource, in_use, task_id, place)
        except Exception as error:  # noqa: BLE001
            self.fail("acquired", error)

    def released(
        self, resource: ResourceDescription, in_use: int, task_id: int | None = None
    ) -> None:
        """Record that the task released a unit; `in_use`: units in use now.

        If the task still waits for one, it returns a unit that it was given but never held.
        """
        try:
            task_id = self.task() if task_id is None else task_id
            if resource.number in self._waits.get(task_id, ()):
                task_id = 0
            self._write_units(_RELEASED, resource, in_use, task_id)
        except Exception as error:  # noqa: BLE001
            self.fail("released", error)

    def queue_size(self, resource: ResourceDescription, items: int) -> None:
        """Record a queue's size."""
        try:
            self._write_units(_QUEUE_SIZE, resource, items, self.task())
        except Exception as error:  # noqa: BLE001
            self.fail("queue_size", error)

    def job(self, executor: ResourceDescription, function: Any, args: Sequence[Any] = ()) -> int:
        """Record a submitted job. Returns `a` for `job_started` and `job_ended`; 0 on failure."""
        with fail_safe("job", self):
            self.introduce(executor)
            a = (next(_jobs) & NUMBER) << 32 | executor.number
            self._put(Kind.JOB, self.task(), a, self._intern(job_site(function, args)))
            return a
        return 0

    def job_started(self, a: int, worker: str = "") -> None:
        """Record that a worker started the job; `worker` empty: this thread. Any thread."""
        with fail_safe("job", self):
            worker = worker or threading.current_thread().name
            if current() is self:
                self._put(Kind.JOB_START, 0, a, self._intern(worker))
            else:
                self.aux_ring.write(Kind.JOB_START, a=a, text=worker, at=self._clock())

    def job_ended(self, a: int, outcome: int) -> None:
        """Record that the job ended, or will never start (TASK_CANCELLED). Any thread."""
        with fail_safe("job", self):
            if current() is self:
                self._put(Kind.JOB_END, 0, a, outcome)
            else:
                self.aux_ring.write(Kind.JOB_END, a=a, b=outcome, at=self._clock())

    def http_call(self, status: int, host: str) -> None:
        """Record the end of an outbound HTTP call; status 0: it failed."""
        with fail_safe("http_call", self):
            place = self.lines.of(user_frame(sys._getframe(1)))
            name = self._intern(self._hosts.keep(host, "…"))
            self._put(Kind.HTTP_CALL, self.task(), place << 32 | status, name)

    def phase(self, name: str, task_id: int | None = None) -> None:
        """Record that the task's request enters a phase; `name` empty: the phase is over."""
        try:
            known = self._phases.get(name)
            if known is None:
                known = self._phases[name] = tag(Kind.PHASE, 0, self._intern(name) if name else 0)
            self._write(self._clock(), 0, (self.task() if task_id is None else task_id) | known)
        except Exception as error:  # noqa: BLE001
            self.fail("phase", error)

    def request_event(self, kind: Kind, task: int, a: int = 0, text: str = "") -> None:
        """Record what happens to the task's request; its kind says what `a` and `text` are."""
        with fail_safe("request_event", self):
            self._put(kind, task, a, self._intern(text) if text else 0)

    def span(self, name: str, *, begins: bool) -> None:
        """Record the beginning or the end of a span that the app has named."""
        try:
            a = SPAN_BEGINS if begins else SPAN_ENDS
            self._put(Kind.PHASE, self.task(), a, self._intern(name))
        except Exception as error:  # noqa: BLE001
            self.fail("span", error)

    def request_exception(self, task: int, error: BaseException) -> None:
        """Record an exception that went through the app that serves the task's request."""
        with fail_safe("request_exception", self):
            place, text = self._raised_at(error), self.error(error)
            self._put(Kind.REQUEST_EXCEPTION, task, place, text)

    def never_awaited(self, site: str, frame: FrameType | None) -> None:
        """Record a coroutine destroyed unawaited; `frame` made it, None: not known."""
        with fail_safe("never_awaited", self):
            self._put(Kind.NEVER_AWAITED, self.task(), self.lines.of(frame), self._intern(site))

    def error(self, error: BaseException) -> int:
        """The number of the error's text, without its message once there are many of them."""
        return self._intern(self._errors.of(error))

    def _raised_at(self, error: BaseException) -> int:
        """The place of the user's innermost frame in the traceback; 0 if there is none."""
        raised = raised_at(error)
        if raised is None:
            return 0
        code, line = raised
        return self._intern(f"\t{code.co_filename}\t{line}\t{code.co_qualname}")

    def _introduce(self, resource: ResourceDescription) -> None:
        resource.introduced_by += (self._number,)
        a = resource.number << 32 | min(resource.capacity, NUMBER)
        self._put(Kind.RESOURCE, resource.maker, a, self._intern(resource.describe()))

    def _write_units(
        self, kind_tag: int, resource: ResourceDescription, b: int, task_id: int, place: int = 0
    ) -> None:
        if self._number not in resource.introduced_by:
            self._introduce(resource)
        b = 0 if b < 0 else min(_MOST, b)
        resource.in_use = b
        a = resource.number | place << 32
        self._write(self._clock(), a, task_id | kind_tag | b << B_SHIFT)

    def _forget_wait(self, task_id: int, number: int) -> None:
        waits = self._waits.get(task_id)
        if waits is not None:
            if number in waits:
                waits.remove(number)
            if not waits:
                del self._waits[task_id]

    def _put(self, kind: Kind, task_id: int, a: int, b: int) -> None:
        self._write(self._clock(), a, tag(kind, task_id, b))


_METHODS = {
    "resource": ("introduce",),
    "wait": ("wait", "wait_over"),
    "acquired": ("acquired",),
    "released": ("released",),
    "queue_size": ("queue_size",),
    "job": ("job", "job_started", "job_ended"),
    "http_call": ("http_call",),
    "never_awaited": ("never_awaited",),
    "phase": ("phase",),
    "request_event": ("request_event",),
    "span": ("span",),
    "request_exception": ("request_exception",),
}
"""The methods that each hook disables when it fails."""


def _record_nothing(*_: Any, **__: Any) -> int:
    return 0


def _whole(capacity: float) -> int:
    return 0 if capacity <= 0 or math.isinf(capacity) else math.ceil(capacity)
