"""`cancelled-mid-write`: a request is cut off while it holds a connection or a lock."""

from collections import Counter

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import is_lock, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Task
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.events import TASK_CANCELLED
from loopviz.wire.kinds import Family

__all__ = ["CancelledMidWrite"]

_LEFT, _LEFT_NS = 3, 1 * SECOND
"""How many clients have to leave, over how long. One that leaves is everyday life; all of them at
once are a client that was shut down, or a network that broke."""
_AT_ONCE_NS, _STOPPED = 50 * MS, 3
"""How soon a request ends that is cancelled when its client leaves, and how many show that the app
does this: then one that goes on is protected."""
_OPEN = 1000
"""How many requests without a client are followed."""
_SAFE = ("GET ", "HEAD ", "OPTIONS ")
_TASKS = 20_000
"""How many tasks that have released something are followed."""


class _Write(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.where: Location | None = None
        self.cancelled = self.left = self.first_left_ns = self.last_left_ns = 0


class CancelledMidWrite(Rule[_Write]):
    """One finding for each resource and line."""

    info = RuleInfo(
        id="cancelled-mid-write",
        lesson="disconnect",
        title="CANCELLED MID-WRITE",
        summary="a request is cut off while it writes",
        why="A cancelled request stops at its await: what it had begun to write may be incomplete.",
        fires_when=(
            "a task of a request other than GET or HEAD ends as cancelled, and releases a database "
            f"connection or a lock in its very last step, or never; or {_LEFT} clients leave, over "
            f"more than {_LEFT_NS // SECOND} s, while a request of theirs holds one, and the "
            "route's other requests do not end at once when their clients leave"
        ),
        counts="requests",
        false_alarms=(
            "that it wrote is not known, but for its method; a cancellation that becomes another "
            "error (`asyncio.timeout`) is missed, and so is one whose clean-up still awaits after "
            "the connection was released"
        ),
        tried=(
            "a request that is cancelled later than that",
            "a read that is cut off (GET, HEAD)",
            "an outbound connection",
            "a worker that is cancelled at the shutdown",
            "clients that leave now and then, or all at once",
            "a write under `shield` in an app that cancels what no client waits for",
        ),
        cures=(
            "write in one transaction: `async with session.begin()`",
            "finish what must be finished in a task that the app owns, or under `shield`",
            "make the write idempotent, so that it can be repeated",
        ),
        many="{places} more lines were cut off while they held something, {count} times in total",
    )
    make_case = _Write

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._last: dict[int, tuple[int, Hold, int]] = {}
        """By task: when it last released something, the hold, and where it was suspended before."""
        self._gone: dict[int, _Write] = {}
        """By request: the case that counted its client's leaving."""
        self._idle: dict[int, int] = {}
        """By request: when its client left, while it held nothing."""
        self._stops: Counter[tuple[str, bool]] = Counter()
        """By route: how many of those ended at once, and how many went on."""

    def released(self, hold: Hold, at: int) -> None:
        task = hold.task
        if task is not None and task.request is not None and _is_written_with(hold.resource.group):
            if len(self._last) >= _TASKS:
                self._last.clear()  # their ends were lost
            self._last[task.number] = at, hold, task.place

    def task_ended(self, task: Task, at: int) -> None:
        last = self._last.pop(task.number, None)
        request = task.request
        if request is None or _only_reads(request):
            return
        left_ns = self._idle.pop(request.number, None) if task.serving else None
        if left_ns is not None:
            self._stops[request.route, at - left_ns < _AT_ONCE_NS] += 1
        gone = self._gone.get(request.number)
        if gone is not None and task.serving:
            del self._gone[request.number]
        if task.outcome != TASK_CANCELLED:
            return
        held, place = None, task.place
        if last is not None and last[0] >= task.step_ns:  # released in its very last step
            _, held, place = last
        else:
            held = next((h for h in task.holds if _is_written_with(h.resource.group)), None)
        if held is None:
            return
        if gone is not None:  # do not count it twice
            self._gone.pop(request.number, None)
            gone.left -= 1
            gone.count -= 1
        case = self._write(held, place)
        case.cancelled += 1
        case.record(0, at, self.context.label(task), request.number)

    def client_disconnected(self, request: Request, at: int) -> None:
        if _only_reads(request):
            return
        tasks = self.context.trace.tasks.live
        own = tasks.get(request.task)
        of_it = [own] if own is not None and own.holds else _working_for(request, tasks)
        for task in of_it:
            hold = next((h for h in task.holds if _is_written_with(h.resource.group)), None)
            if hold is not None:
                case = self._write(hold, task.waits[-1].place if task.waits else 0)
                case.left += 1
                case.first_left_ns = case.first_left_ns or at
                case.last_left_ns = at
                case.record(0, at, request.route, request.number)
                if len(self._gone) < _OPEN:
                    self._gone[request.number] = case
                return
        if len(self._idle) < _OPEN:
            self._idle[request.number] = at

    def gap(self) -> None:
        self._last.clear()
        self._gone.clear()
        self._idle.clear()

    def check(self, case: _Write) -> Verdict:
        lasted = case.last_left_ns - case.first_left_ns
        if case.cancelled:
            return Verdict.WARN
        if case.left >= _LEFT and lasted >= _LEFT_NS and not self._is_protected(case.label):
            return Verdict.WARN
        return Verdict.RECHECK if case.left else Verdict.OK

    def _is_protected(self, route: str) -> bool:
        """Whether its requests end when their clients leave, but for those that write."""
        stopped, went_on = self._stops[route, True], self._stops[route, False]
        return stopped >= _STOPPED and stopped > went_on

    def severe(self, case: _Write) -> bool:
        return bool(case.cancelled)

    def location(self, case: _Write) -> Location | None:
        made = case.group.site if case.group is not None else None
        return case.where or self.context.where(made)

    def title(self, case: _Write) -> str:
        return self.info.title if case.cancelled else "CLIENTS LEFT MID-WRITE"

    def sentence(self, case: _Write, source: str) -> str:
        assert case.group is not None
        name = resource_name(self.context, case.group)
        doing = f" in {source}" if source and case.where is not None else ""
        if not case.cancelled:
            return f"Clients left while {case.label} held {name}{doing}: it kept working for no one"
        times = "once" if case.cancelled == 1 else f"{case.cancelled} times"
        text = f"{case.label} was cancelled {times} while it held {name}{doing}"
        return f"{text}: what it wrote may be incomplete"

    def _write(self, hold: Hold, place: int) -> _Write:
        where = (
            self.context.place(place)
            or self.context.place(hold.longest[0])
            or self.context.place(hold.place)
        )
        case = self.case((hold.resource.group, where))
        case.group, case.where = hold.resource.group, where
        return case


def _working_for(request: Request, tasks: dict[int, Task]) -> list[Task]:
    return [task for task in tasks.values() if task.request is request and task.holds]


def _only_reads(request: Request) -> bool:
    """Whether its method promises that it changes nothing (RFC 9110)."""
    return request.route.startswith(_SAFE)


def _is_written_with(group: ResourceGroup) -> bool:
    """Whether it is a database connection or a lock."""
    return group.kind.family is Family.DATABASE_POOL or is_lock(group)
