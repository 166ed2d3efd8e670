"""`worker-died`: a background task raised and ended, and what it did is waited for."""

from collections.abc import Iterable

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import made_at, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task, Wait
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.events import TASK_RAISED
from loopviz.wire.kinds import Family

__all__ = ["WorkerDied"]

_STAYS_NS = 1 * SECOND
"""How long ago it has to have ended: until then somebody may start it anew."""
_TAKERS = 10_000
"""Of how many tasks it is known from which queue they take."""


class _Death(Case):
    """The tasks that ended with an exception of one line."""

    where: Location | None = None
    error = ""
    task: Task | None = None
    """The last of them."""
    queue: ResourceGroup | None = None
    """From which it took items, if nobody else does now."""
    hanging: tuple[Request, ...] = ()


class WorkerDied(Rule[_Death]):
    """One finding for each line that raised, while requests hang or items lie in its queue."""

    info = RuleInfo(
        id="worker-died",
        lesson="background",
        title="WORKER DIED",
        summary="a background task raised and ended, unnoticed",
        why="What it did for others is done no more, and nobody was told: they wait for ever.",
        fires_when=(
            "a task that works for no request ended with an exception "
            f"{_STAYS_NS // SECOND} s ago or earlier, nobody awaited it, and either items lie in "
            "the queue that it took from, which nobody takes from now, or requests hang that wait "
            "for no lock, permit or connection"
        ),
        counts="1; how long ago the last of them ended",
        false_alarms="requests that hang for another reason, while such a task has ended",
        tried=(
            "a worker that is awaited, in a task group, or has a callback",
            "a worker of several that take from one queue, while no request hangs",
            "a task of a request that raised",
            "requests that hang for a lock which somebody has",
        ),
        cures=(
            "catch the exception inside its loop, for each item",
            "run it in an `asyncio.TaskGroup`, or start it anew in a callback",
        ),
        many="{places} more lines ended {count} background tasks",
    )
    make_case = _Death

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._takes: dict[Task, ResourceGroup] = {}

    def wait_began(self, wait: Wait) -> None:
        if wait.idle and len(self._takes) < _TAKERS:
            self._takes[wait.task] = wait.resource.group

    def task_ended(self, task: Task, at: int) -> None:
        queue = self._takes.pop(task, None)
        if task.outcome != TASK_RAISED or task.error is None or task.request is not None:
            return
        place, error = task.error
        where = self.context.place(place)
        case = self.case(where or task.site)
        case.last_ns, case.label = at, self.context.label(task)
        case.where, case.error, case.task = where, error, task
        case.queue = queue if queue is not None and queue.kind.family is Family.QUEUE else None

    def gap(self) -> None:
        self._takes.clear()

    def refresh(self, now: int) -> None:
        hanging = tuple(filter(self._waits_for_it, self.context.hanging(now)))
        for case in self.cases.values():
            case.clear_open()
            case.hanging = ()
            lasted, left = now - case.last_ns, self._left(case)
            if lasted < _STAYS_NS or not (left or hanging):
                continue
            case.record_open(lasted)
            case.hanging = hanging if left else ()
            for request in case.hanging:
                case.record_open_impact(request.route, now - request.start_ns, new=True)

    def check(self, case: _Death) -> Verdict:
        return Verdict.WARN if case.open else Verdict.RECHECK

    def explains(self, case: _Death) -> Iterable[Subject]:
        """Its queue and the requests that wait for what it did; what is said of the task itself."""
        if not case.open:
            return
        if self._left(case) and case.queue is not None:
            yield case.queue
        yield from case.hanging
        yield from made_at(self._made(case))

    def severe(self, case: _Death) -> bool:
        return self._left(case)

    def location(self, case: _Death) -> Location | None:
        return case.where or self._made(case)

    def sentence(self, case: _Death, source: str) -> str:
        text = f"{case.label} raised {case.error or 'an exception'}"
        text += f" in {source}" if source and case.where is not None else ""
        text += " and has ended, and nobody was told"
        if not self._left(case) or case.queue is None:
            return text + "; requests hang now, and may wait for it"
        items = "1 item is" if case.queue.in_use == 1 else f"{case.queue.in_use} items are"
        name = resource_name(self.context, case.queue)
        return f"{text}; nobody takes from {name} any more: {items} in it"

    # ----

    def _made(self, case: _Death) -> Location | None:
        """The line that made the task."""
        site = self.context.trace.site(case.task.site) if case.task is not None else None
        return self.context.where(site)

    def _left(self, case: _Death) -> bool:
        """Whether items lie in its queue, and nobody is there to take them."""
        queue = case.queue
        return queue is not None and queue.in_use > 0 and queue not in self._takes.values()

    def _waits_for_it(self, request: Request) -> bool:
        """Whether it waits for nothing that is known, or for what only another task can do."""
        task = self.context.trace.tasks.live.get(request.task)
        wait = task.waiting if task is not None else None
        return wait is None or not wait.resource.group.kind.holdable
