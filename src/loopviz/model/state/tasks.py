"""Tasks: where each was created, where its time went, and how it ended."""

from collections import ChainMap, deque
from collections.abc import Mapping, Sequence
from itertools import islice

from loopviz.clock import MS
from loopviz.model.state.entities import DESTROYED, Task
from loopviz.model.state.observer import Observer
from loopviz.model.state.task_groups import TaskGroups
from loopviz.wire.events import NUMBER, TASK_CANCELLED, TASK_RAISED

__all__ = ["OUTLIVED_NS", "Tasks"]

OUTLIVED_NS = 5 * MS
"""A task that ends sooner after its parent did not outlive it: `asyncio.run` cancels what is left,
and `gather` goes on once the last task has told it.
"""

_TROUBLED = 50
"""How many of the last tasks in trouble are kept."""
_LIVE = 100_000
"""How many live tasks are followed; beyond, the oldest are forgotten."""


class Tasks:
    """The live tasks by number, and the last that ended."""

    def __init__(self, observer: Observer, keep: int = 2000) -> None:
        self.observer = observer
        self.groups = TaskGroups()
        self.live: dict[int, Task] = {}
        """In the order in which they started."""
        self.ended: deque[Task] = deque(maxlen=keep)
        self.troubled: deque[Task] = deque(maxlen=_TROUBLED)
        """Tasks that were lost, outlived their parent or raised unretrieved; the newest last."""
        self._doubtful: dict[int, Task] = {}
        """Tasks that were alive when events were lost: they live if another event names them."""
        self.begin()

    def begin(self) -> None:
        """Starts all counts anew."""
        self.started = self.raised = self.cancelled = 0
        self.never_retrieved = self.outlived_parent = self.lost = 0
        self.troubled.clear()

    def known(self) -> Mapping[int, Task]:
        """The live tasks and those that have ended lately, by number."""
        return ChainMap(self.live, {task.number: task for task in self.ended})

    def find(self, task_id: int, at: int) -> Task:
        """That task; one that was never recorded is made up, seen since `at`."""
        task = self.live.get(task_id)
        if task is None:
            task = self._doubtful.pop(task_id, None) or Task(task_id, at)
            task.since_ns = task.end_ns = at  # what it did meanwhile is not known
            task.busy_ns = task.ready_ns = task.waiting_ns = 0
            task.running = False
            self.live[task_id] = task
            self.groups.join(task, at)
        return task

    def start(
        self, at: int, parent_and_name: int, task_id: int, site: int, _: Sequence[str]
    ) -> None:
        """TASK_START."""
        self.started += 1
        parent_id = parent_and_name >> 32 & NUMBER
        task = self.live[task_id] = Task(task_id, at, parent_id, parent_and_name & NUMBER, site)
        self.groups.join(task, at)
        parent = self.live.get(parent_id) if parent_id else None
        if parent is not None:
            task.parent_task = parent
            parent.children += 1
            task.request = parent.request
        if len(self.live) > _LIVE:
            self.groups.leave(self.live.pop(next(iter(self.live))), at)

    def count(self, outcome: int) -> None:
        """Counts the end of a task, known or not."""
        if outcome == TASK_RAISED:
            self.raised += 1
        elif outcome == TASK_CANCELLED:
            self.cancelled += 1

    def finish(self, task: Task, at: int) -> None:
        """Ends a task whose outcome is set and of which no step runs."""
        known = self.live.pop(task.number, None) is not None
        rest = at - task.end_ns
        if rest > 0:  # destroyed, or ended out of a step of its own
            task.waiting_ns += rest
            task.end_ns = at
        task.ended_ns = task.end_ns
        if known:
            self.groups.leave(task, task.end_ns)
        self.outlived_parent += task.children
        parent = task.parent_task
        if parent is not None:
            task.parent_task = None  # or a chain of tasks would be kept for ever
            if parent.ended_ns:
                self._outlived(task, task.end_ns - parent.ended_ns)
            else:
                parent.children -= 1
        self.ended.append(task)
        if task.never_retrieved or task.outlived_ns or task.outcome == DESTROYED:
            self.troubled.append(task)
        self.observer.task_ended(task, at)

    def note_never_retrieved(self, at: int, task_id: int, error: str) -> None:
        """EXCEPTION_NEVER_RETRIEVED. It may have ended long ago."""
        self.never_retrieved += 1
        task = self.live.get(task_id)
        if task is None:
            task = next((t for t in reversed(self.ended) if t.number == task_id), None)
        if task is not None:
            task.never_retrieved = error
            if task.ended_ns and task not in self.troubled:
                self.troubled.append(task)
        self.observer.never_retrieved(task_id, error, task, at)

    def _outlived(self, task: Task, lasted: int) -> None:
        """It ended so long after its parent, with which it was counted."""
        if lasted >= OUTLIVED_NS:
            task.outlived_ns = lasted
        elif self.outlived_parent:  # else the counts began anew in between
            self.outlived_parent -= 1

    def gap(self) -> None:
        """Events were lost: tasks may have ended unseen."""
        for task in self.live.values():
            task.running = False
            task.request = task.serves = task.parent_task = None
            task.children = 0
            task.waits.clear()
            task.holds.clear()
        known = self._doubtful | self.live
        self._doubtful = dict(islice(known.items(), max(len(known) - _LIVE, 0), None))
        self.live.clear()
        self.groups.gap()

    def loop_closed(self) -> None:
        """Tasks that were pending will not go on."""
        self.gap()
        self._doubtful.clear()

    def forget_before(self, time: int) -> None:
        """Drops tasks in doubt that no event has named since `time`."""
        if self._doubtful:
            self._doubtful = {n: t for n, t in self._doubtful.items() if t.end_ns >= time}
