"""What each task does at present: what it waits for, and since when."""

from collections.abc import Iterable
from typing import NamedTuple

from loopviz.model.names import Site, parse_site
from loopviz.model.snapshot.wait_tree import How
from loopviz.model.state.entities import Job, Resource, Task
from loopviz.model.state.trace import Trace
from loopviz.wire.awaiting import Awaiting

__all__ = ["Doing", "Doings"]

_OFFLOADED = ("thread", "future")
"""What a task may await that waits for its job."""


class Doing(NamedTuple):
    """What a task does at present."""

    how: How
    since_ns: int
    what: str = ""
    """The job's function, or what is awaited (`socket`, `sleep`)."""
    site: Site | None = None
    """The line at which it waits; None: not known."""
    tasks: tuple[Task, ...] = ()
    """The tasks that it awaits."""
    any_of: bool = False
    resource: Resource | None = None
    """What it waits for; of a queued job, the executor."""
    jobs: int = 0
    """How many jobs it has; if it waits for a resource, 1 if its job does, in a worker thread."""


class Doings:
    """The present of all tasks, from records and from what the probe has read."""

    def __init__(self, trace: Trace, awaits: Iterable[Awaiting], awaits_at_ns: int) -> None:
        """`awaits`: what suspended tasks awaited at `awaits_at_ns`."""
        self._trace = trace
        self._awaits = {awaiting.task: awaiting for awaiting in awaits}
        self._awaits_at_ns = awaits_at_ns
        self._jobs: dict[Task, list[Job]] = {}
        self.working: dict[Resource, list[Task | None]] = {}
        """The tasks whose jobs each executor runs; None: not known."""
        for job in trace.jobs.open.values():
            if job.started_ns and not job.ended_ns:
                self.working.setdefault(job.resource, []).append(job.task)
            if job.task is not None and job.submitted_ns and not job.ended_ns:
                self._jobs.setdefault(job.task, []).append(job)

    def of(self, task: Task) -> Doing:
        """What the task does, as far as it is known."""
        if task.ended_ns:
            return self._ended(task)
        if task.running:
            return Doing("runs", task.step_ns)
        if not task.steps and task.started_ns == task.since_ns:
            return Doing("ready", task.started_ns)
        read = self._read(task)
        site = parse_site(read.place) if read is not None and read.place else None
        return self._resource(task, site) or self._other(task, read, site)

    def _ended(self, task: Task) -> Doing:
        """A worker may still run a job of it."""
        running = [job for job in self._jobs.get(task, ()) if job.started_ns]
        return (
            self._job(running[0], len(running), None) if running else Doing("ended", task.ended_ns)
        )

    def _read(self, task: Task) -> Awaiting | None:
        """What it awaits, unless it has run since that was read."""
        return self._awaits.get(task.number) if task.end_ns <= self._awaits_at_ns else None

    def _resource(self, task: Task, site: Site | None) -> Doing | None:
        wait = task.waiting
        if wait is None or wait.resource.group.anonymous:
            return None
        where = self._trace.site(wait.place) if wait.place else site
        how: How = "take" if wait.idle else "resource"
        jobs = int(wait.job is not None)
        return Doing(how, wait.began_ns, site=where, resource=wait.resource, jobs=jobs)

    def _other(self, task: Task, read: Awaiting | None, site: Site | None) -> Doing:
        tasks = map(self._trace.tasks.live.get, read.tasks) if read is not None else ()
        awaited = tuple(one for one in tasks if one is not None)
        if read is not None and awaited:
            how: How = read.through or "task"  # type: ignore[assignment]
            return Doing(how, task.end_ns, site=site, tasks=awaited, any_of=read.any_of)
        jobs = self._jobs.get(task, ())
        if jobs and (task.offloaded is not None if site is None else site.name in _OFFLOADED):
            return self._job(jobs[0], len(jobs), site)
        if site is None:
            return Doing("unread", task.end_ns)
        return Doing("await", task.end_ns, site.name, site)

    def _job(self, job: Job, jobs: int, site: Site | None) -> Doing:
        function = self._trace.site(job.place).name
        if job.started_ns:
            return Doing("job", job.started_ns, function, site, jobs=jobs)
        return Doing("queued", job.submitted_ns, function, site, resource=job.resource, jobs=jobs)
