"""The dispatcher: what each kind of record means to the model, whichever ring it comes in.

Switches are the exception, which `Trace.feed` handles in place. A handler's parameters say what
the record's `a` and `b` are; packed numbers are taken apart here.
"""

from collections.abc import Sequence

from loopviz.model.state.dispatch_jobs import job_handlers
from loopviz.model.state.entities import Task
from loopviz.model.state.trace import Handler, Trace
from loopviz.model.state.worker_records import IN_THREAD
from loopviz.wire.events import LASTING, NUMBER, RECEIVED, SPAN_BEGINS, Kind

__all__ = ["handlers", "text_of"]

Strings = Sequence[str]
"""Of the record's ring."""

_ACQUIRE = frozenset(("Lock.acquire", "Semaphore.acquire"))
"""Coroutines that only take a unit; as a task of its own, one takes it for the task that awaits it:
up to Python 3.11, `asyncio.wait_for(lock.acquire(), 1)` makes one."""


def handlers(trace: Trace) -> list[Handler]:
    """The handler of each kind, of 256; that of an unknown kind does nothing."""
    tasks, resources, jobs = trace.tasks, trace.resources, trace.jobs
    live, requests, orphans = tasks.live, trace.requests.open, trace.requests.orphans
    users: dict[int, bool] = {}

    def task_of(task_id: int, at: int) -> Task | None:
        if not task_id:
            return None
        return live.get(task_id) or tasks.find(task_id, at)

    # ---- resources

    def resource(
        at: int, resource_and_capacity: int, task_id: int, description: int, strings: Strings
    ) -> None:
        resource_id, capacity = resource_and_capacity >> 32 & NUMBER, resource_and_capacity & NUMBER
        task, text = live.get(task_id), text_of(strings, description)
        made = resources.introduce(at, resource_id, capacity, text, task)
        if made is not None and task is not None and task.request is not None:
            task.request.keep(task.request.made, made.group)

    def wait(at: int, direction_and_resource: int, task_id: int, place: int, _: Strings) -> None:
        task = task_of(task_id, at)
        if task is not None:
            direction, resource_id = direction_and_resource >> 32, direction_and_resource & NUMBER
            resources.wait(at, resource_id, direction, task, place)

    def wait_over(at: int, direction_and_resource: int, task_id: int, _b: int, _: Strings) -> None:
        task = live.get(task_id)
        if task is not None:
            resources.wait_over(at, direction_and_resource & NUMBER, task)

    def acquired(at: int, place_and_resource: int, task_id: int, in_use: int, _: Strings) -> None:
        resource_id, place = place_and_resource & NUMBER, place_and_resource >> 32
        task = task_of(task_id, at)
        takes = task is not None and trace.site(task.site).name in _ACQUIRE
        holder = live.get(task.parent) if task is not None and takes else None
        resources.acquired(at, resource_id, task, in_use, place, holder=holder)

    def released(at: int, resource_id: int, task_id: int, in_use: int, _: Strings) -> None:
        resources.released(at, resource_id & NUMBER, task_id, in_use, live.get(task_id))

    def queue_size(at: int, resource_id: int, task_id: int, items: int, _: Strings) -> None:
        resources.queue_size(at, resource_id & NUMBER, items, live.get(task_id))

    # ---- coroutines

    def never_awaited(at: int, place: int, task_id: int, site: int, _: Strings) -> None:
        trace.observer.never_awaited(place, site, live.get(task_id), at)

    # ---- jobs

    def job(at: int, job_and_executor: int, task_id: int, place: int, _: Strings) -> None:
        task = live.get(task_id)
        job_id, executor_id = job_and_executor >> 32 & NUMBER, job_and_executor & NUMBER
        submitted = jobs.submitted(at, job_id, executor_id, task, place)
        if task is not None and (task.offloaded is None or task.offloaded.ended_ns):
            task.offloaded = submitted
        if task is not None and task.request is not None and not submitted.ended_ns:
            orphans.begins(task.request, -job_id, submitted)

    def job_start(
        at: int, job_and_executor: int, _task_id: int, worker: int, strings: Strings
    ) -> None:
        job_id, executor_id = job_and_executor >> 32 & NUMBER, job_and_executor & NUMBER
        jobs.started(at, job_id, executor_id, text_of(strings, worker))

    def job_end(at: int, job_and_executor: int, _task_id: int, outcome: int, _: Strings) -> None:
        job_id, executor_id = job_and_executor >> 32 & NUMBER, job_and_executor & NUMBER
        ended = jobs.open.get(job_id)
        jobs.ended(at, job_id, executor_id, outcome)
        if ended is not None and ended.task is not None and ended.task.request is not None:
            orphans.ends(ended.task.request, -job_id, at)

    # ---- tasks and requests; see also `Trace` and `Tasks`

    def is_users(site: int) -> bool:
        known = users.get(site)
        if known is None:
            path = trace.site(site).path
            known = bool(path) and trace.naming.is_users(path)
            if path:
                users[site] = known
        return known

    def task_start(
        at: int, parent_and_name: int, task_id: int, site: int, strings: Strings
    ) -> None:
        tasks.start(at, parent_and_name, task_id, site, strings)
        task = live.get(task_id)
        if task is not None and task.request is not None and is_users(site):
            orphans.begins(task.request, task_id, task)

    def suspended(_at: int, _a: int, task_id: int, place: int, _: Strings) -> None:
        task = live.get(task_id)
        if task is not None:
            task.place, task.suspended_before = place, True

    def woken(_at: int, waker_id: int, task_id: int, _b: int, _: Strings) -> None:
        task = live.get(task_id)
        if task is not None:
            task.waker = waker_id

    def never_retrieved(at: int, _a: int, task_id: int, error: int, strings: Strings) -> None:
        tasks.note_never_retrieved(at, task_id, text_of(strings, error))

    def phase(at: int, span: int, task_id: int, name: int, strings: Strings) -> None:
        request = requests.get(task_id)
        if request is None:  # middleware may run the app in a child of the request's task
            task = live.get(task_id)
            request = task.request if task is not None else None
        if request is None:
            return
        if span:
            request.span(at, text_of(strings, name), begins=span == SPAN_BEGINS)
        elif name:
            request.phase(at, text_of(strings, name))
        else:
            request.opens(at)

    def stream_opened(at: int, lasts: int, task_id: int, route: int, strings: Strings) -> None:
        request = requests.get(task_id)
        if request is None:
            return
        request.opens(at, lasts=bool(lasts & LASTING))
        trace.requests.rename(request, text_of(strings, route))
        task = live.get(task_id)
        if task is not None:
            tasks.groups.serves(task, request.route)

    def message(at: int, size_and_direction: int, task_id: int, _b: int, _: Strings) -> None:
        request = requests.get(task_id)
        if request is not None and request.stream is not None:
            received = bool(size_and_direction & RECEIVED)
            request.stream.add(at, size_and_direction >> 1, received=received)

    def client_disconnected(at: int, _a: int, task_id: int, _b: int, _: Strings) -> None:
        request = requests.get(task_id)
        if request is not None:
            request.gone_ns = at
            trace.observer.client_disconnected(request, at)

    def request_exception(_at: int, place: int, task_id: int, error: int, strings: Strings) -> None:
        request = requests.get(task_id)
        if request is not None:
            request.failure = place, text_of(strings, error)

    def task_exception(_at: int, place: int, task_id: int, error: int, strings: Strings) -> None:
        task = live.get(task_id)
        if task is not None:
            task.error = place, text_of(strings, error) if error else ""

    def http_call(
        at: int, place_and_status: int, task_id: int, host: int, strings: Strings
    ) -> None:
        task, name = live.get(task_id), text_of(strings, host)
        place, status = place_and_status >> 32 & NUMBER, place_and_status & NUMBER
        if task is not None and task.request is not None:
            task.request.calls_made += 1
            task.request.keep(task.request.calls, (at, place, name, status))
        trace.observer.http_call(task, place, name, status, at)

    # ---- the loop and the probe

    def stall(at: int, started_ns: int, _task_id: int, stack: int, strings: Strings) -> None:
        trace.samples.add(started_ns, text_of(strings, stack), strings, at)

    def collection(at: int, started_ns: int, _task_id: int, generation: int, _: Strings) -> None:
        trace.pauses.add(at, started_ns, generation)

    def loop_closed(at: int, _a: int, _task_id: int, _b: int, _: Strings) -> None:
        trace.loop_closed(at)

    def overhead(_at: int, ns: int, _task_id: int, _b: int, _: Strings) -> None:
        trace.overhead_ns = ns

    def coverage(_at: int, _a: int, _task_id: int, word: int, strings: Strings) -> None:
        trace.coverage = text_of(strings, word)

    def queued(at: int, since_ns: int, _task_id: int, units: int, _: Strings) -> None:
        trace.core_waits.add(at, since_ns, units)

    def waited_for_gil(at: int, since_ns: int, _task_id: int, units: int, _: Strings) -> None:
        trace.gil_waits.add(at, since_ns, units)

    def throttled(at: int, counts: int, _task_id: int, limit: int, strings: Strings) -> None:
        periods, reached = counts >> 32 & NUMBER, counts & NUMBER
        trace.core_waits.throttled(at, periods, reached, text_of(strings, limit))

    by_kind: list[Handler] = [lambda *_: None] * 256
    for kind, handler in {
        Kind.TASK_START: task_start,
        Kind.SUSPENDED: suspended,
        Kind.TASK_END: trace.task_end,
        Kind.REQUEST_START: trace.request_start,
        Kind.REQUEST_END: trace.request_end,
        Kind.STALL: stall,
        Kind.RESOURCE: resource,
        Kind.WAIT: wait,
        Kind.WAIT_OVER: wait_over,
        Kind.ACQUIRED: acquired,
        Kind.RELEASED: released,
        Kind.QUEUE_SIZE: queue_size,
        Kind.JOB: job,
        Kind.JOB_START: job_start,
        Kind.JOB_END: job_end,
        Kind.GC: collection,
        Kind.LOOP_CLOSED: loop_closed,
        Kind.WOKEN: woken,
        Kind.EXCEPTION_NEVER_RETRIEVED: never_retrieved,
        Kind.NEVER_AWAITED: never_awaited,
        Kind.TASK_DESTROYED: trace.task_destroyed,
        Kind.PHASE: phase,
        Kind.STREAM_OPENED: stream_opened,
        Kind.MESSAGE: message,
        Kind.CLIENT_DISCONNECTED: client_disconnected,
        Kind.REQUEST_EXCEPTION: request_exception,
        Kind.TASK_EXCEPTION: task_exception,
        Kind.HTTP_CALL: http_call,
        Kind.OVERHEAD: overhead,
        Kind.COVERAGE: coverage,
        Kind.QUEUED: queued,
        Kind.WAITED_FOR_GIL: waited_for_gil,
        Kind.THROTTLED: throttled,
    }.items():
        by_kind[kind] = handler
    for kind, handler in job_handlers(trace, by_kind).items():
        by_kind[kind | IN_THREAD] = handler
    return by_kind


def text_of(strings: Strings, number: int) -> str:
    """The string with that number; empty if it was lost."""
    return strings[number] if number < len(strings) else ""
