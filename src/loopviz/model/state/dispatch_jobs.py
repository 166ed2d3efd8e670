"""The dispatcher of what worker threads record of their jobs, see `worker_records`."""

from collections.abc import Sequence

from loopviz.model.snapshot import State
from loopviz.model.state.entities import Job, Wait
from loopviz.model.state.trace import IN_AUX, Handler, Trace
from loopviz.wire.events import NUMBER, Kind

__all__ = ["job_handlers"]


def job_handlers(trace: Trace, by_kind: Sequence[Handler]) -> dict[Kind, Handler]:
    """The handlers of these kinds, made with those of the loop's own records.

    A job is still known when its task has ended, but a task that has ended is not made up again.
    """
    resources, jobs = trace.resources, trace.jobs.open

    def with_aux_strings(kind: Kind) -> Handler:
        handler = by_kind[kind]
        return lambda at, a, task_id, b, _: handler(at, a, task_id, b, trace.aux_strings)

    def wait(at: int, direction_and_resource: int, job_id: int, place: int, _: object) -> None:
        job = jobs.get(job_id)
        if job is not None and job.task is not None:
            direction, resource_id = direction_and_resource >> 32, direction_and_resource & NUMBER
            began = resources.wait(at, resource_id, direction, job.task, _place(place), job)
            _span(began, job, at, State.THREAD)

    def wait_over(at: int, direction_and_resource: int, job_id: int, _b: int, _: object) -> None:
        job, resource_id = jobs.get(job_id), direction_and_resource & NUMBER
        if job is not None and job.wait is not None and job.wait.resource.number == resource_id:
            _span(job.wait, job, at, State.RESOURCE)
            resources.give_up(job.wait, at)

    def acquired(at: int, place_and_resource: int, job_id: int, in_use: int, _: object) -> None:
        job = jobs.get(job_id)
        if job is not None:
            resource_id, place = place_and_resource & NUMBER, place_and_resource >> 32
            if job.wait is not None:
                _span(job.wait, job, at, State.RESOURCE)
            resources.acquired(at, resource_id, job.task, in_use, _place(place), job)

    def released(at: int, resource_id: int, job_id: int, in_use: int, _: object) -> None:
        resources.released(at, resource_id & NUMBER, -job_id, in_use)

    def phase(at: int, span: int, job_id: int, name: int, _: object) -> None:
        job = jobs.get(job_id)
        if job is not None and job.task is not None:
            by_kind[Kind.PHASE](at, span, job.task.number, name, trace.aux_strings)

    return {
        Kind.PHASE: phase,
        Kind.RESOURCE: with_aux_strings(Kind.RESOURCE),
        Kind.JOB_START: with_aux_strings(Kind.JOB_START),
        Kind.JOB_END: with_aux_strings(Kind.JOB_END),
        Kind.WAIT: wait,
        Kind.WAIT_OVER: wait_over,
        Kind.ACQUIRED: acquired,
        Kind.RELEASED: released,
    }


def _place(number: int) -> int:
    """The place as a number that `Trace.site` takes."""
    return number + IN_AUX if number else 0


def _span(wait: Wait, job: Job, at: int, state: State) -> None:
    """The request whose task awaits the job has been in that state until now."""
    task = job.task
    if task is None or task.serves is None or task.running or task.waiting is not wait:
        return
    task.serves.add(job.queued_until(at), State.RESOURCE, (0, job.resource.group))
    kind = (wait.place, wait.resource.group) if state is State.RESOURCE else (job.place, None)
    task.serves.add(at, state, kind)
