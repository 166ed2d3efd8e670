"""`blocked-put`: tasks wait to put something into a full queue or stream."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.evidence import StandingQueue, first_line, quoted, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Resource, Task, Wait
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.kinds import Family

__all__ = ["BlockedPut"]

_SHORT_NS = 10 * MS
"""Shorter waits do not count: an item was taken almost at once."""
_WAITS, _STANDING_NS = 10, 1 * SECOND
"""How many waits of requests, and how long a queue of them without a break, make a finding."""
_STILL_NS = 2 * SECOND
"""How long nobody takes anything out while somebody waits: then one wait is enough."""
_LONG_NS = 500 * MS
"""From here on waiting is an error: every user notices."""
_OPEN = 1000
"""How many open waits are checked, oldest first."""


class _Full(Case):
    """The queues of one group."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.queue = StandingQueue()
        self.requests = 0
        """Waits of tasks that work for a request."""
        self.ended_lines, self.open_lines = Counter[int](), Counter[int]()
        """Places of the waits that have ended, and of those that are open."""
        self.still_ns = 0
        """How long nothing has been taken out while the oldest open wait lasts."""
        self.newest: Resource | None = None
        """The queue for which a wait is open, or was the last to end."""
        self.waiting: set[Request] = set()
        """The requests that wait to put something into it."""


class BlockedPut(Rule[_Full]):
    """One finding for each group of queues or streams."""

    info = RuleInfo(
        id="blocked-put",
        title="QUEUE FULL",
        summary="tasks wait to put into a full queue",
        why="Producers go at their consumer's pace: a slow or dead consumer stops them all.",
        fires_when=(
            f"{_WAITS} requests have waited {duration_text(_SHORT_NS)} or more to put into a full "
            f"queue or stream, and some waited without a break for {_STANDING_NS // SECOND} s; or "
            f"somebody waits while nothing has been taken out for {_STILL_NS // SECOND} s. A "
            "background task that is slowed down by its queue is none: that is what a bound is for"
        ),
        counts=f"waits of {duration_text(_SHORT_NS)} or more",
        false_alarms="a queue that is meant to let requests wait",
        tried=(
            "a producer in the background that its queue slows down",
            "a consumer that waits for an item",
            "one put that waits 1.5 s",
        ),
        cures=(
            "`put_nowait`, and drop the client or the item if the queue is full",
            "make the consumer faster, or start more of them",
            "bound the wait: `async with asyncio.timeout(...)`",
        ),
        many="{places} more queues are full; {count} tasks waited",
    )
    make_case = _Full

    def wait_over(self, wait: Wait) -> None:
        if wait.idle or wait.waited_ns < _SHORT_NS or not _takes_items(wait.resource.group):
            return
        case = self._case(wait)
        request = self.context.waiting_request(wait.task)
        case.requests += request is not None
        label, number = self.context.owner(wait.task), self.context.number(wait.task)
        case.record(wait.waited_ns, wait.ended_ns, label, number)
        case.queue.add(wait.began_ns, wait.ended_ns)
        case.ended_lines[wait.place] += 1
        self.record_blocked(case, wait.began_ns, wait.ended_ns)
        self.record_impact(case, request, wait.waited_ns)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
            case.still_ns = 0
            case.open_lines.clear()
            case.waiting.clear()
        waits = self.context.open_waits(now, _SHORT_NS)
        puts = (wait for wait in waits if _takes_items(wait.resource.group))
        for wait in islice(puts, _OPEN):
            lasted = now - wait.began_ns
            case = self._case(wait)
            if not case.open:  # the oldest one
                case.newest = wait.resource
                case.still_ns = now - max(wait.began_ns, wait.resource.taken_ns)
            case.record_open(lasted)
            case.open_lines[wait.place] += 1
            case.label = case.label or self.context.owner(wait.task)
            request = self.context.waiting_request(wait.task)
            if request is not None:
                case.record_open_impact(request.route, lasted, new=True)
                case.waiting.add(request)
        for case in self.cases.values():
            if case.open:
                self.owe_open(case, now - case.open_worst_ns, now)

    def check(self, case: _Full) -> Verdict:
        standing = max(case.queue.longest, case.open_worst_ns)
        slow = case.requests + case.open_victims >= _WAITS and standing >= _STANDING_NS
        return Verdict.WARN if slow or case.still_ns >= _STILL_NS else Verdict.RECHECK

    def about(self, case: _Full) -> Iterable[Subject]:
        """The queue, whose worker may have died."""
        if case.group is not None:
            yield case.group
        yield from super().about(case)

    def explains(self, case: _Full) -> Iterable[Subject]:
        return case.waiting if case.bad else ()

    def severe(self, case: _Full) -> bool:
        return bool(case.requests or case.open_victims) and case.longest_ns >= _LONG_NS

    def location(self, case: _Full) -> Location | None:
        """The line that puts."""
        made = case.group.site if case.group is not None else None
        places = (place for place, _ in (case.ended_lines + case.open_lines).most_common())
        return first_line(self.context, places) or self.context.where(made)

    def sentence(self, case: _Full, source: str) -> str:
        assert case.group is not None
        name = resource_name(self.context, case.group)
        waited = duration_text(case.longest_ns)
        if case.open_worst_ns >= case.worst_ns:
            text = f"{name} is full: {case.label} has waited {waited} so far to put into it"
        else:
            text = f"{name} was full: {case.label} waited {waited} to put into it"
        text += f" in {source}" if source and self.location(case) else ""
        return f"{text}; {self._consumer(case)}"

    def consequence(self, case: _Full) -> str:
        assert case.group is not None
        name, waited = resource_name(self.context, case.group), duration_text(case.longest_ns)
        return f"{name} was full for {waited}: nothing was taken out"

    # ----

    def _case(self, wait: Wait) -> _Full:
        case = self.case(wait.resource.group)
        case.group, case.newest = wait.resource.group, wait.resource
        return case

    def _consumer(self, case: _Full) -> str:
        """Who takes, how fast, and what it does meanwhile."""
        queue = case.newest
        taker = queue.taker if queue is not None else None
        if queue is None or taker is None:
            return "nobody has taken anything out"
        who = self.context.owner(taker)
        if taker.ended_ns:
            return f"{who}, which took from it, has ended"
        if case.still_ns >= _STILL_NS:
            text = f"{who} has taken nothing out for {duration_text(case.still_ns)}"
            where = self._is_at(taker)
            return f"{text}: it waits in {where}" if where else text
        if queue.takes > 1:
            pace = (queue.taken_ns - queue.first_taken_ns) // (queue.takes - 1)
            return f"{who} takes one every {duration_text(pace)}"
        return f"{who} takes from it"

    def _is_at(self, task: Task) -> str:
        """The line at which a task waits; empty: not known."""
        place = task.waits[-1].place if task.waits else 0
        where = self.context.place(place) or self.context.awaits_at(task)
        return quoted(self.context.naming.source(where))


def _takes_items(group: ResourceGroup) -> bool:
    """Whether it is a queue or stream."""
    return group.kind.family is Family.QUEUE
