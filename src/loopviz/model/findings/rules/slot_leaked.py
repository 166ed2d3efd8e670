"""`slot-leaked`: a permit, connection or lock is held by a task that has ended."""

from collections import Counter
from collections.abc import Iterable

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.evidence import made_at, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Resource, Task, Wait
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.events import TASK_CANCELLED
from loopviz.wire.kinds import HTTPCORE_POOL

__all__ = ["SlotLeaked"]

_WAITS_NS = 2 * SECOND
"""How long somebody has to wait for a unit …"""
_MANY = 3
"""… or how many units have to be leaked …"""
_ENDED_NS = 1 * SECOND
"""… for how long: until then another task may give them back."""
_FOLLOWED = 200
"""How many leaked holds of one resource group are followed."""

_OF_RESPONSES = (
    "close every response that is streamed: `async with client.stream(...)`, or "
    "`await response.aclose()` in `finally`"
)
"""What to do when a pool's connections are kept by tasks that ended by themselves."""
_OF_HTTPCORE = (
    "a cancelled request can lose its connection inside httpcore (encode/httpcore#1093): give "
    "requests a `timeout` instead of cancelling them, or make the client anew"
)
"""What to do when they were cancelled: the app has no line that would release the connection."""


class _Leak(Case):
    """The resources of one group."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.left: dict[Hold, int] = {}
        """Holds whose task has ended, and when it ended."""
        self.waited_ns = 0
        """How long the oldest open wait for a unit has lasted."""
        self.gave_up = 0
        """How many waits for a unit were given up since."""
        self.waiting: set[Request] = set()
        """The requests that wait for a unit."""
        self.lines = Counter[Location]()
        """Lines at which leaked units were acquired, or that made the task for that."""
        self.cancelled = 0
        """How many of them were acquired by a task that was cancelled."""


class SlotLeaked(Rule[_Leak]):
    """One finding for each resource group. None if tasks hand units over to others."""

    info = RuleInfo(
        id="slot-leaked",
        title="NEVER RELEASED",
        summary="a permit, connection or lock is never released",
        why="The task that acquired it has ended: each leak leaves one slot less for the others.",
        fires_when=(
            f"a unit is held by a task that ended {_ENDED_NS // SECOND} s ago or earlier, and "
            f"{_MANY} units are, or somebody has waited {_WAITS_NS // SECOND} s for one, or has "
            "given up while all are. Not for a resource whose units other tasks give back than "
            "those that acquired them"
        ),
        counts="units that are leaked; how long ago their task ended",
        false_alarms="a unit that is handed over to a task that keeps it for long",
        tried=(
            "a semaphore as a signal: acquired here, released there",
            "two units whose task has just ended, and nobody waits",
            "events and queues, which cannot be held",
            "units of which the resource itself says that they are free",
        ),
        cures=(
            "use `async with`: it releases however the block ends",
            "release in `finally`: a cancellation or exception skips the line after an await",
        ),
        many="{places} more resources have leaked units, {count} in total",
    )
    make_case = _Leak

    def task_ended(self, task: Task, at: int) -> None:
        for hold in task.holds:
            self._follow(hold, at)

    def acquired(self, hold: Hold) -> None:
        if hold.task is not None and hold.task.ended_ns and hold.job is not None:
            self._follow(hold, hold.since_ns)

    def released(self, hold: Hold, _at: int) -> None:
        case = self.cases.get(hold.resource.group)
        if case is not None:
            case.left.pop(hold, None)

    def wait_over(self, wait: Wait) -> None:
        case = self.cases.get(wait.resource.group)
        if case is None or not wait.gave_up or not any(map(_still_held, case.left)):
            return
        case.gave_up += 1
        request = self.context.waiting_request(wait.task)
        if request is not None:
            self.record_impact(case, request, wait.ended_ns - wait.began_ns)

    def gap(self) -> None:
        for case in self.cases.values():
            case.left.clear()

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
            case.waited_ns = 0
            case.waiting.clear()
            if case.group is None or case.group.handed_over:
                continue
            case.left = {hold: ended for hold, ended in case.left.items() if _still_held(hold)}
            old = [hold for hold, ended in case.left.items() if now - ended >= _ENDED_NS]
            old = [hold for hold in old if _job_ended(hold, now)]
            for hold in old:
                case.record_open(now - case.left[hold])
                case.label = case.label or self.context.label(hold.task)
            for resource in {hold.resource for hold in old}:
                self._add_waits(case, resource, now)

    def check(self, case: _Leak) -> Verdict:
        if not case.open:
            return Verdict.OK
        assert case.group is not None
        none_left = case.gave_up and case.open >= case.group.capacity
        many = case.open >= _MANY or case.waited_ns >= _WAITS_NS or none_left
        return Verdict.WARN if many else Verdict.RECHECK

    def explains(self, case: _Leak) -> Iterable[Subject]:
        """The resource once a unit of it is leaked, and the requests that wait for one."""
        if case.open and case.group is not None:
            yield case.group
            yield from case.waiting
            yield from made_at(self.location(case))

    def severe(self, case: _Leak) -> bool:
        assert case.group is not None
        return bool(case.waited_ns) or case.open >= case.group.capacity

    def advice(self, case: _Leak, source: str) -> str:
        assert case.group is not None
        if case.group.kind is HTTPCORE_POOL:
            return _OF_HTTPCORE if case.cancelled else _OF_RESPONSES
        where = self.location(case)
        text = self.context.code.releases_itself(where) if where is not None else ""
        return f"`{text}` releases however the block ends" if text else super().advice(case, source)

    def location(self, case: _Leak) -> Location | None:
        """The line that acquired most of them; else the line that made the resource."""
        made = case.group.site if case.group is not None else None
        most = case.lines.most_common(1)
        return most[0][0] if most else self.context.where(made)

    def sentence(self, case: _Leak, source: str) -> str:
        group = case.group
        assert group is not None
        name, where = resource_name(self.context, group), self.location(case)
        if group.capacity == 1:
            text = f"{name} is held by a task that has ended ({case.label})"
        else:
            held = "are held by tasks that have" if case.open > 1 else "is held by a task that has"
            units = f"{case.open} of {group.capacity} {group.kind.units}"
            text = f"{units} of {name} {held} ended ({case.label})"
        if source and where != self.context.where(group.site):
            text += f" after {source}"
        if case.waited_ns:
            text += f"; the oldest wait for one has lasted {duration_text(case.waited_ns)}"
        return text + (f"; {case.gave_up} gave up" if case.gave_up else "")

    # ----

    def _follow(self, hold: Hold, at: int) -> None:
        """Its task has ended."""
        group = hold.resource.group
        if group.kind.holdable and group.capacity:
            case = self.case(group)
            case.group = group
            if len(case.left) < _FOLLOWED:
                case.left[hold] = at
                case.cancelled += hold.task is not None and hold.task.outcome == TASK_CANCELLED
                if (where := self._acquired_at(hold)) is not None:
                    case.lines[where] += 1

    def _acquired_at(self, hold: Hold) -> Location | None:
        """The line, or that which made the task to acquire it: `wait_for(lock.acquire(), 1)`."""
        site = self.context.trace.site(hold.task.site) if hold.task is not None else None
        return self.context.place(hold.place) or self.context.where(site)

    def _add_waits(self, case: _Leak, resource: Resource, now: int) -> None:
        """The open waits for a leaked unit, and the requests behind them."""
        for wait in resource.waiters:
            if wait.idle:
                continue
            lasted = now - wait.began_ns
            case.waited_ns = max(case.waited_ns, lasted)
            request = self.context.waiting_request(wait.task)
            if request is not None:
                case.record_open_impact(request.route, lasted, new=True)
                case.waiting.add(request)


def _still_held(hold: Hold) -> bool:
    """False once its resource has fewer units in use than holders: it was released unseen."""
    return hold.task is not None and hold.resource.holders.get(hold.key) is hold


def _job_ended(hold: Hold, now: int) -> bool:
    """False while, or shortly after, a worker job runs that acquired it."""
    return hold.owner_ended and (hold.job is None or now - hold.job.ended_ns >= _ENDED_NS)
