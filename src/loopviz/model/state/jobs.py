"""Worker jobs: what threads and processes run for the loop.

A job's `JOB` comes in the loop's ring; its start and end in the aux ring. Should one be written
late, a start is known before its job is, and a job may be over before that.
"""

from loopviz.model.state.entities import Job, Resource, Task
from loopviz.model.state.observer import Observer
from loopviz.model.state.resource_groups import JobOccupancy
from loopviz.model.state.resources import Resources
from loopviz.model.stats.histogram import Histogram
from loopviz.wire.events import TASK_RAISED

__all__ = ["Executor", "Jobs"]

_OPEN = 50_000
"""How many jobs are followed; beyond, the oldest are forgotten."""


class Executor:
    """One executor and its jobs. It is a resource; its group's `jobs` are its occupancy."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.queued = 0
        """How many jobs no worker has taken up."""
        self.running: dict[int, Job] = {}
        """By job, not by worker: anyio's worker threads share one name."""
        self.begin()

    def begin(self) -> None:
        """Starts all counts anew."""
        self.finished = self.raised = 0
        self.queued_times = Histogram()
        self.run_times = Histogram()


class Jobs:
    """The open jobs by number, and the executors by their resource's number."""

    def __init__(self, resources: Resources, observer: Observer) -> None:
        self.observer = observer
        self.executors: dict[int, Executor] = {}
        self.open: dict[int, Job] = {}
        self._resources = resources

    def begin(self) -> None:
        """Starts all counts anew."""
        for executor in self.executors.values():
            executor.begin()

    def submitted(
        self, at: int, job_id: int, executor_id: int, task: Task | None, place: int
    ) -> Job:
        """JOB."""
        executor = self._find(executor_id, at)
        job = self.open.get(job_id)
        if job is None:
            job = self._open(job_id, executor, at)
            job.full = 0 < job.capacity <= len(executor.running) + executor.queued
            self._queue(executor, job, at, 1)
        job.submitted_ns, job.task, job.place = at, task, place
        if job.started_ns:
            self._was_queued(executor, job)
            job.work.past(at, job.started_ns)
        if job.ended_ns:
            del self.open[job_id]
            self.observer.job_ended(job)
        return job

    def started(self, at: int, job_id: int, executor_id: int, worker: str) -> None:
        """JOB_START."""
        executor = self._find(executor_id, at)
        job = self.open.get(job_id)
        if job is None:
            job = self._open(job_id, executor, at)
        job.started_ns, job.worker = at, worker
        executor.running[job_id] = job
        job.work.change(at, 1, 0)
        if job.submitted_ns:
            self._was_queued(executor, job)
            self._queue(executor, job, at, -1)

    def ended(self, at: int, job_id: int, executor_id: int, outcome: int) -> None:
        """JOB_END."""
        executor = self._find(executor_id, at)
        job = self.open.get(job_id)
        if job is None:
            return  # lost from sight
        job.ended_ns, job.outcome = at, outcome
        if job.wait is not None:
            self._resources.end(job.wait, at)
        executor.finished += 1
        executor.raised += outcome == TASK_RAISED
        if job.started_ns:
            executor.run_times.note(at - job.started_ns)
            job.work.change(at, -1, 0)
            executor.running.pop(job_id, None)
        elif job.submitted_ns:  # cancelled before a worker took it up
            self._queue(executor, job, at, -1)
        if job.submitted_ns:
            del self.open[job_id]
            self.observer.job_ended(job)

    def gap(self, at: int) -> None:
        """Events were lost: which jobs still run is not known."""
        for job_id in list(self.open):
            self._forget(job_id, at)

    def _find(self, executor_id: int, at: int) -> Executor:
        resource = self._resources.find(executor_id, at)
        executor = self.executors.get(resource.number)
        if executor is None:
            executor = self.executors[resource.number] = Executor(resource)
            if len(self.executors) > 1000:  # one made for each request, say
                del self.executors[next(iter(self.executors))]
        return executor

    def _open(self, job_id: int, executor: Executor, at: int) -> Job:
        group = executor.resource.group
        if group.jobs is None:
            group.jobs = JobOccupancy(group.since)
        job = self.open[job_id] = Job(job_id, executor.resource, group.jobs)
        if len(self.open) > _OPEN:
            self._forget(next(iter(self.open)), at)
        return job

    @staticmethod
    def _queue(executor: Executor, job: Job, at: int, jobs: int) -> None:
        executor.queued += jobs
        job.work.change(at, 0, jobs)

    def _was_queued(self, executor: Executor, job: Job) -> None:
        lasted = max(job.started_ns - job.submitted_ns, 0)
        executor.queued_times.note(lasted)
        job.work.waited.note(lasted)

    def _forget(self, job_id: int, at: int) -> None:
        job = self.open.pop(job_id)
        executor = self.executors.get(job.resource.number)
        if job.ended_ns or executor is None:
            return
        if job.started_ns:
            executor.running.pop(job_id, None)
            job.work.change(at, -1, 0)
        else:
            self._queue(executor, job, at, -1)
