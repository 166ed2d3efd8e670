"""`unbounded-growth`: a queue without a bound, or the number of tasks, keeps growing."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Resource, Task
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["UnboundedGrowth"]

_LASTING_S = 3
"""How many seconds it has to grow: less is a burst."""
_ITEMS, _TASKS = 20, 50
"""By how many items or tasks it has to grow: fewer are noise."""
_QUEUES = 1000
"""How many queues are followed."""
_TASK_GROWTH = "tasks"
"""The key of the case of tasks."""


class _Trend:
    """The lowest count of each second, and since when that has been rising."""

    __slots__ = ("counted_ns", "first", "last", "low", "since")

    def __init__(self, at: int, count: int) -> None:
        self.since = at
        self.counted_ns = 0
        """How much of that time a case has counted."""
        self.first = self.last = self.low = count

    def second(self, now: int, count: int) -> bool:
        """A second has ended. Returns True if its low is higher than that of the one before."""
        low = min(self.low, count)
        rises = low > self.last
        if low < self.last or not low:
            self.since, self.first, self.counted_ns = now, low, 0
        self.last, self.low = low, count
        return rises

    def lasts(self, now: int, least: int) -> bool:
        """Whether it has risen for long enough, and by `least`."""
        return now - self.since >= _LASTING_S * SECOND and self.last - self.first >= least


class _Growing(Case):
    group: ResourceGroup | None = None
    size = 0
    site = 0
    """The line that created most of the tasks."""
    queue: ResourceGroup | None = None
    """What half of the tasks wait for."""


class UnboundedGrowth(Rule[_Growing]):
    """One finding for each line that makes such queues, and one for tasks."""

    info = RuleInfo(
        id="unbounded-growth",
        lesson="queue",
        title="UNBOUNDED GROWTH",
        summary="a queue, or the number of tasks, keeps growing",
        why="More comes in than is worked off, and nothing says stop: memory and delay grow.",
        fires_when=(
            f"the lowest count of each second rises for {_LASTING_S} s and by {_ITEMS} items (a "
            f"queue or stream without a bound) or {_TASKS} tasks (those that work for an open "
            "request and a library's own do not count); a fall starts anew"
        ),
        counts="seconds in which it grew; for how long",
        false_alarms=(
            "a batch that takes longer than 3 s to put in; growth of fewer items between two falls "
            "is missed, and so are the app's own lists and dicts"
        ),
        tried=(
            "a burst that drains",
            "waves, and waves on top of a queue",
            "a bounded queue",
            "a queue that is long but level",
            "requests that pile up: that is the load",
        ),
        cures=(
            "give the queue a `maxsize`, so that producers wait",
            "end each task with what it serves, or bound them: a semaphore, workers on a queue",
            "refuse work while the queue is long: answer 503",
        ),
        many="{places} more queues grow without a bound",
    )
    make_case = _Growing

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._queues: dict[int, _Trend] = {}
        self._tasks: _Trend | None = None

    def queue_size(self, resource: Resource, at: int) -> None:
        queue = self._queues.get(resource.number)
        if queue is not None:
            queue.low = min(queue.low, resource.in_use)
        elif resource.in_use and not resource.capacity and len(self._queues) < _QUEUES:
            self._queues[resource.number] = _Trend(at, 0)

    def task_ended(self, _task: Task, _at: int) -> None:
        if self._tasks is not None:
            self._tasks.low = min(self._tasks.low, self._live())

    def second_ended(self, now: int, _records: Sequence[NDArray[np.void]]) -> None:
        live = self.context.trace.resources.live
        for number, queue in list(self._queues.items()):
            resource = live.get(number)
            items = resource.in_use if resource is not None else 0
            if resource is None or not (items or queue.last):
                del self._queues[number]
            elif queue.second(now, items) and queue.lasts(now, _ITEMS):
                case = self.case(resource.group)
                case.group = resource.group
                self._grew(case, queue, now)
        if self._tasks is None:
            self._tasks = _Trend(now, self._live())
        elif self._tasks.second(now, self._live()) and self._tasks.lasts(now, _TASKS):
            tasks = self._on_their_own()
            if len(tasks) < _TASKS:
                return
            case = self.case(_TASK_GROWTH)
            self._grew(case, self._tasks, now)
            case.size = len(tasks)
            case.queue = _waited_for(tasks)
            sites = Counter(task.site for task in tasks)
            case.site = sites.most_common(1)[0][0] if sites else 0
            case.label = (
                self.context.trace.site(case.site).name.rpartition(".<locals>.")[2] or "a task"
            )

    def _on_their_own(self) -> list[Task]:
        """The tasks of the user's lines, but not those of open requests: these end with them."""
        trace = self.context.trace
        opened = trace.requests.open
        return [
            task
            for task in trace.tasks.live.values()
            if task.request is None or opened.get(task.request.task) is not task.request
            if self.context.place(task.site) is not None
        ]

    def gap(self) -> None:
        self._queues.clear()
        self._tasks = None

    def check(self, case: _Growing) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def about(self, case: _Growing) -> Iterable[Subject]:
        """The queue itself; or what most of the tasks wait for."""
        return filter(None, (case.group, case.queue))

    def severe(self, case: _Growing) -> bool:
        return case.worst_ns >= 2 * _LASTING_S * SECOND

    def location(self, case: _Growing) -> Location | None:
        """Where the queue was made, or most of the tasks were."""
        if case.group is not None:
            return self.context.where(case.group.site)
        return self.context.place(case.site)

    def sentence(self, case: _Growing, _source: str) -> str:
        grew = f"grew for {case.worst_ns / SECOND:.0f} s, to {case.size}"
        if case.group is not None:
            return f"{resource_name(self.context, case.group)} {grew} items: it has no maxsize"
        return f"The number of tasks {grew}, most of them {case.label}"

    def lesson(self, case: _Growing) -> str:
        """One teaches queues; what makes tasks grow in number is another question."""
        return super().lesson(case) if case.group is not None else ""

    def advice(self, case: _Growing, _source: str) -> str:
        return self.info.cures[0 if case.group is not None else 1]

    def consequence(self, case: _Growing) -> str:
        grew = f"grew for {case.worst_ns / SECOND:.0f} s, to {case.size}"
        if case.group is not None:
            return f"{resource_name(self.context, case.group)} {grew} items"
        return f"the number of tasks {grew}, most of them {case.label}"

    @staticmethod
    def _grew(case: _Growing, trend: _Trend, now: int) -> None:
        """Counts the time since it was last counted: at first, all that made it a finding."""
        lasted = now - trend.since
        case.count += (lasted - trend.counted_ns) // SECOND
        case.total_ns += lasted - trend.counted_ns
        trend.counted_ns = lasted
        case.worst_ns = max(case.worst_ns, lasted)
        case.last_ns, case.size = now, trend.last

    def _live(self) -> int:
        """How many tasks serve no request: the load decides how many do."""
        trace = self.context.trace
        return len(trace.tasks.live) - len(trace.requests.open)


def _waited_for(tasks: Sequence[Task]) -> ResourceGroup | None:
    """What half of these tasks wait for; None: nothing."""
    groups = Counter(task.waits[-1].resource.group for task in tasks if task.waits)
    for group, count in groups.most_common(1):
        if 2 * count >= len(tasks):
            return group
    return None
