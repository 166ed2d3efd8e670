"""From the model's live objects to the frozen views of a snapshot."""

from collections.abc import Iterable
from itertools import islice

from loopviz.clock import MS
from loopviz.model.names import Naming, Site
from loopviz.model.snapshot import (
    HolderInfo,
    IncidentInfo,
    JobStats,
    Location,
    Occupied,
    ResourceInfo,
    Spread,
    State,
    TaskGroupInfo,
    TaskInfo,
    TaskTable,
    Track,
    WaiterInfo,
    WorkerInfo,
)
from loopviz.model.snapshot.requests import RequestInfos
from loopviz.model.state.entities import DESTROYED, PENDING, Hold, Resource, Task, Wait
from loopviz.model.state.incidents import Incident
from loopviz.model.state.jobs import Executor
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.task_group import Group
from loopviz.model.state.trace import Trace
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED

__all__ = ["SnapshotBuilder"]

_TASKS, _PEOPLE, _ROWS = 200, 20, 100
"""Shown at most: tasks, holders or waiters of a resource, resources."""
_GROUPS_NS = 500 * MS
"""Histograms of groups are made anew this often."""
_OUTCOMES = {
    PENDING: "",
    TASK_RETURNED: "returned",
    TASK_RAISED: "raised",
    TASK_CANCELLED: "cancelled",
    DESTROYED: "lost",
}


class SnapshotBuilder:
    """Makes the views of one trace."""

    def __init__(self, trace: Trace, naming: Naming) -> None:
        self._trace = trace
        self._naming = naming
        self.requests = RequestInfos(trace, naming, self._location)
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
            len(tasks.live),
            tasks.started,
            tasks.raised,
            tasks.cancelled,
            tasks.never_retrieved,
            tasks.outlived_parent,
            tasks.lost,
            tuple(self.task(task, now) for task in live),
            tuple(self.task(task, now) for task in reversed(tasks.troubled)),
            self.groups(now),
        )

    def groups(self, now: int) -> tuple[TaskGroupInfo, ...]:
        """Made anew twice a second."""
        at, views = self._groups
        if not views or abs(now - at) >= _GROUPS_NS:
            groups = self._trace.tasks.groups.all
            views = tuple(self._group(g, now) for g in groups if g.live or g.started)
            self._groups = now, views
        return views

    def _group(self, group: Group, now: int) -> TaskGroupInfo:
        group.count()
        site = self._trace.site(group.site)
        return TaskGroupInfo(
            group.number,
            group.route or site.name or "other tasks",
            bool(group.route),
            self._where(site),
            group.live,
            group.started,
            group.busy_ns,
            group.ready_ns,
            group.waiting_ns(now),
            group.pace(now),
            Spread(group.step_times.quantiles(), group.step_times.buckets()),
            Spread(group.ready_delays.quantiles(), group.ready_delays.buckets()),
        )

    def task(self, task: Task, now: int) -> TaskInfo:
        """Of a live one, up to now."""
        trace, wait = self._trace, task.waits[-1] if task.waits else None
        busy, ready, waiting, since = task.busy_ns, task.ready_ns, task.waiting_ns, task.end_ns
        state: State | None = None
        if task.outcome == PENDING:
            rest = max(now - task.end_ns, 0)
            if task.running:
                state, since = State.RUN, task.step_ns
                busy += max(now - task.step_ns, 0)
            elif not task.steps and task.started_ns == task.since_ns:
                state = State.READY
                ready += rest
            else:
                state = State.AWAIT
                waiting += rest
        place = wait.place if wait is not None and wait.place else task.place
        waits_for = wait is not None and state is State.AWAIT
        parent = task.parent_task
        return TaskInfo(
            task.number,
            trace.label(task),
            self._where(trace.site(task.site)),
            task.parent,
            task.request.number if task.request is not None else 0,
            state,
            wait.resource.row.display(self._naming) if wait is not None and waits_for else "",
            self._location(place),
            trace.site(place).name,
            since,
            task.started_ns,
            task.steps,
            busy,
            ready,
            waiting,
            tuple(hold.resource.row.display(self._naming) for hold in task.holds),
            task.waker,
            _OUTCOMES[task.outcome],  # type: ignore[arg-type]
            bool(task.outlived_ns or (parent is not None and parent.ended_ns)),
            task.outlived_ns,
            task.never_retrieved,
            task.group.number,
            waits_for and wait is not None and wait.idle,
        )

    # ---- resources

    def resources(self, now: int, since: int) -> tuple[ResourceInfo, ...]:
        """Those with waiters first, longest queue first; then by use."""
        rows = sorted(self._trace.resources.rows.values(), key=_crowd)[:_ROWS]
        members: dict[ResourceGroup, list[Resource]] = {
            row: [] for row in rows if row.in_use or row.waiting
        }
        if members:
            for resource in self._trace.resources.live.values():
                if (resource.holders or resource.waiters) and resource.row in members:
                    members[resource.row].append(resource)
        return tuple(self.resource(row, members.get(row, ()), now, since) for row in rows)

    def resource(
        self, row: ResourceGroup, members: Iterable[Resource], now: int, since: int
    ) -> ResourceInfo:
        shown = row.shown
        in_use, waiting = shown.means(now)
        times, used, queued = shown.envelope.columns(since)
        members = list(members)
        holds = (hold for member in members for hold in member.holders.values())
        waits = (wait for member in members for wait in member.waiters if not wait.idle)
        return ResourceInfo(
            row.display(self._naming),
            row.kind.id,
            row.capacity,
            row.instances,
            self._where(row.site),
            Occupied(shown.in_use, in_use, shown.max_in_use),
            Occupied(shown.waiting, waiting, shown.max_waiting),
            row.idle,
            shown.waited.quantiles(),
            row.given_up.quantiles(),
            tuple(self._holder(hold) for hold in islice(holds, _PEOPLE)),
            tuple(self._waiter(wait) for wait in islice(waits, _PEOPLE)),
            Track(times, used),
            Track(times, queued),
        )

    def jobs(self) -> tuple[JobStats, ...]:
        return tuple(map(self._jobs, self._trace.jobs.executors.values()))

    def _jobs(self, executor: Executor) -> JobStats:
        running = [
            WorkerInfo(
                job.worker,
                self._trace.site(job.place).name,
                job.started_ns,
                job.task.number if job.task is not None else 0,
            )
            for job in islice(executor.running.values(), _PEOPLE)
        ]
        return JobStats(
            executor.resource.row.display(self._naming),
            executor.queued,
            tuple(running),
            executor.finished,
            executor.raised,
            executor.queued_times.quantiles(),
            executor.run_times.quantiles(),
        )

    def _holder(self, hold: Hold) -> HolderInfo:
        task, got = hold.task, self._location(hold.place)
        if task is None:
            return HolderInfo(0, "", hold.since_ns, got)
        wait = task.waits[-1] if task.waits else None
        place = wait.place if wait is not None and wait.place else task.place
        return HolderInfo(
            task.number,
            self._trace.label(task),
            hold.since_ns,
            got,
            self._location(place),
            wait.resource.row.display(self._naming) if wait else self._trace.site(place).name,
        )

    def _waiter(self, wait: Wait) -> WaiterInfo:
        label = self._trace.label(wait.task)
        return WaiterInfo(wait.task.number, label, wait.began_ns, self._location(wait.place))

    # ---- incidents

    def incident(self, incident: Incident, now: int) -> IncidentInfo:
        start, end = incident.window
        return IncidentInfo(
            incident.stall.view(now),
            start,
            end,
            tuple(stall.view(now) for stall in incident.stalls),
            tuple(
                view for r in incident.requests if (view := self.requests.at(r, now)) is not None
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
            where = Location(short, site.line, site.function, site.path)
            if len(self._locations) < 10_000:
                self._locations[site] = where
        return where


def _crowd(row: ResourceGroup) -> tuple[int, int, int, int, str]:
    """Sorts the most crowded first."""
    shown = row.shown
    return -shown.waiting, -shown.max_waiting, -shown.in_use, -shown.max_in_use, row.key
