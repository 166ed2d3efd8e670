"""From the model's live objects to the frozen views of a snapshot."""

from collections.abc import Iterable
from itertools import islice

from loopviz.model.incidents import Incident
from loopviz.model.jobs import Executor
from loopviz.model.places import Naming, Site
from loopviz.model.requests import Request, add_waits
from loopviz.model.resources import Resource, Row, Wait
from loopviz.model.snapshot import (
    HolderView,
    IncidentView,
    JobsView,
    Location,
    Occupied,
    PhaseView,
    RequestView,
    ResourceView,
    State,
    TasksView,
    TaskView,
    Track,
    WaiterView,
    WaitView,
    WorkerView,
)
from loopviz.model.tasks import LOST, PENDING, Task
from loopviz.model.trace import Trace
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED

__all__ = ["Views"]

_TASKS, _PEOPLE, _ROWS, _TROUBLED = 200, 20, 100, 50
"""Shown at most: tasks, holders or waiters of a resource, resources, tasks in trouble."""
_OUTCOMES = {
    PENDING: "",
    TASK_RETURNED: "returned",
    TASK_RAISED: "raised",
    TASK_CANCELLED: "cancelled",
    LOST: "lost",
}


class Views:
    """Makes the views of one trace."""

    def __init__(self, trace: Trace, naming: Naming) -> None:
        self._trace = trace
        self._naming = naming
        self._locations: dict[Site, Location] = {}

    # ---- requests

    def request(self, request: Request, now: int | None = None) -> RequestView:
        """Of one that has ended, the same view again; of an open one (`now`), as it is."""
        if now is not None:
            return self._open_request(request, now)
        if request.view is None:
            spans, sums = tuple(request.spans()), request.sums
            request.view = self._request(request, spans, sums, request.end_ns, is_open=False)
        return request.view

    def _open_request(self, request: Request, now: int) -> RequestView:
        state, end = self._trace.state_of(request, now), max(now, request.end_ns)
        spans = (*request.spans(), (request.end_ns, end, state))
        sums = request.sums[:]
        sums[state] += end - request.end_ns
        return self._request(request, spans, sums, end, is_open=True)

    def _request(
        self,
        request: Request,
        spans: tuple[tuple[int, int, State], ...],
        sums: list[int],
        end: int,
        *,
        is_open: bool,
    ) -> RequestView:
        waiting = sums[State.AWAIT]
        return RequestView(
            request.number,
            request.route,
            request.lane,
            spans,
            request.start_ns,
            end,
            is_open,
            request.status,
            sums[State.RUN] + sums[State.BLOCKING],
            sums[State.READY],
            waiting,
            self._waits(request, waiting) if waiting else (),
            tuple(PhaseView(name, start, stop or end) for start, stop, name in request.phases),
            request.task,
            request.bytes_sent,
            request.calls_made,
            request.gone_ns,
        )

    def _waits(self, request: Request, waiting: int) -> tuple[WaitView, ...]:
        sums = dict(request.waits)
        add_waits(sums, request.history)
        rest = waiting - sum(total for total, _ in sums.values())
        if rest > 0:  # it waits now, or its task was not heard of any more
            task = self._trace.tasks.live.get(request.task)
            wait = task.waits[-1] if task is not None and task.waits else None
            key = (wait.place, wait.resource.row) if wait else (0, None)
            total, count = sums.get(key, (0, 0))
            sums[key] = total + rest, count + 1
        waits = []
        for (place, row), (total, count) in sums.items():
            what = row.display(self._naming) if row is not None else self._trace.site(place).name
            waits.append(WaitView(what, total, count, self._location(place), row is not None))
        return tuple(sorted(waits, key=lambda wait: -wait.total_ns))

    # ---- tasks

    def tasks(self, now: int) -> TasksView:
        tasks = self._trace.tasks
        live = list(islice(tasks.live.values(), _TASKS))
        if len(tasks.live) > _TASKS:
            newest = list(islice(reversed(tasks.live.values()), _TASKS // 2))
            live = [*live[: _TASKS // 2], *reversed(newest)]
        troubled = (
            t for t in reversed(tasks.ended) if t.unseen or t.outlived_ns or t.outcome == LOST
        )
        return TasksView(
            len(tasks.live),
            tasks.started,
            tasks.raised,
            tasks.cancelled,
            tasks.never_retrieved,
            tasks.outlived_parent,
            tasks.lost,
            tuple(self.task(task, now) for task in live),
            tuple(self.task(task, now) for task in islice(troubled, _TROUBLED)),
        )

    def task(self, task: Task, now: int) -> TaskView:
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
        return TaskView(
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
            task.unseen,
        )

    # ---- resources

    def resources(self, now: int, since: int) -> tuple[ResourceView, ...]:
        """Those with waiters first, longest queue first; then by use."""
        rows = sorted(self._trace.resources.rows.values(), key=_crowd)[:_ROWS]
        members: dict[Row, list[Resource]] = {row: [] for row in rows if row.in_use or row.waiting}
        if members:
            for resource in self._trace.resources.live.values():
                if (resource.holders or resource.waiters) and resource.row in members:
                    members[resource.row].append(resource)
        return tuple(self.resource(row, members.get(row, ()), now, since) for row in rows)

    def resource(self, row: Row, members: Iterable[Resource], now: int, since: int) -> ResourceView:
        shown = row.shown
        in_use, waiting = shown.means(now)
        times, used, queued = shown.envelope.columns(since)
        members = list(members)
        holds = (hold for member in members for hold in member.holders.values())
        waits = (wait for member in members for wait in member.waiters if not wait.idle)
        return ResourceView(
            row.display(self._naming),
            row.kind,
            row.capacity,
            row.instances,
            self._where(row.site),
            Occupied(shown.in_use, in_use, shown.max_in_use),
            Occupied(shown.waiting, waiting, shown.max_waiting),
            row.idle,
            shown.waited.quantiles(),
            row.given_up.quantiles(),
            tuple(
                HolderView(
                    hold.task.number if hold.task is not None else 0,
                    self._trace.label(hold.task) if hold.task is not None else "",
                    hold.since_ns,
                )
                for hold in islice(holds, _PEOPLE)
            ),
            tuple(self._waiter(wait) for wait in islice(waits, _PEOPLE)),
            Track(times, used),
            Track(times, queued),
        )

    def jobs(self) -> tuple[JobsView, ...]:
        return tuple(map(self._jobs, self._trace.jobs.executors.values()))

    def _jobs(self, executor: Executor) -> JobsView:
        running = [
            WorkerView(
                worker,
                self._trace.site(job.place).name,
                job.started_ns,
                job.task.number if job.task is not None else 0,
            )
            for worker, job in islice(executor.running.items(), _PEOPLE)
        ]
        return JobsView(
            executor.resource.row.display(self._naming),
            executor.queued,
            tuple(running),
            executor.finished,
            executor.raised,
            executor.queued_times.quantiles(),
            executor.run_times.quantiles(),
        )

    def _waiter(self, wait: Wait) -> WaiterView:
        label = self._trace.label(wait.task)
        return WaiterView(wait.task.number, label, wait.began_ns, self._location(wait.place))

    # ---- incidents

    def incident(self, incident: Incident, now: int) -> IncidentView:
        start, end = incident.window
        open_ones = self._trace.requests.open
        return IncidentView(
            incident.stall.view(now),
            start,
            end,
            tuple(stall.view(now) for stall in incident.stalls),
            tuple(
                self.request(r, now if open_ones.get(r.task) is r else None)
                for r in incident.requests
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


def _crowd(row: Row) -> tuple[int, int, int, int, str]:
    """Sorts the most crowded first."""
    shown = row.shown
    return -shown.waiting, -shown.max_waiting, -shown.in_use, -shown.max_in_use, row.key
