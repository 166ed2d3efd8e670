"""Thread pools of `concurrent.futures`, the loop's default executor among them."""

import asyncio
from asyncio import _get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.registry import describes, resource_of
from loopviz.probe.patches.wrappers import Factory, makes
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe, worker
from loopviz.wire import kinds
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED

__all__ = ["PATCHES", "SubmittedJob", "new_job", "submits"]


class SubmittedJob:
    """Wraps a function that a worker thread will run, and records when it does.

    While it runs, what it does there is recorded as the job's (`recorder.here`).
    """

    __slots__ = ("a", "function", "in_threads", "recorder", "started", "task")

    def __init__(self, recorder: Recorder, a: int, function: Callable[..., Any]) -> None:
        self.recorder = recorder
        self.a = a
        self.function = function
        self.started = False
        self.task = recorder.task()
        self.in_threads = recorder.in_threads

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function. Returns its result, or raises its error."""
        self.started = True
        self.recorder.job_started(self.a)
        outer = worker.recorder, worker.job, worker.task
        worker.recorder, worker.job, worker.task = self.in_threads, self.a >> 32, self.task
        outcome = TASK_RAISED
        try:
            result = self.function(*args, **kwargs)
            outcome = TASK_RETURNED
        finally:
            worker.recorder, worker.job, worker.task = outer
            self.recorder.job_ended(self.a, outcome)
        return result

    def given_up(self, _: Any = None) -> None:
        """Record that the job will never start, unless it has: its caller waits no more."""
        if not self.started:
            self.recorder.job_ended(self.a, TASK_CANCELLED)


def _describe_threads(executor: Any, seen: bool) -> ResourceDescription:
    own = getattr(_get_running_loop(), "_default_executor", None) is executor
    name = "default executor" if own else ""
    return ResourceDescription(
        kinds.THREAD_POOL, name, executor._max_workers, seen=seen and not own
    )


def submits(function_of: Callable[[SubmittedJob], Any], follow: Callable[..., None]) -> Factory:
    """Wrap `submit`: submit `function_of(job)`, then call `follow(executor, job, future)`."""

    def of(original: Any) -> Any:
        def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            recorder = current()
            job = None if recorder is None else new_job(recorder, self, fn, args)
            if job is None:
                return original(self, fn, *args, **kwargs)
            try:
                future = original(self, function_of(job), *args, **kwargs)
            except BaseException:
                job.recorder.job_ended(job.a, TASK_CANCELLED)
                raise
            with fail_safe("job", job.recorder):
                follow(self, job, future)
            return future

        return submit

    return of


def _follow_in_thread(_: Any, job: SubmittedJob, future: "Future[Any]") -> None:
    future.add_done_callback(job.given_up)


def new_job(
    recorder: Recorder, executor: Any, function: Any, args: Sequence[Any] = ()
) -> SubmittedJob | None:
    """Record a submitted job. Returns None if that fails."""
    with fail_safe("job", recorder):
        resource = resource_of(executor)
        a = recorder.job(resource, function, args) if resource is not None else 0
        return SubmittedJob(recorder, a, function) if a else None
    return None


describes(ThreadPoolExecutor, _describe_threads)

PATCHES = (
    Patch(
        ThreadPoolExecutor,
        "__init__",
        makes(unless=asyncio.BaseEventLoop.run_in_executor.__code__),
    ),
    Patch(ThreadPoolExecutor, "submit", submits(lambda job: job, _follow_in_thread)),
)
