"""Makes the frozen parts of a snapshot from the model's live objects."""

from collections.abc import Callable, Iterable
from itertools import islice

from loopviz.clock import MS, SECOND
from loopviz.model.names import Naming, Site
from loopviz.model.snapshot import (
    Distribution,
    GaugeStats,
    HolderInfo,
    IncidentInfo,
    JobStats,
    Location,
    RequestInfo,
    ResourceInfo,
    State,
    TaskGroupInfo,
    TaskInfo,
    TaskTable,
    TaskTimes,
    Track,
    WaiterInfo,
    WorkerInfo,
)
from loopviz.model.snapshot.build_critical_path import build_critical_path
from loopviz.model.snapshot.build_requests import RequestInfoBuilder
from loopviz.model.snapshot.build_wait_tree import build_wait_tree
from loopviz.model.snapshot.critical_path import CriticalPath
from loopviz.model.snapshot.wait_tree import WaitTree
from loopviz.model.state.entities import DESTROYED, PENDING, Hold, Resource, Task, Wait
from loopviz.model.state.incidents import Incident
from loopviz.model.state.jobs import Executor
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.steps import Steps
from loopviz.model.state.task_group import TaskGroup
from loopviz.model.state.trace import Trace
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED

__all__ = ["SnapshotBuilder"]

_TASKS, _HOLDERS, _RESOURCES = 200, 20, 100
"""At most so many tasks, holders or waiters of a resource, and resources are listed."""
_GROUPS_NS = 500 * MS
"""How often the histograms of task groups are refreshed."""
_OUTCOMES = {
    PENDING: "",
    TASK_RETURNED: "returned",
    TASK_RAISED: "raised",
    TASK_CANCELLED: "cancelled",
    DESTROYED: "lost",
}


class SnapshotBuilder:
    """Makes the parts of one trace: tasks, requests, resources, jobs, incidents."""

    def __init__(
        self,
        trace: Trace,
        naming: Naming,
        awaits: Callable[[Task], Site | None] = lambda _task: None,
    ) -> None:
        """`awaits` returns where a suspended task awaits what it does, as far as it was read."""
        self._trace = trace
        self._awaits = awaits
        self._naming = naming
        self.requests = RequestInfoBuilder(trace, naming, self._location)
        self._locations: dict[Site, Location] = {}
        self._groups: tuple[int, tuple[TaskGroupInfo, ...]] = (0, ())

    # ---- tasks

    def tasks(self, now: int) -> TaskTable:
        tasks = self._trace.tasks
        live = list(islice(tasks.live.values(), _TASKS))
        if len(tasks.live) > _TASKS:
            newest = list(islice(reversed(tasks.live.values()), _TASKS // 2))
            live = [*live[: _TASKS // 2], *reversed(newest)]
        return TaskTable(
            live=len(tasks.live),
            started=tasks.started,
            raised=tasks.raised,
            cancelled=tasks.cancelled,
            never_retrieved=tasks.never_retrieved,
            outlived_parent=tasks.outlived_parent,
            lost=tasks.lost,
            tasks=tuple(self.task(task, now) for task in live),
            troubled=tuple(self.task(task, now) for task in reversed(tasks.troubled)),
            groups=self.groups(now),
        )

    def groups(self, now: int) -> tuple[TaskGroupInfo, ...]:
        """The task groups, refreshed twice a second."""
        at, infos = self._groups
        if not infos or abs(now - at) >= _GROUPS_NS:
            groups = self._trace.tasks.groups.all
            infos = tuple(self._group(g, now) for g in groups if g.live or g.started)
            self._groups = now, infos
        return infos

    def _group(self, group: TaskGroup, now: int) -> TaskGroupInfo:
        group.count()
        recent = group.recent(now)
        site = self._trace.site(group.site)
        return TaskGroupInfo(
            number=group.number,
            label=group.route or site.name or "other tasks",
            route=bool(group.route),
            site=self._where(site),
            live=group.live,
            started=group.started,
            busy_ns=group.busy_ns,
            ready_ns=group.ready_ns,
            waiting_ns=group.waiting_ns(now),
            steps_per_s=recent.steps * SECOND / recent.at_ns if recent.at_ns else 0.0,
            recent=TaskTimes(
                busy_ns=recent.busy_ns,
                ready_ns=recent.ready_ns,
                waiting_ns=max(recent.waiting_ns, 0),
                steps=recent.steps,
            )
            if recent.at_ns
            else None,
            steps=Distribution(
                quantiles=group.step_times.quantiles(), buckets=group.step_times.buckets()
            ),
            delays=Distribution(
                quantiles=group.ready_delays.quantiles(), buckets=group.ready_delays.buckets()
            ),
        )

    def task(self, task: Task, now: int) -> TaskInfo:
        """The task as it is; a live one up to now."""
        trace, wait = self._trace, task.waiting
        busy, ready, waiting, since = task.busy_ns, task.ready_ns, task.waiting_ns, task.end_ns
        state: State | None = None
        if task.outcome == PENDING:
            rest = max(now - task.end_ns, 0)
            if task.running:
                state, since = State.RUN, task.step_ns
                busy += max(now - task.step_ns, 0)
            elif not (task.steps or task.suspended_before) and task.started_ns == task.since_ns:
                state = State.READY
                ready += rest
            else:
                state = State.AWAIT
                waiting += rest
        waits_for, place, what = self._waits_at(task)
        parent = task.parent_task
        return TaskInfo(
            number=task.number,
            label=trace.label(task),
            site=self._where(trace.site(task.site)),
            parent=task.parent,
            request=task.request.number if task.request is not None else 0,
            state=state,
            waits_for=waits_for if state is State.AWAIT else "",
            place=place,
            place_what=what,
            since_ns=since,
            started_ns=task.started_ns,
            steps=task.steps,
            busy_ns=busy,
            ready_ns=ready,
            waiting_ns=waiting,
            holds=tuple(hold.resource.group.display(self._naming) for hold in task.holds),
            waker=task.waker,
            outcome=_OUTCOMES[task.outcome],  # type: ignore[arg-type]
            orphan=bool(task.outlived_ns or (parent is not None and parent.ended_ns)),
            outlived_ns=task.outlived_ns,
            never_retrieved=task.never_retrieved,
            group=task.group.number,
            idle=state is State.AWAIT and wait is not None and wait.idle,
        )

    def wait_tree(self, awaits: Iterable[Awaiting], awaits_at_ns: int, now: int) -> WaitTree:
        """See `Model.wait_tree`."""
        of = self._trace, self._naming, self._where
        return build_wait_tree(*of, awaits, awaits_at_ns, now)

    def critical_path(self, steps: Steps, request: RequestInfo) -> CriticalPath:
        """See `Model.critical_path`."""
        return build_critical_path(self._trace, self._naming, self._where, steps, request)

    # ---- resources

    def resources(self, now: int, since: int) -> tuple[ResourceInfo, ...]:
        """Resources with waiters first, longest queue first; then by use."""
        groups = sorted(self._trace.resources.groups.values(), key=_by_use)[:_RESOURCES]
        members: dict[ResourceGroup, list[Resource]] = {
            group: [] for group in groups if group.in_use or group.waiting
        }
        if members:
            for resource in self._trace.resources.live.values():
                if (resource.holders or resource.waiters) and resource.group in members:
                    members[resource.group].append(resource)
        return tuple(self.resource(group, members.get(group, ()), now, since) for group in groups)

    def resource(
        self, group: ResourceGroup, members: Iterable[Resource], now: int, since: int
    ) -> ResourceInfo:
        shown = group.shown
        in_use, waiting = shown.means(now)
        times, used, queued = shown.envelope.columns(since)
        members = list(members)
        holds = (hold for member in members for hold in member.holders.values())
        waits = (wait for member in members for wait in member.waiters if not wait.idle)
        return ResourceInfo(
            name=group.display(self._naming),
            kind=group.kind.id,
            capacity=group.capacity,
            instances=group.instances,
            location=self._where(group.site),
            in_use=GaugeStats(now=shown.in_use, mean=in_use, max=shown.max_in_use),
            waiting=GaugeStats(now=shown.waiting, mean=waiting, max=shown.max_waiting),
            idle=group.idle,
            waited=shown.waited.quantiles(),
            given_up=group.given_up.quantiles(),
            holders=tuple(self._holder(hold) for hold in islice(holds, _HOLDERS)),
            waiters=tuple(self._waiter(wait) for wait in islice(waits, _HOLDERS)),
            in_use_track=Track(times_ns=times, values=used),
            waiting_track=Track(times_ns=times, values=queued),
        )

    def jobs(self) -> tuple[JobStats, ...]:
        return tuple(map(self._jobs, self._trace.jobs.executors.values()))

    def _jobs(self, executor: Executor) -> JobStats:
        running = [
            WorkerInfo(
                worker=job.worker,
                job=self._trace.site(job.place).name,
                since_ns=job.started_ns,
                task=job.task.number if job.task is not None else 0,
                label=self._trace.label(job.task) if job.task is not None else "",
            )
            for job in islice(executor.running.values(), _HOLDERS)
        ]
        return JobStats(
            name=executor.resource.group.display(self._naming),
            queued=executor.queued,
            running=tuple(running),
            finished=executor.finished,
            raised=executor.raised,
            queued_times=executor.queued_times.quantiles(),
            run_times=executor.run_times.quantiles(),
        )

    def _holder(self, hold: Hold) -> HolderInfo:
        task, got = hold.task, self._location(hold.place)
        if task is None:
            return HolderInfo(task=0, label="", since_ns=hold.since_ns, location=got)
        waits_for, place, what = self._waits_at(task)
        return HolderInfo(
            task=task.number,
            label=self._trace.label(task),
            since_ns=hold.since_ns,
            location=got,
            place=place,
            place_what=waits_for or what,
            waits_now=bool(waits_for) or what == "thread" or self._awaits(task) is not None,
        )

    def _waits_at(self, task: Task) -> tuple[str, Location | None, str]:
        """The resource that a task waits for, the place, and what is awaited there.

        Without a recorded wait, a worker's job, or a reading of its await stack since its last
        step, they are those of its last wait.
        """
        wait, job = task.waiting, task.offloaded
        if wait is not None:
            place = wait.place or task.place
            name = wait.resource.group.display(self._naming)
            return name, self._location(place), self._trace.site(place).name
        read = self._awaits(task)
        where = self._where(read) if read is not None else None
        if job is not None and not job.ended_ns:
            queued = "" if job.started_ns else job.resource.group.display(self._naming)
            return queued, where, "thread"
        if read is not None:
            return "", where, read.name
        last = self._trace.site(task.place)
        return "", self._location(task.place), "" if last.name == "thread" else last.name

    def _waiter(self, wait: Wait) -> WaiterInfo:
        label = self._trace.label(wait.task)
        return WaiterInfo(
            task=wait.task.number,
            label=label,
            since_ns=wait.began_ns,
            location=self._location(wait.place),
        )

    # ---- incidents

    def incident(self, incident: Incident, now: int) -> IncidentInfo:
        start, end = incident.window
        return IncidentInfo(
            stall=incident.stall.info(now),
            start_ns=start,
            end_ns=end,
            stalls=tuple(stall.info(now) for stall in incident.stalls),
            requests=tuple(
                info for r in incident.requests if (info := self.requests.at(r, now)) is not None
            ),
        )

    # ---- places

    def _location(self, place: int) -> Location | None:
        return self._where(self._trace.site(place)) if place else None

    def _where(self, site: Site) -> Location | None:
        if not site.path:
            return None
        where = self._locations.get(site)
        if where is None:
            short = self._naming.short(site.path)
            where = Location(file=short, line=site.line, function=site.function, path=site.path)
            if len(self._locations) < 10_000:
                self._locations[site] = where
        return where


def _by_use(group: ResourceGroup) -> tuple[int, int, int, int, str]:
    """Sort key: the longest queue first, then the most used."""
    shown = group.shown
    return -shown.waiting, -shown.max_waiting, -shown.in_use, -shown.max_in_use, group.key
