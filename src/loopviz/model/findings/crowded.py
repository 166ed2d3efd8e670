"""Everybody waits for a unit: pools, gates and threads that are used up."""

from itertools import islice
from typing import TYPE_CHECKING

from loopviz.clock import MS, SECOND
from loopviz.model.findings.rule import Case, Context, Held, Rule, Standing, Verdict, named, took
from loopviz.model.snapshot import Location

if TYPE_CHECKING:
    from loopviz.model.jobs import Job
    from loopviz.model.resources import Hold, Resource, Row, Wait

__all__ = ["Exhausted", "PoolExhausted", "ThreadLimiterExhausted"]

_SHORT_NS = 10 * MS
"""A shorter wait is no trouble: a unit was given back almost at once."""
_WAITS = 3
_STANDING_NS = 200 * MS
"""So many waits, and a queue that never was empty for so long: else it was a burst that drained."""
_GATE_WAITS = 10
_GATE_STANDING_NS = 1 * SECOND
"""The same for the app's own semaphores and limiters: they are there to make tasks wait."""
_LONG_NS = 500 * MS
"""From here on waiting is an error: no user overlooks that."""
_OPEN = 1000
"""Open waits that are looked at."""

_POOLS = {
    "sqlalchemy.pool": "database connections",
    "asyncpg.pool": "database connections",
    "httpcore.pool": "HTTP connections",
    "ProcessPoolExecutor": "worker processes",
}
_GATES = ("Semaphore", "BoundedSemaphore", "CapacityLimiter")


class Crowd(Case):
    """What is known of one resource."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.row: Row | None = None
        self.gave_up = 0
        self.standing = Standing()
        self.held = Held()
        self.holds_now: Location | None = None
        """Where a holder waits that gives nothing back."""


class Exhausted(Rule[Crowd]):
    """A resource of a family has no unit left, and tasks or jobs queue for it."""

    make_case = Crowd
    many = "{places} more were used up; {count} tasks waited for one"
    what = "units"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._open: dict[Wait, None] = {}

    def family(self, row: "Row") -> bool:
        """Whether the rule is about such a resource."""
        raise NotImplementedError

    # ---- what it hears

    def wait_began(self, wait: "Wait") -> None:
        if not wait.idle and self.family(wait.resource.row):
            self._open[wait] = None

    def wait_over(self, wait: "Wait") -> None:
        if wait in self._open:
            del self._open[wait]
            if wait.waited_ns >= _SHORT_NS:
                case = self._crowd(wait.resource.row)
                case.note(wait.waited_ns, wait.ended_ns, self.context.trace.label(wait.task))
                case.standing.add(wait.began_ns, wait.ended_ns)
                case.gave_up += wait.gave_up
                self.suffers(case, self.context.waiting_request(wait.task), wait.waited_ns)

    def released(self, hold: "Hold", at: int) -> None:
        case = self.cases.get(hold.resource.row)
        if case is not None:
            case.held.add(hold.longest[0] or hold.place, at - hold.since_ns)

    def job_ended(self, job: "Job") -> None:
        row = job.resource.row
        if not self.family(row):
            return
        until = job.started_ns or job.ended_ns
        waited = until - job.submitted_ns
        if waited >= _SHORT_NS and _was_full(row):
            case = self._crowd(row)
            label = self.context.trace.label(job.task) if job.task is not None else "a job"
            case.note(waited, until, label)
            case.standing.add(job.submitted_ns, until)
            case.gave_up += not job.started_ns
            self.suffers(case, self.context.waiting_request(job.task), waited)
        known = self.cases.get(row)
        if known is not None and job.started_ns:
            known.held.add(job.place, job.ended_ns - job.started_ns)

    def gap(self) -> None:
        self._open.clear()

    # ---- what it says

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.open = case.open_ns = case.open_worst_ns = 0
        for wait in islice(self._open, _OPEN):
            if now - wait.began_ns < _SHORT_NS:
                break
            case = self._waits_still(wait.resource.row, now - wait.began_ns)
            case.label = case.label or self.context.trace.label(wait.task)
            case.holds_now = self._holder(wait.resource)
            self.suffers(case, self.context.waiting_request(wait.task), 0)
        for executor in self.context.trace.jobs.executors.values():
            row = executor.resource.row
            if executor.queued and self.family(row) and _was_full(row):
                self._jobs_wait_still(executor.resource, now)

    def check(self, case: Crowd) -> Verdict:
        assert case.row is not None
        gate = case.row.kind not in _POOLS and case.row.word in _GATES
        waits = _GATE_WAITS if gate and self.what == "units" else _WAITS
        standing = _GATE_STANDING_NS if waits == _GATE_WAITS else _STANDING_NS
        lasted = max(case.standing.longest, case.open_worst_ns)
        if case.gave_up and self._worst(case) >= _LONG_NS:
            return Verdict.WARN
        if case.count + case.open >= waits and lasted >= standing:
            return Verdict.WARN
        return Verdict.RECHECK

    def severe(self, case: Crowd) -> bool:
        return bool(case.gave_up) or self._worst(case) >= _LONG_NS

    def location(self, case: Crowd) -> Location | None:
        """Where its holders are meanwhile; else where it was made."""
        made = case.row.site if case.row is not None else None
        held = case.held.where(self.context)
        return held or case.holds_now or self.context.where(made)

    def sentence(self, case: Crowd, source: str) -> str:
        row = case.row
        assert row is not None
        all_of = f"All {row.capacity} {self._what(row)}" if row.capacity > 1 else "What there is"
        text = f"{all_of} of {named(self.context, row)} were taken"
        text += f": {case.label} waited {took(self._worst(case))} for one"
        if case.held.mean_ns:
            text += f", each is held {took(case.held.mean_ns)}"
        if source and self.location(case) != self.context.where(row.site):
            text += f" in {source}"
        return text + (f"; {case.gave_up} gave up" if case.gave_up else "")

    # ----

    def _what(self, row: "Row") -> str:
        return _POOLS.get(row.kind, self.what)

    def _worst(self, case: Crowd) -> int:
        return max(case.worst_ns, case.open_worst_ns)

    def _crowd(self, row: "Row") -> Crowd:
        case = self.case(row)
        case.row = row
        return case

    def _waits_still(self, row: "Row", lasted: int, count: int = 1) -> Crowd:
        case = self._crowd(row)
        case.open += count
        case.open_ns += lasted
        case.open_worst_ns = max(case.open_worst_ns, lasted)
        return case

    def _jobs_wait_still(self, resource: "Resource", now: int) -> None:
        """Those that no worker has taken up."""
        for job in self.context.trace.jobs.open.values():
            if job.resource is resource and not job.started_ns and job.submitted_ns:
                if now - job.submitted_ns >= _SHORT_NS:
                    case = self._waits_still(resource.row, now - job.submitted_ns)
                    case.label = case.label or "a job"
                return

    def _holder(self, resource: "Resource") -> Location | None:
        """Where the task is that has held a unit for longest."""
        for hold in resource.holders.values():
            task = hold.task
            where = self.context.place(task.place) if task is not None else None
            return where or self.context.place(hold.place)
        return None


class PoolExhausted(Exhausted):
    """`pool-exhausted`: no connection, process or unit of a gate is left, and a queue stands."""

    rule = "pool-exhausted"
    title = "POOL EXHAUSTED"

    def family(self, row: "Row") -> bool:
        if row.kind in _POOLS:
            return True
        return row.word in _GATES and row.capacity != 1 and not of_threads(row)


class ThreadLimiterExhausted(Exhausted):
    """`thread-limiter-exhausted`: all threads of a limiter or executor are taken."""

    rule = "thread-limiter-exhausted"
    title = "THREADS EXHAUSTED"
    what = "threads"

    def family(self, row: "Row") -> bool:
        return of_threads(row)

    def released(self, hold: "Hold", at: int) -> None:
        """What its threads do, the jobs tell."""


def of_threads(row: "Row") -> bool:
    """Whether its units are threads."""
    if row.kind == "ThreadPoolExecutor":
        return True
    return row.word == "CapacityLimiter" and (
        row.name == "default thread limiter" or row.jobs is not None
    )


def _was_full(row: "Row") -> bool:
    """All of its workers have been at work at once: who waited, waited for one."""
    return row.jobs is not None and row.jobs.max_in_use >= row.capacity > 0
