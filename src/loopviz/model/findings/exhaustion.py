"""The base of the rules about exhausted resources: no unit is left, and a queue stands."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from loopviz.clock import MS
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.evidence import HolderStats, StandingQueue, all_of, resource_name
from loopviz.model.findings.rule import Rule
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Hold, Job, Resource, Wait
from loopviz.model.state.jobs import Executor
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text

__all__ = ["LONG_NS", "SHORT_NS", "STANDING_NS", "WAITS", "ExhaustionCase", "ExhaustionRule"]

SHORT_NS = 10 * MS
"""Shorter waits do not count: a unit was released almost at once."""
WAITS, STANDING_NS = 3, 200 * MS
"""How many waits, and how long a queue without a break, make a finding: less is a burst."""
LONG_NS = 500 * MS
"""From here on waiting is an error (every user notices) …"""
_DRAINS_NS = 1500 * MS
"""… if the queue has stood for so long: a burst that drains sooner is a warning."""
_OPEN = 1000
"""How many open waits are checked, oldest first."""


class ExhaustionCase(Case):
    """What is known of one resource."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.group: ResourceGroup | None = None
        self.capacity = 0
        """How many units there were during the longest wait."""
        self.gave_up = 0
        self.queue = StandingQueue()
        self.holders = HolderStats()
        self.stuck_at: Location | None = None
        """Where a holder waits that releases nothing."""
        self.inside = Counter[ResourceGroup]()
        """What the jobs of an executor waited for while they had its workers, and how long."""
        self.open_inside = Counter[ResourceGroup]()
        self.open_held_ns = 0
        """The same of jobs that still run, and how long they all have had its workers."""
        self.stuck: tuple[Subject, ...] = ()
        """The requests of all holders, if each unit is held for one while others wait."""


class ExhaustionRule(Rule[ExhaustionCase]):
    """A resource of a family has no unit left, and tasks or jobs queue for it."""

    make_case = ExhaustionCase

    def family(self, group: ResourceGroup) -> bool:
        """Whether the rule is about such a resource."""
        raise NotImplementedError

    def units(self, group: ResourceGroup) -> str:
        """What people call its units."""
        raise NotImplementedError

    def patience(self, _group: ResourceGroup) -> tuple[int, int]:
        """How many waits, and how long a queue without a break, make a finding."""
        return WAITS, STANDING_NS

    # ---- events

    def wait_over(self, wait: Wait) -> None:
        if wait.job is not None and (of := self.cases.get(wait.job.resource.group)) is not None:
            of.inside[wait.resource.group] += wait.ended_ns - wait.began_ns
        if wait.idle or wait.waited_ns < SHORT_NS or not self.family(wait.resource.group):
            return
        case = self._case(wait.resource.group, wait.capacity, wait.waited_ns)
        who = self.context.owner(wait.task), self.context.number(wait.task)
        case.record(wait.waited_ns, wait.ended_ns, *who)
        case.queue.add(wait.began_ns, wait.ended_ns)
        case.gave_up += wait.gave_up
        self.record_blocked(case, wait.began_ns, wait.ended_ns)
        self.record_impact(case, self.context.waiting_request(wait.task), wait.waited_ns)

    def released(self, hold: Hold, at: int) -> None:
        case = self.cases.get(hold.resource.group)
        if case is not None:
            case.holders.add(hold.longest[0] or hold.place, at - hold.since_ns)

    def job_ended(self, job: Job) -> None:
        group = job.resource.group
        if not self.family(group):
            return
        until = job.started_ns or job.ended_ns
        waited = until - job.submitted_ns
        if waited >= SHORT_NS and job.full:
            case = self._case(group, job.capacity, waited)
            label = self.context.owner(job.task) if job.task is not None else "a job"
            case.record(waited, until, label, self.context.number(job.task))
            case.queue.add(job.submitted_ns, until)
            case.gave_up += not job.started_ns
            self.record_blocked(case, job.submitted_ns, until)
            self.record_impact(case, self.context.waiting_request(job.task), waited)
        known = self.cases.get(group)
        if known is not None and job.started_ns:
            known.holders.add(job.place, job.ended_ns - job.started_ns)

    # ---- findings

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
            case.open_inside.clear()
            case.open_held_ns, case.stuck = 0, ()
        waits = (
            wait
            for wait in self.context.open_waits(now, SHORT_NS)
            if self.family(wait.resource.group)
        )
        for wait in islice(waits, _OPEN):
            lasted = now - wait.began_ns
            case = self._open_case(wait.resource.group, wait.capacity, lasted)
            case.label = case.label or self.context.owner(wait.task)
            if case.open == 1:  # the oldest one
                case.stuck_at = self._holder(wait.resource)
                case.stuck = self._stuck(wait.resource)
            request = self.context.waiting_request(wait.task)
            if request is not None:
                self.record_impact(case, request, 0)
                case.record_open_impact(request.route, lasted, new=False)
        for executor in self.context.trace.jobs.executors.values():
            group = executor.resource.group
            if executor.queued and self.family(group):
                self._refresh_jobs(executor.resource, now)
            if group in self.cases:
                self._refresh_running(self.cases[group], executor, now)
        for case in self.cases.values():
            if case.open:
                self.owe_open(case, now - case.open_worst_ns, now)

    def check(self, case: ExhaustionCase) -> Verdict:
        assert case.group is not None
        waits, standing = self.patience(case.group)
        lasted = max(case.queue.longest, case.open_worst_ns)
        if case.gave_up and case.longest_ns >= LONG_NS:
            return Verdict.WARN
        if case.count + case.open >= waits and lasted >= standing:
            return Verdict.WARN
        return Verdict.RECHECK

    def severe(self, case: ExhaustionCase) -> bool:
        lasted = max(case.queue.longest, case.open_worst_ns)
        return bool(case.gave_up) or (case.longest_ns >= LONG_NS and lasted >= _DRAINS_NS)

    def about(self, case: ExhaustionCase) -> Iterable[Subject]:
        """The resource; what its holders hang at or wait for inside; what blocked the loop."""
        assert case.group is not None
        yield case.group
        if case.stuck and all(one in self.context.explained for one in case.stuck):
            yield from case.stuck
        for inside, ns in (case.inside + case.open_inside).most_common(1):
            if 2 * ns >= case.holders.total_ns + case.open_held_ns:
                yield inside
        yield from super().about(case)

    def explains(self, case: ExhaustionCase) -> Iterable[Subject]:
        return (case.group,) if case.bad and case.group is not None else ()

    def location(self, case: ExhaustionCase) -> Location | None:
        """Where its holders spend the time; else where it was made."""
        made = case.group.site if case.group is not None else None
        return case.holders.where(self.context) or case.stuck_at or self.context.where(made)

    def sentence(self, case: ExhaustionCase, source: str) -> str:
        group = case.group
        assert group is not None
        name, units = resource_name(self.context, group), self.units(group)
        text = f"{name} had no {units} left"
        if case.capacity > 1:
            text = f"{all_of(case.capacity)} {units} of {name} were taken"
        text += f": {case.label} waited {duration_text(case.longest_ns)} for one"
        if case.holders.mean_ns:
            text += f"; each is held for {duration_text(case.holders.mean_ns)}"
        if source and self.location(case) != self.context.where(group.site):
            text += f" in {source}"
        return text + (f"; {case.gave_up} gave up" if case.gave_up else "")

    def consequence(self, case: ExhaustionCase) -> str:
        assert case.group is not None
        count, name = case.count + case.open, resource_name(self.context, case.group)
        waits = "1 wait" if count == 1 else f"{count:,} waits"
        text = f"there were {waits} for {self.units(case.group)} of {name}"
        return f"{text}, {duration_text(case.longest_ns)} at most"

    # ----

    def _case(self, group: ResourceGroup, capacity: int, lasted: int) -> ExhaustionCase:
        """The group's case, of which a wait for one of so many units has lasted that long."""
        case = self.case(group)
        case.group = group
        if lasted >= case.longest_ns:
            case.capacity = capacity
        return case

    def _open_case(self, group: ResourceGroup, capacity: int, lasted: int) -> ExhaustionCase:
        case = self._case(group, capacity, lasted)
        case.record_open(lasted)
        return case

    def _stuck(self, resource: Resource) -> tuple[Subject, ...]:
        """The requests that the holders work for; empty if one of them works for none."""
        requests = [self.context.waiting_request(hold.task) for hold in resource.holders.values()]
        known = tuple(request for request in requests if request is not None)
        return known if len(known) == len(requests) else ()

    def _refresh_jobs(self, resource: Resource, now: int) -> None:
        """Counts the jobs that no worker has taken up, since all had one."""
        for job in islice(self.context.trace.jobs.open.values(), _OPEN):
            waits = now - job.submitted_ns if job.submitted_ns and not job.started_ns else 0
            if job.full and job.resource is resource and waits >= SHORT_NS:
                case = self._open_case(resource.group, job.capacity, waits)
                owner = self.context.owner(job.task) if job.task is not None else "a job"
                case.label = case.label or owner

    @staticmethod
    def _refresh_running(case: ExhaustionCase, executor: Executor, now: int) -> None:
        """Adds what its jobs wait for that run now."""
        for job in islice(executor.running.values(), _OPEN):
            case.open_held_ns += now - job.started_ns
            if job.wait is not None:
                case.open_inside[job.wait.resource.group] += now - job.wait.began_ns

    def _holder(self, resource: Resource) -> Location | None:
        """Where the task is that has held a unit the longest."""
        for hold in resource.holders.values():
            task = hold.task
            where = self.context.place(task.place) if task is not None else None
            return where or self.context.place(hold.place)
        return None
