"""What grows and grows: queues without a bound, and tasks that nobody ends."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.evidence import named
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Resource, Task
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["UnboundedGrowth"]

_LASTING_NS = 3 * SECOND
"""Rising for so long is no burst."""
_ITEMS, _TASKS = 20, 50
"""And by so many: fewer are noise."""
_QUEUES = 1000
"""That are followed."""
_TASK_GROWTH = "tasks"
"""The key of that case."""


class _Trend:
    """The lowest count of each second, and since when that has been rising."""

    __slots__ = ("first", "last", "low", "row", "since")

    def __init__(self, at: int, count: int, row: "ResourceGroup | None" = None) -> None:
        self.since = at
        self.first = self.last = self.low = count
        self.row = row

    def second(self, now: int, count: int) -> bool:
        """A second is over; whether its low is higher than that of the one before."""
        low = min(self.low, count)
        rises = low > self.last
        if low < self.last or not low:
            self.since, self.first = now, low
        self.last, self.low = low, count
        return rises


class _Growing(Case):
    row: "ResourceGroup | None" = None
    size = 0
    site = 0
    """Of the most numerous tasks."""


class UnboundedGrowth(Rule[_Growing]):
    """`unbounded-growth`: a queue without maxsize, or the number of tasks, rises for 3 s."""

    rule = "unbounded-growth"
    title = "UNBOUNDED GROWTH"
    many = "{places} more queues grow without a bound"
    make_case = _Growing

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._queues: dict[int, _Trend] = {}
        self._tasks: _Trend | None = None

    def queue_size(self, resource: "Resource", at: int) -> None:
        queue = self._queues.get(resource.number)
        if queue is not None:
            queue.low = min(queue.low, resource.in_use)
        elif resource.in_use and not resource.capacity and len(self._queues) < _QUEUES:
            self._queues[resource.number] = _Trend(at, 0, resource.row)

    def task_ended(self, _task: "Task", _at: int) -> None:
        if self._tasks is not None:
            self._tasks.low = min(self._tasks.low, self._live())

    def look(self, now: int, _records: Sequence[NDArray[np.void]]) -> None:
        live = self.context.trace.resources.live
        for number, queue in list(self._queues.items()):
            resource = live.get(number)
            items = resource.in_use if resource is not None else 0
            if resource is None or not (items or queue.last):
                del self._queues[number]
            elif queue.second(now, items) and self._lasts(queue, now, _ITEMS):
                case = self.case(resource.row)
                case.row = resource.row
                self._grew(case, queue, now)
        if self._tasks is None:
            self._tasks = _Trend(now, self._live())
        elif self._tasks.second(now, self._live()) and self._lasts(self._tasks, now, _TASKS):
            case = self.case(_TASK_GROWTH)
            self._grew(case, self._tasks, now)
            tasks = self.context.trace.tasks.live.values()
            sites = Counter(task.site for task in tasks if not task.serving)
            case.site = sites.most_common(1)[0][0] if sites else 0
            case.label = (
                self.context.trace.site(case.site).name.rpartition(".<locals>.")[2] or "a task"
            )

    def gap(self) -> None:
        self._queues.clear()
        self._tasks = None

    def check(self, case: _Growing) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def severe(self, case: _Growing) -> bool:
        return case.worst_ns >= 2 * _LASTING_NS

    def location(self, case: _Growing) -> Location | None:
        """Where the queue was made; where most of the tasks were."""
        if case.row is not None:
            return self.context.where(case.row.site)
        return self.context.place(case.site)

    def sentence(self, case: _Growing, _source: str) -> str:
        grew = f"grew for {case.worst_ns / SECOND:.0f} s, to {case.size}"
        if case.row is not None:
            return f"{named(self.context, case.row)} {grew} items: it has no maxsize"
        return f"The number of tasks {grew}, most of them {case.label}"

    @staticmethod
    def _lasts(trend: _Trend, now: int, least: int) -> bool:
        return now - trend.since >= _LASTING_NS and trend.last - trend.first >= least

    @staticmethod
    def _grew(case: _Growing, trend: _Trend, now: int) -> None:
        """`count` is in seconds."""
        lasted = now - trend.since
        case.count += 1
        case.total_ns += SECOND
        case.worst_ns = max(case.worst_ns, lasted)
        case.last_ns, case.size = now, trend.last

    def _live(self) -> int:
        """Tasks that serve no request: how many of those there are, the load decides."""
        trace = self.context.trace
        return len(trace.tasks.live) - len(trace.requests.open)
