"""Everybody waits for a unit: what the rules about used-up resources have in common."""

from itertools import islice

from loopviz.clock import MS
from loopviz.model.findings.evidence import HolderStats, StandingQueue, named, took
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Job, Resource, Wait
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["Crowd", "Exhausted"]

_SHORT_NS = 10 * MS
"""A shorter wait is no trouble: a unit was given back almost at once."""
_WAITS = 3
_STANDING_NS = 200 * MS
"""So many waits, and a queue that never was empty for so long: else it was a burst that drained."""
_LONG_NS = 500 * MS
"""From here on waiting is an error: no user overlooks that."""
_OPEN = 1000
"""How many open waits are checked, oldest first."""


class Crowd(Case):
    """What is known of one resource."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: ResourceGroup | None = None
        self.gave_up = 0
        self.standing = StandingQueue()
        self.holders = HolderStats()
        self.stuck_at: Location | None = None
        """Where a holder waits that releases nothing."""


class Exhausted(Rule[Crowd]):
    """A resource of a family has no unit left, and tasks or jobs queue for it."""

    make_case = Crowd
    many = "{places} more were used up; {count} tasks waited for one"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._open: dict[Wait, None] = {}

    def family(self, row: "ResourceGroup") -> bool:
        """Whether the rule is about such a resource."""
        raise NotImplementedError

    def units(self, row: "ResourceGroup") -> str:
        """What people call its units."""
        raise NotImplementedError

    def patience(self, _row: "ResourceGroup") -> tuple[int, int]:
        """How many waits, and how long a queue without a break, make it a finding."""
        return _WAITS, _STANDING_NS

    # ---- events

    def wait_began(self, wait: "Wait") -> None:
        if not wait.idle and self.family(wait.resource.row):
            self._open[wait] = None

    def wait_over(self, wait: "Wait") -> None:
        if wait in self._open:
            del self._open[wait]
            if wait.waited_ns >= _SHORT_NS:
                case = self._crowd(wait.resource.row)
                who = self.context.label(wait.task), self.context.number(wait.task)
                case.note(wait.waited_ns, wait.ended_ns, *who)
                case.standing.add(wait.began_ns, wait.ended_ns)
                case.gave_up += wait.gave_up
                self.record_impact(case, self.context.waiting_request(wait.task), wait.waited_ns)

    def released(self, hold: "Hold", at: int) -> None:
        case = self.cases.get(hold.resource.row)
        if case is not None:
            case.holders.add(hold.longest[0] or hold.place, at - hold.since_ns)

    def job_ended(self, job: "Job") -> None:
        row = job.resource.row
        if not self.family(row):
            return
        until = job.started_ns or job.ended_ns
        waited = until - job.submitted_ns
        if waited >= _SHORT_NS and _was_full(row):
            case = self._crowd(row)
            label = self.context.label(job.task) if job.task is not None else "a job"
            case.note(waited, until, label, self.context.number(job.task))
            case.standing.add(job.submitted_ns, until)
            case.gave_up += not job.started_ns
            self.record_impact(case, self.context.waiting_request(job.task), waited)
        known = self.cases.get(row)
        if known is not None and job.started_ns:
            known.holders.add(job.place, job.ended_ns - job.started_ns)

    def gap(self) -> None:
        self._open.clear()

    # ---- findings

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.nothing_open()
        for wait in islice(self._open, _OPEN):
            if now - wait.began_ns < _SHORT_NS:
                break
            lasted = now - wait.began_ns
            case = self._waits_still(wait.resource.row, lasted)
            case.label = case.label or self.context.label(wait.task)
            case.stuck_at = self._holder(wait.resource)
            request = self.context.waiting_request(wait.task)
            if request is not None:
                self.record_impact(case, request, 0)
                case.record_open_impact(request.route, lasted, new=False)
        for executor in self.context.trace.jobs.executors.values():
            row = executor.resource.row
            if executor.queued and self.family(row) and _was_full(row):
                self._jobs_wait_still(executor.resource, now)

    def check(self, case: Crowd) -> Verdict:
        assert case.row is not None
        waits, standing = self.patience(case.row)
        lasted = max(case.standing.longest, case.open_worst_ns)
        if case.gave_up and case.longest_ns >= _LONG_NS:
            return Verdict.WARN
        if case.count + case.open >= waits and lasted >= standing:
            return Verdict.WARN
        return Verdict.RECHECK

    def severe(self, case: Crowd) -> bool:
        return bool(case.gave_up) or case.longest_ns >= _LONG_NS

    def location(self, case: Crowd) -> Location | None:
        """Where its holders are meanwhile; else where it was made."""
        made = case.row.site if case.row is not None else None
        return case.holders.where(self.context) or case.stuck_at or self.context.where(made)

    def sentence(self, case: Crowd, source: str) -> str:
        row = case.row
        assert row is not None
        name, what = named(self.context, row), self.units(row)
        text = f"{name} had no {what} left"
        if row.capacity > 1:
            text = f"All {row.capacity} {what} of {name} were taken"
        text += f": {case.label} waited {took(case.longest_ns)} for one"
        if case.holders.mean_ns:
            text += f", each is held {took(case.holders.mean_ns)}"
        if source and self.location(case) != self.context.where(row.site):
            text += f" in {source}"
        return text + (f"; {case.gave_up} gave up" if case.gave_up else "")

    # ----

    def _crowd(self, row: "ResourceGroup") -> Crowd:
        case = self.case(row)
        case.row = row
        return case

    def _waits_still(self, row: "ResourceGroup", lasted: int) -> Crowd:
        case = self._crowd(row)
        case.goes_on(lasted)
        return case

    def _jobs_wait_still(self, resource: "Resource", now: int) -> None:
        """Those that no worker has taken up."""
        for job in islice(self.context.trace.jobs.open.values(), _OPEN):
            waits = now - job.submitted_ns if job.submitted_ns and not job.started_ns else 0
            if job.resource is resource and waits >= _SHORT_NS:
                case = self._waits_still(resource.row, waits)
                case.label = case.label or "a job"

    def _holder(self, resource: "Resource") -> Location | None:
        """Where the task is that has held a unit the longest."""
        for hold in resource.holders.values():
            task = hold.task
            where = self.context.place(task.place) if task is not None else None
            return where or self.context.place(hold.place)
        return None


def _was_full(row: "ResourceGroup") -> bool:
    """All of its workers have been at work at once: who waited, waited for one."""
    return row.jobs is not None and row.jobs.max_in_use >= row.capacity > 0
