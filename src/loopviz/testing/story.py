"""Builds the events that a probe would have recorded of a loop."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS
from loopviz.model.events import EVENT_TYPE, Event
from loopviz.model.model import Model
from loopviz.wire.events import (
    GC_ELSEWHERE,
    LASTING,
    RECEIVED,
    SPAN_BEGINS,
    SPAN_ENDS,
    TASK_RAISED,
    TASK_RETURNED,
    WAIT_PUT,
    WAITED_UNIT_NS,
    Kind,
)

__all__ = ["Story"]


class _Ring:
    """Events, and the strings that they refer to."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.strings: list[str] = [""]
        self._ids = {"": 0}

    def write(self, at: int, kind: Kind, a: int = 0, task_id: int = 0, b: int = 0) -> None:
        self.rows.append((at, a, task_id, b, kind))

    def intern(self, text: str) -> int:
        number = self._ids.setdefault(text, len(self._ids))
        if number == len(self.strings):
            self.strings.append(text)
        return number

    def take(self) -> NDArray[np.void]:
        events = np.array(self.rows, EVENT_TYPE)
        self.rows = []
        return events


class Story:
    """The story of a loop, event by event. Methods return the story; times are nanoseconds.

    You number tasks, resources and jobs. A step or callback lasts until the next one, or until the
    loop polls; `runs` lets time pass within it:

        story = Story().idle(5 * MS).task(1, "fetch").step(1).request(1, "GET /ping")
        story.runs(30 * MS).response(1, 200).end(1).idle(MS).feed(model)
    """

    def __init__(self, now_ns: int = 1024 * 10**9) -> None:
        self.now_ns = now_ns
        self.started_ns = 0
        """Start of the last step or callback."""
        self._loop = _Ring()
        self._aux = _Ring()

    def runs(self, ns: int) -> Self:
        """Time passes, whatever the loop is doing."""
        self.now_ns += ns
        return self

    def idle(self, ns: int) -> Self:
        """The loop waits in select, then polls."""
        began = self.now_ns
        self._loop.write(began, Kind.IDLE)
        return self.runs(ns).polls(began)

    def selects(self) -> Self:
        """The loop begins to wait in select."""
        self._loop.write(self.now_ns, Kind.IDLE)
        return self

    def polls(self, began_ns: int = 0, *, events: int = 0) -> Self:
        """A new iteration starts without a wait, with that many I/O events."""
        self._loop.write(self.now_ns, Kind.POLLED, began_ns or self.now_ns, 0, events)
        return self

    def loop_closed(self) -> Self:
        """The loop is closed; what follows is another one."""
        self._loop.write(self.now_ns, Kind.LOOP_CLOSED)
        self._loop.write(self.now_ns, Kind.STOPPED)
        return self

    def step(
        self, task: int, runs: int = 0, *, waited: int = 0, place: str = "", woken_by: int = 0
    ) -> Self:
        """A step of the task starts, `waited` ns after it became ready, and `runs` ns pass.

        `place` is where the task was suspended, as `probe.places` writes it.
        """
        self.started_ns = self.now_ns
        number = self._loop.intern(place)
        self._loop.write(self.now_ns, Kind.STEP, self.now_ns - waited, task, number)
        if woken_by:
            self._loop.write(self.now_ns, Kind.WOKEN, woken_by, task)
        return self.runs(runs)

    def callback(
        self, site: str = "", runs: int = 0, *, waited: int = 0, late: int | None = None
    ) -> Self:
        """A callback that is no task's step; with `late`, a timer's that was due `late` ns ago."""
        number = self._loop.intern(site)
        self.started_ns = self.now_ns
        self._loop.write(self.now_ns, Kind.CALLBACK, self.now_ns - waited, 0, number)
        if late is not None:
            self._loop.write(self.now_ns, Kind.TIMER, self.now_ns - late, 0, number)
        return self.runs(runs)

    def task(self, task: int, site: str = "", *, parent: int = 0, name: str = "") -> Self:
        """A task is created; `site` is as `probe.places` writes it, or just a name."""
        a = parent << 32 | self._loop.intern(name)
        self._loop.write(self.now_ns, Kind.TASK_START, a, task, self._loop.intern(site))
        return self

    def suspended(self, task: int, place: str = "") -> Self:
        """The task that was just told is older than the probe, and waits at that place."""
        self._loop.write(self.now_ns, Kind.SUSPENDED, 0, task, self._loop.intern(place))
        return self

    def end(self, task: int, outcome: int = TASK_RETURNED, *, noticed: bool = False) -> Self:
        """The task ends in the running step; `noticed`: somebody is told."""
        self._loop.write(self.now_ns, Kind.TASK_END, noticed, task, outcome)
        return self

    def dies(self, task: int, error: str, *, place: str = "") -> Self:
        """The task raises in the running step and ends, and nobody is told."""
        a = self._loop.intern(place) if place else 0
        self._loop.write(self.now_ns, Kind.TASK_EXCEPTION, a, task, self._loop.intern(error))
        return self.end(task, TASK_RAISED)

    def request(self, task: int, path: str, *, sent_ns: int = 0) -> Self:
        """The task begins to serve a request: `GET /items/3`."""
        number = self._loop.intern(path)
        self._loop.write(self.now_ns, Kind.REQUEST_START, sent_ns, task, number)
        return self

    def response(self, task: int, route: str, status: int = 200, *, sent: int = 0) -> Self:
        """The task has served its request by that route, `GET /items/{id}`; `sent` is in bytes."""
        a = status | sent << 16
        self._loop.write(self.now_ns, Kind.REQUEST_END, a, task, self._loop.intern(route))
        return self

    def phase(self, task: int, name: str = "") -> Self:
        """The task's request enters a phase: `endpoint`; empty: the phase ends."""
        return self._write(Kind.PHASE, 0, task, self._loop.intern(name))

    def opens(self, task: int, route: str, *, lasts: bool = False) -> Self:
        """The response of the task's request begins, in parts, or its WebSocket is accepted.

        `lasts`: it goes on as long as its client wants, as `WS /chat` always does.
        """
        return self._write(
            Kind.STREAM_OPENED, LASTING if lasts else 0, task, self._loop.intern(route)
        )

    def message(self, task: int, size: int = 1, *, received: bool = False) -> Self:
        """A part of that response, or a message of the WebSocket."""
        return self._write(Kind.MESSAGE, size << 1 | (RECEIVED if received else 0), task)

    def span(self, task: int, name: str, *, begins: bool) -> Self:
        """A `loopviz.span` of the task's request begins or ends."""
        a = SPAN_BEGINS if begins else SPAN_ENDS
        return self._write(Kind.PHASE, a, task, self._loop.intern(name))

    def disconnects(self, task: int) -> Self:
        """The client of the task's request disconnects."""
        return self._write(Kind.CLIENT_DISCONNECTED, 0, task)

    def raises(self, task: int, error: str, *, place: str = "") -> Self:
        """An exception propagates through the app while the task serves its request."""
        a = self._loop.intern(place) if place else 0
        return self._write(Kind.REQUEST_EXCEPTION, a, task, self._loop.intern(error))

    def http_call(self, task: int, host: str, status: int = 200, *, place: str = "") -> Self:
        """An outbound HTTP call of the task ends; status 0: it failed."""
        a = self._loop.intern(place) << 32 | status
        return self._write(Kind.HTTP_CALL, a, task, self._loop.intern(host))

    def resource(
        self,
        number: int,
        kind: str = "asyncio.Lock",
        capacity: int = 0,
        *,
        name: str = "",
        made_at: str = "\t0\t",
        by: int = 0,
        in_thread: bool = False,
    ) -> Self:
        """A resource is introduced; `made_at` is `file <tab> line <tab> function`.

        `in_thread`: by a worker thread, so in the aux ring.
        """
        ring = self._aux if in_thread else self._loop
        text = ring.intern(f"{kind}\t{name}\t{made_at}")
        ring.write(self.now_ns, Kind.RESOURCE, number << 32 | capacity, by, text)
        return self

    def waits_for(
        self, task: int, resource: int, *, place: str = "", direction: int = WAIT_PUT
    ) -> Self:
        """The task begins to wait for the resource."""
        a = resource | direction << 32
        return self._write(Kind.WAIT, a, task, self._loop.intern(place))

    def wait_over(self, task: int, resource: int, *, direction: int = WAIT_PUT) -> Self:
        """The task's wait ends, and it holds nothing."""
        return self._write(Kind.WAIT_OVER, resource | direction << 32, task)

    def acquires(self, task: int, resource: int, in_use: int = 1, *, place: str = "") -> Self:
        """The task acquires one unit at that place, after which `in_use` are in use."""
        a = resource | self._loop.intern(place) << 32
        return self._write(Kind.ACQUIRED, a, task, in_use)

    def releases(self, task: int, resource: int, in_use: int = 0) -> Self:
        """The task releases one unit, after which `in_use` are in use."""
        return self._write(Kind.RELEASED, resource, task, in_use)

    def queue_size(self, resource: int, items: int, *, by: int = 0) -> Self:
        """The queue has `items` items."""
        return self._write(Kind.QUEUE_SIZE, resource, by, items)

    def job(self, job: int, executor: int, function: str = "", *, by: int = 0) -> Self:
        """A worker job is submitted."""
        return self._write(Kind.JOB, job << 32 | executor, by, self._loop.intern(function))

    def job_starts(self, job: int, executor: int, worker: str = "worker-0") -> Self:
        """A worker takes the job up; recorded in the aux ring."""
        text = self._aux.intern(worker)
        self._aux.write(self.now_ns, Kind.JOB_START, job << 32 | executor, 0, text)
        return self

    def job_ends(self, job: int, executor: int, outcome: int = TASK_RETURNED) -> Self:
        """The job ends; recorded in the aux ring."""
        self._aux.write(self.now_ns, Kind.JOB_END, job << 32 | executor, 0, outcome)
        return self

    def job_waits_for(self, job: int, resource: int, *, place: str = "") -> Self:
        """The job begins to wait for the resource in its thread; this and the rest: aux ring."""
        self._aux.write(self.now_ns, Kind.WAIT, resource, job, self._aux.intern(place))
        return self

    def job_wait_over(self, job: int, resource: int) -> Self:
        """The job's wait ends, and it holds nothing."""
        self._aux.write(self.now_ns, Kind.WAIT_OVER, resource, job)
        return self

    def job_acquires(self, job: int, resource: int, in_use: int = 1, *, place: str = "") -> Self:
        """The job acquires one unit at that place, after which `in_use` are in use."""
        a = resource | self._aux.intern(place) << 32
        self._aux.write(self.now_ns, Kind.ACQUIRED, a, job, in_use)
        return self

    def job_releases(self, job: int, resource: int, in_use: int = 0) -> Self:
        """A unit that the job had acquired is released, on whichever thread."""
        self._aux.write(self.now_ns, Kind.RELEASED, resource, job, in_use)
        return self

    def gc(self, lasted: int, generation: int = 2, *, elsewhere: bool = False) -> Self:
        """A garbage collection of `lasted` ns ends; `elsewhere`: on another thread."""
        b = generation + (GC_ELSEWHERE if elsewhere else 0)
        return self._write(Kind.GC, self.now_ns - lasted, 0, b)

    def never_retrieved(self, task: int, error: str) -> Self:
        """Nobody retrieved the task's exception."""
        return self._write(Kind.EXCEPTION_NEVER_RETRIEVED, 0, task, self._loop.intern(error))

    def never_awaited(self, site: str, *, place: str = "", by: int = 0) -> Self:
        """A coroutine of that site is destroyed unawaited; `place` made it."""
        a, b = self._loop.intern(place), self._loop.intern(site)
        return self._write(Kind.NEVER_AWAITED, a, by, b)

    def destroyed(self, task: int) -> Self:
        """The task is destroyed while pending."""
        return self._write(Kind.TASK_DESTROYED, 0, task)

    def overhead(self, ns: int) -> Self:
        """The probe measures that it adds `ns` to a callback."""
        return self._write(Kind.OVERHEAD, ns)

    def coverage(self, word: str) -> Self:
        """The loop's coverage is `full`, `uvloop` or `steps`."""
        return self._write(Kind.COVERAGE, 0, 0, self._loop.intern(word))

    def stops(self) -> Self:
        """The probe is uninstalled."""
        self._loop.write(self.now_ns, Kind.STOPPED)
        return self

    def sampled(
        self,
        file: str,
        line: int,
        function: str = "",
        *,
        gil: bool = False,
        asleep: bool = False,
        calls: str = "",
        work: str = "",
    ) -> Self:
        """The watchdog samples the running callback at that line; with `gil`, another thread.

        `asleep`: its thread sleeps in a system call. `calls` is the file of a library function that
        the line calls; `work`, of an endpoint that does not run, what FastAPI does for it, as in
        `wire.endpoint_work`: `body 12000000`.
        """
        frames = [f"{work}\t{file}\t{line}\t{function}"]
        if calls:
            frames.insert(0, f"\t{calls}\t1\tcalled")
        return self.sampled_stack(*frames, culprit=len(frames) - 1, gil=gil, asleep=asleep)

    def sampled_stack(
        self, *frames: str, culprit: int = 0, gil: bool = False, asleep: bool = False
    ) -> Self:
        """As `sampled`; frames as `probe.places` writes them, innermost first, one the culprit."""
        numbers = ",".join(str(self._aux.intern(frame)) for frame in frames)
        prefix = "gil:" if gil else "asleep:" if asleep else ""
        text = self._aux.intern(f"{prefix}{culprit}:{numbers}")
        self._aux.write(self.now_ns, Kind.STALL, self.started_ns, 0, text)
        return self

    def waits_for_core(self, waited: int = 0, *, since: int = 10 * MS) -> Self:
        """The watchdog looks: since `since` ns ago the loop's thread waited so long for a core.

        Without a wait: such waits are measured from here on.
        """
        units = waited // WAITED_UNIT_NS
        self._aux.write(self.now_ns, Kind.QUEUED, self.now_ns - since, b=units)
        return self

    def waits_for_gil(self, waited: int, *, since: int = 10 * MS) -> Self:
        """The watchdog looks: since `since` ns ago the loop's thread waited so long for the GIL."""
        units = waited // WAITED_UNIT_NS
        self._aux.write(self.now_ns, Kind.WAITED_FOR_GIL, self.now_ns - since, b=units)
        return self

    def throttled(self, reached: int, periods: int, *, limit: str = "0.5\tcpu.max") -> Self:
        """The CPU limit was reached in so many of the periods since the last time."""
        text = self._aux.intern(limit)
        self._aux.write(self.now_ns, Kind.THROTTLED, periods << 32 | reached, b=text)
        return self

    def mark(self, text: str) -> Self:
        """A mark: `fix:to_thread=on`."""
        self._aux.write(self.now_ns, Kind.MARK, b=self._aux.intern(text))
        return self

    def counts(self, key: str, value: int) -> Self:
        """A counter of the scenario has a new value."""
        self._aux.write(self.now_ns, Kind.COUNTER, value, b=self._aux.intern(key))
        return self

    def hook_failed(self, text: str) -> Self:
        """A hook raised."""
        self._aux.write(self.now_ns, Kind.HOOK_FAILED, b=self._aux.intern(text))
        return self

    def _write(self, kind: Kind, a: int = 0, task_id: int = 0, b: int = 0) -> Self:
        self._loop.write(self.now_ns, kind, a, task_id, b)
        return self

    def batch(self) -> tuple[NDArray[np.void], list[str]]:
        """The events of the loop's ring since the last batch, and all its strings."""
        return self._loop.take(), self._loop.strings

    def aux_batch(self) -> tuple[NDArray[np.void], list[str]]:
        """The events of the aux ring since the last batch, and all its strings."""
        return self._aux.take(), self._aux.strings

    def feed(self, model: Model) -> Self:
        """Feeds the new events to the model, in the collector's order."""
        model.feed_aux(*self.aux_batch())
        model.feed(*self.batch())
        return self
