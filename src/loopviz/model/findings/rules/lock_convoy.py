"""`lock-convoy`: tasks queue for one lock."""

from collections.abc import Iterable

from loopviz.clock import MS
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import HolderStats, StandingQueue, is_lock, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Wait
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text

__all__ = ["LockConvoy"]

_AHEAD = 4
"""How many others have to wait already for a wait to count."""
_LONG_NS = 20 * MS
"""Shorter waits do not count, however many wait."""
_WAITS, _STANDING_NS = 5, 200 * MS
"""How many waits, and how long a queue without a break, make a finding: less is a burst."""
_TIMES = 2
"""How many times longer the mean wait has to be than the mean hold."""
_ERROR_NS = 500 * MS
"""From here on waiting is an error: every user notices."""


class _Convoy(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.longest = 0
        """The most tasks that queued at once."""
        self.queue = StandingQueue()
        self.holders = HolderStats()


class LockConvoy(Rule[_Convoy]):
    """One finding for each lock."""

    info = RuleInfo(
        id="lock-convoy",
        lesson="convoy",
        title="LOCK CONVOY",
        summary="tasks queue for one lock",
        why="A lock lets one task pass at a time: each of the others waits for all before it.",
        fires_when=(
            f"{_WAITS} waits of {duration_text(_LONG_NS)} or more behind {_AHEAD} others, a queue "
            f"that stands for {duration_text(_STANDING_NS)} without a break, and waits {_TIMES} "
            "times as long as the lock is held, on average"
        ),
        counts=f"waits behind {_AHEAD} or more others",
        tried=(
            "a lock that many take for a millisecond",
            "a few that wait long",
            "a lock for each key",
        ),
        cures=(
            "hold the lock for less time: do the slow part before or after",
            "split the lock: one for each key instead of one for all",
            "let the database do it in one statement, without a lock",
        ),
        many="{places} more locks have a convoy; {count} tasks waited",
    )
    make_case = _Convoy

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ahead: dict[Wait, int] = {}

    def wait_began(self, wait: Wait) -> None:
        ahead = len(wait.resource.waiters) - 1
        if ahead >= _AHEAD and not wait.idle and is_lock(wait.resource.group):
            self._ahead[wait] = ahead

    def wait_over(self, wait: Wait) -> None:
        ahead = self._ahead.pop(wait, 0)
        if not ahead or wait.waited_ns < _LONG_NS:
            return
        case = self.case(wait.resource.group)
        case.group = wait.resource.group
        case.longest = max(case.longest, ahead + 1)
        who = self.context.label(wait.task), self.context.number(wait.task)
        case.record(wait.waited_ns, wait.ended_ns, *who)
        case.queue.add(wait.began_ns, wait.ended_ns)
        self.record_blocked(case, wait.began_ns, wait.ended_ns)
        self.record_impact(case, self.context.waiting_request(wait.task), wait.waited_ns)

    def released(self, hold: Hold, at: int) -> None:
        case = self.cases.get(hold.resource.group)
        if case is not None:
            case.holders.add(hold.longest[0] or hold.place, at - hold.since_ns)

    def gap(self) -> None:
        self._ahead.clear()

    def check(self, case: _Convoy) -> Verdict:
        if case.count < _WAITS or case.queue.longest < _STANDING_NS:
            return Verdict.RECHECK
        mean = case.total_ns // case.count
        return Verdict.WARN if mean >= _TIMES * case.holders.mean_ns else Verdict.OK

    def about(self, case: _Convoy) -> Iterable[Subject]:
        if case.group is not None:
            yield case.group
        yield from super().about(case)

    def severe(self, case: _Convoy) -> bool:
        return case.worst_ns >= _ERROR_NS

    def location(self, case: _Convoy) -> Location | None:
        """Where its holders spend the time; else where it was made."""
        made = case.group.site if case.group is not None else None
        return case.holders.where(self.context) or self.context.where(made)

    def sentence(self, case: _Convoy, source: str) -> str:
        assert case.group is not None
        name, waited = resource_name(self.context, case.group), duration_text(case.worst_ns)
        text = f"{case.longest} tasks queued for {name}: {case.label} waited {waited}"
        if case.holders.count:
            text += f" for a lock that is held for {duration_text(case.holders.mean_ns)} at a time"
        where = self.location(case) if source else None
        if where is not None and where != self.context.where(case.group.site):
            text += f" in {source}"
        return text

    def consequence(self, case: _Convoy) -> str:
        assert case.group is not None
        name, waited = resource_name(self.context, case.group), duration_text(case.worst_ns)
        return f"{case.longest} tasks queued for {name}: {case.label} waited {waited}"
