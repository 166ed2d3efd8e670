"""The dispatcher: what each kind of record between two switches means to the model."""

from loopviz.model.state.entities import Task
from loopviz.model.state.trace import Handler, Trace
from loopviz.wire.events import NUMBER, Kind

__all__ = ["handlers"]


def handlers(trace: Trace) -> list[Handler]:
    """What to call for a record, by its kind, of 256; an unknown kind does nothing."""
    tasks, resources, live = trace.tasks, trace.resources, trace.tasks.live
    text, requests = trace.text, trace.requests.open

    def task_of(task_id: int, at: int) -> Task | None:
        if not task_id:
            return None
        return live.get(task_id) or tasks.find(task_id, at)

    def acquired(at: int, a: int, task_id: int, b: int) -> None:
        resources.acquired(at, a & NUMBER, task_of(task_id, at), b)

    def released(at: int, a: int, task_id: int, b: int) -> None:
        resources.released(at, a & NUMBER, live.get(task_id), b)

    def wait(at: int, a: int, task_id: int, b: int) -> None:
        task = task_of(task_id, at)
        if task is not None:
            resources.wait(at, a, task, b)

    def wait_over(at: int, a: int, task_id: int, _b: int) -> None:
        task = live.get(task_id)
        if task is not None:
            resources.wait_over(at, a, task)

    def queue_size(at: int, a: int, _task_id: int, b: int) -> None:
        resources.queue_size(at, a & NUMBER, b)

    def resource(at: int, a: int, task_id: int, b: int) -> None:
        task = live.get(task_id)
        made = resources.introduce(at, a, text(b), task)
        if made is not None and task is not None and task.request is not None:
            task.request.keep(task.request.made, made.row)

    def woken(_at: int, a: int, task_id: int, _b: int) -> None:
        task = live.get(task_id)
        if task is not None:
            task.waker = a

    def job(at: int, a: int, task_id: int, b: int) -> None:
        task = live.get(task_id)
        if task is not None:
            task.offloaded = True
        trace.jobs.submitted(at, a, task, b)

    def collected(at: int, a: int, _task_id: int, b: int) -> None:
        trace.pauses.add(at, a, b)

    def overhead(_at: int, a: int, _task_id: int, _b: int) -> None:
        trace.overhead_ns = a

    def phase(at: int, _a: int, task_id: int, b: int) -> None:
        request = requests.get(task_id)
        if request is None:  # middleware may run the app in a child of the request's task
            task = live.get(task_id)
            request = task.request if task is not None else None
        if request is not None:
            request.phase(at, text(b) if b else "")
            request.streams = request.streams or not b

    def client_disconnected(at: int, _a: int, task_id: int, _b: int) -> None:
        request = requests.get(task_id)
        if request is not None:
            request.gone_ns = at
            trace.observer.client_disconnected(request, at)

    def request_exception(_at: int, a: int, task_id: int, b: int) -> None:
        request = requests.get(task_id)
        if request is not None:
            request.failure = a, text(b)

    def http_call(at: int, a: int, task_id: int, b: int) -> None:
        task = live.get(task_id)
        place, host, status = a >> 32 & NUMBER, text(b), a & NUMBER
        if task is not None and task.request is not None:
            task.request.calls_made += 1
            task.request.keep(task.request.calls, (at, place, host, status))
        trace.observer.http_call(task, place, host, status, at)

    def coverage(_at: int, _a: int, _task_id: int, b: int) -> None:
        trace.coverage = text(b)

    by_kind: list[Handler] = [lambda *_: None] * 256
    for kind, handler in {
        Kind.TASK_START: tasks.start,
        Kind.TASK_END: trace.task_end,
        Kind.REQUEST_START: trace.request_start,
        Kind.REQUEST_END: trace.request_end,
        Kind.RESOURCE: resource,
        Kind.WAIT: wait,
        Kind.WAIT_OVER: wait_over,
        Kind.ACQUIRED: acquired,
        Kind.RELEASED: released,
        Kind.QUEUE_SIZE: queue_size,
        Kind.JOB: job,
        Kind.JOB_START: lambda at, a, _task_id, b: trace.jobs.started(at, a, text(b)),
        Kind.JOB_END: lambda at, a, _task_id, b: trace.jobs.ended(at, a, b),
        Kind.GC: collected,
        Kind.WOKEN: woken,
        Kind.EXCEPTION_NEVER_RETRIEVED: lambda at, _a, task_id, b: tasks.note_never_retrieved(
            at, task_id, text(b)
        ),
        Kind.TASK_DESTROYED: trace.task_destroyed,
        Kind.PHASE: phase,
        Kind.CLIENT_DISCONNECTED: client_disconnected,
        Kind.REQUEST_EXCEPTION: request_exception,
        Kind.HTTP_CALL: http_call,
        Kind.OVERHEAD: overhead,
        Kind.COVERAGE: coverage,
    }.items():
        by_kind[kind] = handler
    return by_kind
