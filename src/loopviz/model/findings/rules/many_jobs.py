"""`many-jobs`: a request hands very many tiny jobs to threads, one by one."""

from loopviz.clock import MS
from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Job
from loopviz.model.state.request import Request
from loopviz.units import duration_text

__all__ = ["ManyJobs"]

_JOBS = 100
"""How many jobs of one request: a handful for dependencies and the endpoint is FastAPI's way."""
_REQUESTS = 3
"""How many such requests: one may be an export that nobody waits for."""
_TIMES = 1
"""How many times longer handing them over has to take than running them."""
_HANDED_NS = 20 * MS
"""How long handing over has to take in one request: less is not worth a change."""
_OPEN = 2_000
"""How many requests with jobs are followed."""


class _Series:
    """The jobs of one request so far."""

    __slots__ = ("ended_ns", "handed_ns", "jobs", "place", "ran_ns", "steps", "task")

    def __init__(self) -> None:
        self.jobs = self.ran_ns = self.handed_ns = 0
        self.place = self.task = self.steps = self.ended_ns = 0
        """Of the last job: its function, its task, the steps that had made, and when it ended."""


class _Many(Case):
    """The requests of one route whose jobs run one function."""

    where: Location | None = None
    function = ""
    jobs = ran_ns = 0
    """Of the request that took longest to hand its jobs over."""


class ManyJobs(Rule[_Many]):
    """One finding for each route and function."""

    info = RuleInfo(
        id="many-jobs",
        title="VERY MANY JOBS",
        summary="a request hands over very many tiny jobs",
        why="Each hand-over to a thread and back costs more than the job: it could be one job.",
        fires_when=(
            f"in {_REQUESTS} requests, {_JOBS} jobs or more for threads or processes, and handing "
            f"them over and back takes longer than running them, and {duration_text(_HANDED_NS)} "
            "or more in a request. So does a `StreamingResponse` with a plain generator, of which "
            "a thread makes one item at a time"
        ),
        counts="requests; how long one took to hand its jobs over",
        false_alarms=(
            "jobs that one request submits at once: only the part in which they are queued counts"
        ),
        tried=(
            "the jobs of `def` dependencies and endpoints",
            "many jobs that are submitted at once",
            "long jobs, one after the other",
        ),
        cures=(
            "yield larger pieces, or make it an `async def` generator if it does not block",
            "do the whole loop in one job: `await asyncio.to_thread(make_all)`",
            "make dependencies that do not block `async def`: each plain `def` is a job",
        ),
        many="{places} more functions are run in very many jobs, in {count} requests",
    )
    make_case = _Many

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._open: dict[int, _Series] = {}
        """By request."""

    def job_ended(self, job: Job) -> None:
        task, number = job.task, self.context.number(job.task)
        if task is None or not number or not job.started_ns:
            return
        series = self._open.get(number)
        if series is None:
            if len(self._open) >= _OPEN:
                self._open.clear()  # their ends were lost
            series = self._open[number] = _Series()
        series.jobs += 1
        series.ran_ns += job.ended_ns - job.started_ns
        series.handed_ns += max(job.started_ns - job.submitted_ns, 0)
        if series.task == task.number and task.steps == series.steps + 1:
            series.handed_ns += max(task.step_ns - series.ended_ns, 0)  # and back to the loop
        series.place, series.task = job.place, task.number
        series.steps, series.ended_ns = task.steps, job.ended_ns

    def request_ended(self, request: Request, at: int) -> None:
        series = self._open.pop(request.number, None)
        if series is None or series.jobs < _JOBS or series.handed_ns < _HANDED_NS or request.lasts:
            return
        if series.handed_ns < _TIMES * series.ran_ns:
            return
        case = self.case((request.route, series.place))
        if series.handed_ns >= case.worst_ns:
            case.jobs, case.ran_ns = series.jobs, series.ran_ns
        case.where = self.context.place(series.place)
        name = self.context.trace.site(series.place).name
        case.function = name.rpartition(".<locals>.")[2] or "a function"
        case.record(series.handed_ns, at, request.route, request.number)
        self.record_impact(case, request, series.handed_ns)

    def gap(self) -> None:
        self._open.clear()

    def check(self, case: _Many) -> Verdict:
        return Verdict.WARN if case.count >= _REQUESTS else Verdict.RECHECK

    def severe(self, _case: _Many) -> bool:
        return False

    def location(self, case: _Many) -> Location | None:
        """The function that the threads run."""
        return case.where

    def sentence(self, case: _Many, _source: str) -> str:
        handed, ran = duration_text(case.worst_ns), duration_text(case.ran_ns)
        return (
            f"{case.label} ran {case.function} in {case.jobs:,} jobs, one after the other: they "
            f"ran for {ran} in total, and were handed over and back for {handed}"
        )
