"""Requests that are cancelled, or whose client leaves, while they hold what they write with."""

from loopviz.clock import SECOND
from loopviz.model.findings.evidence import named
from loopviz.model.findings.locks import is_lock
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Task
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.events import TASK_CANCELLED
from loopviz.wire.kinds import Family

__all__ = ["CancelledMidWrite"]

_LEFT = 3
_LEFT_NS = 1 * SECOND
"""Clients that left meanwhile, and the write went on: so many, and not all at once. One that
leaves is everyday life; all of them are a client that was shut down, or a network that broke."""
_OPEN = 1000
"""Requests of whose clients that is known."""
_TASKS = 20_000
"""That have given something back, and live on."""


class _Write(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: ResourceGroup | None = None
        self.where: Location | None = None
        self.cancelled = self.left = self.first_left_ns = self.last_left_ns = 0


class CancelledMidWrite(Rule[_Write]):
    """`cancelled-mid-write`: a request ended by cancellation with a connection or lock in hand."""

    rule = "cancelled-mid-write"
    title = "CANCELLED MID-WRITE"
    many = "{places} more lines were cut off while they held something, {count} times in all"
    make_case = _Write

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._last: dict[int, tuple[int, Hold, int]] = {}
        """By task: when it gave what back last, and where it had been suspended before."""
        self._gone: dict[int, _Write] = {}
        """By request, what its task held when the client left."""

    def released(self, hold: "Hold", at: int) -> None:
        task = hold.task
        if task is not None and task.request is not None and _is_written_with(hold.resource.row):
            if len(self._last) >= _TASKS:
                self._last.clear()  # their ends were not told
            self._last[task.number] = at, hold, task.place

    def task_ended(self, task: "Task", at: int) -> None:
        last = self._last.pop(task.number, None)
        request = task.request
        if request is None:
            return
        gone = self._gone.get(request.number)
        if gone is not None and task.serving:
            del self._gone[request.number]
        if task.outcome != TASK_CANCELLED:
            return
        held, place = None, task.place
        if last is not None and last[0] >= task.step_ns:  # let go in its very last step
            _, held, place = last
        else:
            held = next((h for h in task.holds if _is_written_with(h.resource.row)), None)
        if held is None:
            return
        if gone is not None:  # the same once more
            self._gone.pop(request.number, None)
            gone.left -= 1
            gone.count -= 1
        case = self._write(held, place)
        case.cancelled += 1
        case.note(0, at, self.context.label(task), request.number)

    def client_disconnected(self, request: "Request", at: int) -> None:
        tasks = self.context.trace.tasks.live
        own = tasks.get(request.task)
        of_it = [own] if own is not None and own.holds else _working_for(request, tasks)
        for task in of_it:
            hold = next((h for h in task.holds if _is_written_with(h.resource.row)), None)
            if hold is not None:
                case = self._write(hold, task.waits[-1].place if task.waits else 0)
                case.left += 1
                case.first_left_ns = case.first_left_ns or at
                case.last_left_ns = at
                case.note(0, at, request.route, request.number)
                if len(self._gone) < _OPEN:
                    self._gone[request.number] = case
                return

    def gap(self) -> None:
        self._last.clear()
        self._gone.clear()

    def check(self, case: _Write) -> Verdict:
        lasted = case.last_left_ns - case.first_left_ns
        if case.cancelled or (case.left >= _LEFT and lasted >= _LEFT_NS):
            return Verdict.WARN
        return Verdict.RECHECK if case.left else Verdict.OK

    def severe(self, case: _Write) -> bool:
        return bool(case.cancelled)

    def location(self, case: _Write) -> Location | None:
        return case.where or (self.context.where(case.row.site) if case.row is not None else None)

    def sentence(self, case: _Write, source: str) -> str:
        assert case.row is not None
        name = named(self.context, case.row)
        doing = f" in {source}" if source and case.where is not None else ""
        if not case.cancelled:
            return f"Clients left while {case.label} held {name}{doing}: it went on for nobody"
        times = "once" if case.cancelled == 1 else f"{case.cancelled} times"
        text = f"{case.label} was cancelled {times} while it held {name}{doing}"
        return f"{text}: what it wrote may be half done"

    def _write(self, hold: "Hold", place: int) -> _Write:
        where = (
            self.context.place(place)
            or self.context.place(hold.longest[0])
            or self.context.place(hold.place)
        )
        case = self.case((hold.resource.row, where))
        case.row, case.where = hold.resource.row, where
        return case


def _working_for(request: "Request", tasks: "dict[int, Task]") -> "list[Task]":
    return [task for task in tasks.values() if task.request is request and task.holds]


def _is_written_with(row: "ResourceGroup") -> bool:
    """A database connection, or a lock."""
    return row.kind.family is Family.DATABASE_POOL or is_lock(row)
