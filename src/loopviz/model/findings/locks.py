"""One at a time: queues before a lock, and locks that are held while their holder waits."""

from itertools import islice

from loopviz.clock import MS
from loopviz.model.findings.evidence import Held, Standing, named, took
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Wait
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.kinds import Family

__all__ = ["LockConvoy", "LockHeldAcrossIo", "is_lock"]

_AHEAD = 4
"""A convoy: so many others waited already."""
_LONG_NS = 20 * MS
"""A shorter wait is no trouble, however many wait."""
_WAITS = 5
_STANDING_NS = 200 * MS
"""So many waits, and a queue that never was empty for so long: else it was a burst that drained."""
_TIMES = 2
"""Waits are so many times longer than the lock is held."""
_ACROSS_NS = 5 * MS
"""Waiting so long with a lock in hand: it is for I/O, not for another lock's short turn."""
_HOLDS = 3
"""So often: once may have been the first time, with caches cold."""
_ERROR_NS = 500 * MS
"""From here on waiting is an error: no user overlooks that."""
_VICTIMS = 1000
"""Waiters of one lock that are looked at."""


def is_lock(row: "ResourceGroup") -> bool:
    """Whether one at a time can have it."""
    family = row.kind.family
    return family is Family.LOCK or (family is Family.SEMAPHORE and row.capacity == 1)


class _Convoy(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: ResourceGroup | None = None
        self.longest = 0
        """The queue."""
        self.standing = Standing()
        self.held = Held()


class LockConvoy(Rule[_Convoy]):
    """`lock-convoy`: tasks queue for one lock, much longer than it is held."""

    rule = "lock-convoy"
    title = "LOCK CONVOY"
    many = "{places} more locks have a convoy; {count} tasks waited"
    make_case = _Convoy

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ahead: dict[Wait, int] = {}

    def wait_began(self, wait: "Wait") -> None:
        ahead = len(wait.resource.waiters) - 1
        if ahead >= _AHEAD and not wait.idle and is_lock(wait.resource.row):
            self._ahead[wait] = ahead

    def wait_over(self, wait: "Wait") -> None:
        ahead = self._ahead.pop(wait, 0)
        if not ahead or wait.waited_ns < _LONG_NS:
            return
        case = self.case(wait.resource.row)
        case.row = wait.resource.row
        case.longest = max(case.longest, ahead + 1)
        who = self.context.label(wait.task), self.context.number(wait.task)
        case.note(wait.waited_ns, wait.ended_ns, *who)
        case.standing.add(wait.began_ns, wait.ended_ns)
        self.suffers(case, self.context.waiting_request(wait.task), wait.waited_ns)

    def released(self, hold: "Hold", at: int) -> None:
        case = self.cases.get(hold.resource.row)
        if case is not None:
            case.held.add(hold.longest[0] or hold.place, at - hold.since_ns)

    def gap(self) -> None:
        self._ahead.clear()

    def check(self, case: _Convoy) -> Verdict:
        if case.count < _WAITS or case.standing.longest < _STANDING_NS:
            return Verdict.RECHECK
        mean = case.total_ns // case.count
        return Verdict.WARN if mean >= _TIMES * case.held.mean_ns else Verdict.OK

    def severe(self, case: _Convoy) -> bool:
        return case.worst_ns >= _ERROR_NS

    def location(self, case: _Convoy) -> Location | None:
        """Where its holders are meanwhile; else where it was made."""
        made = case.row.site if case.row is not None else None
        return case.held.where(self.context) or self.context.where(made)

    def sentence(self, case: _Convoy, source: str) -> str:
        assert case.row is not None
        name = named(self.context, case.row)
        text = f"{case.longest} tasks queued for {name}: {case.label} waited {took(case.worst_ns)}"
        if case.held.count:
            text += f" for a lock that is held {took(case.held.mean_ns)} at a time"
        where = self.location(case) if source else None
        if where is not None and where != self.context.where(case.row.site):
            text += f" in {source}"
        return text


class _Across(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: ResourceGroup | None = None
        self.where: Location | None = None
        self.others = 0
        """That waited, at its worst."""


class LockHeldAcrossIo(Rule[_Across]):
    """`lock-held-across-io`: a task waits for something else while others wait for its lock."""

    rule = "lock-held-across-io"
    title = "LOCK HELD ACROSS I/O"
    many = "{places} more lines wait with a lock in hand, {count} times in all"
    make_case = _Across

    def released(self, hold: "Hold", at: int) -> None:
        resource = hold.resource
        waiters = resource.waiters
        if hold.waited_ns < _ACROSS_NS or hold.units or not waiters or not is_lock(resource.row):
            return
        place = hold.longest[0] or hold.place
        case = self.case((resource.row, place))
        case.row = resource.row
        case.where = self.context.place(place)
        if hold.waited_ns >= case.worst_ns:
            case.others = len(waiters)
        label = self.context.label(hold.task)
        case.note(hold.waited_ns, at, label, self.context.number(hold.task))
        for wait in islice(waiters, _VICTIMS):
            request = self.context.waiting_request(wait.task)
            self.suffers(case, request, at - max(wait.began_ns, hold.since_ns))

    def check(self, case: _Across) -> Verdict:
        return Verdict.WARN if case.count >= _HOLDS else Verdict.RECHECK

    def severe(self, case: _Across) -> bool:
        return case.victim_ns >= _ERROR_NS

    def location(self, case: _Across) -> Location | None:
        """Where it waits."""
        return case.where or (self.context.where(case.row.site) if case.row is not None else None)

    def sentence(self, case: _Across, source: str) -> str:
        assert case.row is not None
        name = named(self.context, case.row)
        doing = f" in {source}" if source and case.where is not None else ""
        others = "another task" if case.others == 1 else f"{case.others} tasks"
        text = f"{case.label} held {name} while it waited {took(case.worst_ns)}{doing}"
        return f"{text}; {others} waited for the lock"
