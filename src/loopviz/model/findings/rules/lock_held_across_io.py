"""`lock-held-across-io`: a task awaits something slow while others wait for its lock."""

from collections.abc import Iterable
from itertools import islice

from loopviz.clock import MS
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.evidence import is_lock, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text

__all__ = ["LockHeldAcrossIo"]

_ACROSS_NS = 5 * MS
"""A holder suspended for so long waits for I/O, not for another lock's short turn."""
_HOLDS = 3
"""How often: once may have been the first time, with caches cold."""
_ERROR_NS = 500 * MS
"""From here on the waits of requests, added up, are an error …"""
_EACH_NS = 20 * MS
"""… unless each of them waited for less: many short waits add up to any sum."""
_VICTIMS = 1000
"""How many waiters of one lock count as victims."""


class _Across(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.where: Location | None = None
        self.others = 0
        """How many waited, at its worst."""


class LockHeldAcrossIo(Rule[_Across]):
    """One finding for each lock and line."""

    info = RuleInfo(
        id="lock-held-across-io",
        lesson="convoy",
        title="LOCK HELD ACROSS I/O",
        summary="a lock is held while its holder waits",
        why="The holder awaits something slow with the lock in hand, and the others wait with it.",
        fires_when=(
            f"{_HOLDS} times, a task was suspended for {duration_text(_ACROSS_NS)} or more while "
            "it held a lock that others waited for when it was released"
        ),
        counts="holds; how long the holder waited",
        false_alarms="a suspension that *is* the protected work; waiters that gave up before",
        tried=(
            "a lock that is held across I/O, and nobody waits",
            "holds without a wait in them",
            "once or twice",
            "many waits of a few milliseconds: a warning, however many there are",
        ),
        cures=(
            "await first, then take the lock for the short part",
            "copy what the lock protects, release it, and await with the copy",
        ),
        many="{places} more lines wait with a lock in hand, {count} times in total",
    )
    make_case = _Across

    def released(self, hold: Hold, at: int) -> None:
        resource = hold.resource
        waiters = resource.waiters
        if hold.waited_ns < _ACROSS_NS or hold.units or not waiters or not is_lock(resource.group):
            return
        place = hold.longest[0] or hold.place
        case = self.case((resource.group, place))
        case.group = resource.group
        case.where = self.context.place(place)
        case.others = max(case.others, len(waiters))
        label = self.context.label(hold.task)
        case.record(hold.waited_ns, at, label, self.context.number(hold.task))
        self.record_blocked(case, hold.since_ns, at)
        for wait in islice(waiters, _VICTIMS):
            request = self.context.waiting_request(wait.task)
            self.record_impact(case, request, at - max(wait.began_ns, hold.since_ns))

    def check(self, case: _Across) -> Verdict:
        return Verdict.WARN if case.count >= _HOLDS else Verdict.RECHECK

    def explains(self, case: _Across) -> Iterable[Subject]:
        """The queue for the lock."""
        return (case.group,) if case.bad and case.group is not None else ()

    def severe(self, case: _Across) -> bool:
        return case.victim_ns >= max(_ERROR_NS, _EACH_NS * case.victims)

    def location(self, case: _Across) -> Location | None:
        """Where the holder waits; else where the lock was made."""
        made = case.group.site if case.group is not None else None
        return case.where or self.context.where(made)

    def sentence(self, case: _Across, source: str) -> str:
        assert case.group is not None
        name, waited = resource_name(self.context, case.group), duration_text(case.worst_ns)
        doing = f" in {source}" if source and case.where is not None else ""
        others = "another task" if case.others == 1 else f"up to {case.others} tasks"
        text = f"{case.label} held {name} while it waited {waited}{doing}"
        return f"{text}; {others} waited for the lock"

    def consequence(self, case: _Across) -> str:
        assert case.group is not None
        name, waited = resource_name(self.context, case.group), duration_text(case.worst_ns)
        return f"{case.label} held {name} for {waited} while it could not go on"
