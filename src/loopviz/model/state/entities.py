"""The entities that records are about: tasks, resources with their waits and holds, worker jobs.

The tables that keep them (`Tasks`, `Resources`, `Jobs`) are files of their own.
"""

from loopviz.model.snapshot import State
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import JobOccupancy, ResourceGroup
from loopviz.model.state.task_group import TaskGroup

__all__ = ["DESTROYED", "PENDING", "Hold", "Job", "Resource", "Task", "Wait"]

PENDING, DESTROYED = -1, 3
"""Outcomes beside the wire's TASK_ ones: still alive, and destroyed while pending."""


class Task:
    """One task. `busy_ns + ready_ns + waiting_ns == end_ns - since_ns` whenever no step runs."""

    __slots__ = (
        "busy_ns",
        "children",
        "end_ns",
        "ended_ns",
        "error",
        "group",
        "holds",
        "job_wait",
        "name",
        "never_retrieved",
        "noticed",
        "number",
        "offloaded",
        "outcome",
        "outlived_ns",
        "parent",
        "parent_task",
        "place",
        "ready_ns",
        "request",
        "running",
        "serves",
        "since_ns",
        "site",
        "started_ns",
        "step_ns",
        "steps",
        "suspended_before",
        "waiting_ns",
        "waits",
        "waker",
        "woken_ns",
    )

    group: TaskGroup
    """Set by `Tasks`, when the task joins its group."""

    def __init__(self, number: int, at: int, parent: int = 0, name: int = 0, site: int = 0) -> None:
        self.number = number
        self.parent = parent
        """The number of the task that created it, 0: none."""
        self.name = name
        """The number of its name's string, 0: a default name."""
        self.site = site
        """The number of its site's string."""
        self.started_ns = self.since_ns = self.end_ns = at
        """`since_ns`: since when it has been seen; `end_ns`: the end of its last step."""
        self.step_ns = self.woken_ns = at
        """When its newest step started, and since when it had been ready for it."""
        self.steps = self.busy_ns = self.ready_ns = self.waiting_ns = 0
        self.place = self.waker = self.ended_ns = self.outlived_ns = self.children = 0
        """`place`: where it waited before its newest step; `waker`: the task that woke it last."""
        self.outcome = PENDING
        self.running = self.noticed = False
        """`noticed`: somebody was told of its end."""
        self.suspended_before = False
        """It is older than the probe, and waited when it was first seen."""
        self.offloaded: Job | None = None
        """The first worker job that it has submitted since it last waited for one."""
        self.parent_task: Task | None = None
        """The task that created it, until one of the two ends."""
        self.request: Request | None = None
        """The request that it serves, or works for as a descendant of the task that serves it."""
        self.serves: Request | None = None
        """The open request that it serves itself."""
        self.waits: list[Wait] = []
        """Its open waits, innermost last."""
        self.job_wait: Wait | None = None
        """The open wait of its newest worker job that waits."""
        self.holds: list[Hold] = []
        self.error: tuple[int, str] | None = None
        """The place and the text of the exception that it raised, if nobody was told."""
        self.never_retrieved = ""
        """The exception that nobody retrieved."""

    @property
    def serving(self) -> bool:
        """Whether it serves its `request` itself, not as a descendant."""
        return self.request is not None and self.request.task == self.number

    @property
    def waiting(self) -> "Wait | None":
        """The wait that keeps it from going on: its own, or that of a worker job it awaits."""
        if self.waits:
            return self.waits[-1]
        wait = self.job_wait
        return wait if wait is not None and wait.job is not None and wait.job.awaited else None

    def suspended_spans(self, now: int) -> list[tuple[int, State]]:
        """What it has done since it was suspended: until when, and what."""
        job, wait = self.offloaded, self.waiting
        if wait is not None and wait.job is None:
            return [(now, State.RESOURCE)]
        if job is None:
            return [(now, State.AWAIT)]
        spans = [(job.started_ns or now, State.RESOURCE)]
        if wait is not None:
            spans += [(wait.began_ns, State.THREAD), (now, State.RESOURCE)]
        elif job.started_ns:
            spans.append((job.ended_ns or now, State.THREAD))
        if job.ended_ns:
            spans.append((now, State.AWAIT))
        return spans

    def suspended(self, start: int, end: int, place: int) -> None:
        """It was suspended from `start` to `end` while it waited for a resource or held one."""
        group: ResourceGroup | None = None
        if self.waits:
            wait = self.waits[-1]
            wait.waited_ns += end - max(start, wait.began_ns)
            group, place = wait.resource.group, wait.place or place
        for hold in self.holds:
            hold.suspended(end - max(start, hold.since_ns), place, group)


class Wait:
    """A task's wait for a resource, or that of a worker job which it submitted."""

    __slots__ = (
        "began_ns",
        "capacity",
        "ended_ns",
        "gave_up",
        "idle",
        "job",
        "place",
        "resource",
        "task",
        "waited_ns",
    )

    def __init__(
        self,
        task: "Task",
        resource: "Resource",
        place: int,
        at: int,
        idle: bool,
        job: "Job | None" = None,
    ) -> None:
        self.task = task
        self.job = job
        self.resource = resource
        self.capacity = resource.capacity
        """How many units the resource had when it began."""
        self.place = place
        self.began_ns = at
        self.ended_ns = self.waited_ns = 0
        self.idle = idle
        self.gave_up = False


class Hold:
    """A task's hold of one or more units of a resource.

    What one of its worker jobs has acquired it holds also once the job has ended: jobs take
    and return what their request uses.
    """

    __slots__ = (
        "job",
        "key",
        "longest",
        "longest_ns",
        "place",
        "resource",
        "since_ns",
        "task",
        "units",
        "waited_ns",
    )

    def __init__(
        self,
        task: "Task | None",
        resource: "Resource",
        place: int,
        at: int,
        key: int,
        job: "Job | None" = None,
    ) -> None:
        self.task = task
        self.key = key
        """See `Resource.holders`."""
        self.job = job
        """The worker job that acquired it, if one did."""
        self.resource = resource
        self.place = place
        self.since_ns = at
        self.units = 1
        self.waited_ns = self.longest_ns = 0
        self.longest: tuple[int, ResourceGroup | None] = (0, None)

    @property
    def owner_ended(self) -> bool:
        """Whether its task has ended, and the job that acquired it."""
        working = self.job is not None and not self.job.ended_ns
        return self.task is not None and bool(self.task.ended_ns) and not working

    def suspended(self, lasted: int, place: int, group: ResourceGroup | None) -> None:
        """Its task was suspended for `lasted` ns, at that place or for that resource."""
        self.waited_ns += lasted
        if lasted > self.longest_ns:
            self.longest_ns = lasted
            self.longest = place, group


class Resource:
    """One resource."""

    __slots__ = (
        "capacity",
        "first_taken_ns",
        "group",
        "holders",
        "in_threads",
        "in_use",
        "number",
        "taken_ns",
        "taker",
        "takes",
        "waiters",
    )

    def __init__(self, number: int, group: ResourceGroup) -> None:
        self.number = number
        self.group = group
        self.capacity = 0
        self.in_use = 0
        """Units in use; items in a queue."""
        self.holders: dict[int, Hold] = {}
        """By task number (0: not known), or by the negative of a job's number; oldest first."""
        self.in_threads = False
        """Whether worker jobs use it: one may count the units in use before another one takes one,
        and record that afterwards."""
        self.waiters: dict[Wait, None] = {}
        """Oldest first."""
        self.taker: Task | None = None
        """Of a queue, the task that took the last item out; None: not known."""
        self.takes = self.first_taken_ns = self.taken_ns = 0
        """How many items that task has taken in a row, and when the first and the last."""

    def take(self, at: int, task: Task | None) -> None:
        """An item of the queue was taken out by that task."""
        if task is not self.taker or not self.takes:
            self.taker, self.takes, self.first_taken_ns = task, 0, at
        self.takes += 1
        self.taken_ns = at

    @property
    def held(self) -> int:
        """The units of all holders."""
        return sum(hold.units for hold in self.holders.values())

    @property
    def unused(self) -> bool:
        return not (self.in_use or self.waiters)


class Job:
    """One worker job. A time is 0 until it is known."""

    __slots__ = (
        "capacity",
        "ended_ns",
        "full",
        "number",
        "outcome",
        "place",
        "resource",
        "started_ns",
        "submitted_ns",
        "task",
        "wait",
        "work",
        "worker",
    )

    def __init__(self, number: int, resource: Resource, work: JobOccupancy) -> None:
        self.number = number
        self.resource = resource
        self.capacity = resource.capacity
        """How many workers there were when it was submitted."""
        self.full = False
        """Whether each of them had a job then."""
        self.work = work
        self.submitted_ns = self.started_ns = self.ended_ns = 0
        self.task: Task | None = None
        """The task that submitted it."""
        self.place = self.outcome = 0
        """The place of its function, and one of the wire's TASK_ outcomes."""
        self.worker = ""
        self.wait: Wait | None = None
        """What it waits for in its thread."""

    @property
    def awaited(self) -> bool:
        """Whether its task has made no step since it started, and so awaits its end."""
        task = self.task
        return task is not None and not task.ended_ns and task.step_ns <= self.started_ns

    def queued_until(self, now: int) -> int:
        """Until when no worker had taken it up: at most `now`; 0 if that was not seen."""
        if self.started_ns:
            return min(self.started_ns, now)
        return now if self.ended_ns else 0
