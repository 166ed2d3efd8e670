"""`slow-callback`: one callback blocks the loop."""

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.request import Request
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text

__all__ = ["ERROR_NS", "SlowCallback", "StallCase", "milliseconds"]

ERROR_NS = 40 * MS
"""From here on repeated stalls are an error; shorter or single ones are a warning."""
_HANGS_NS = 1 * SECOND
"""From here on a single stall is an error: every user notices."""
_NOTABLE_PARTS = 4
"""A wait is told if it is more than a quarter of the stall."""


class StallCase(Case):
    """One culprit line; for the GIL, one function."""

    where: Location | None = None
    returned = False
    """The line is that of an endpoint that had returned: FastAPI serialised its response."""
    blocked_by = ""
    """Who blocks the loop while a stall is open."""
    own_ns = 0
    """The longest, without its thread's waits for a core and for the GIL."""
    queued_ns = gil_ns = 0
    """About how long its thread waited for a core, and for the GIL, within the worst."""


class SlowCallback(Rule[StallCase]):
    """One finding for each line."""

    info = RuleInfo(
        id="slow-callback",
        title="SLOW CALLBACK",
        summary=f"a callback blocks the loop for {duration_text(SLOW_NS)} or more",
        why="While one callback runs, nothing else can: all other requests wait until it returns.",
        fires_when=(
            f"a callback runs for {duration_text(SLOW_NS)} or more, or has run that long and still "
            "runs. One finding for each line"
        ),
        counts="callbacks",
        false_alarms='a line that was not sampled in time is "not seen"; see also `gc-pause`',
        cures=(
            "call an async library instead of a blocking one",
            "move blocking I/O to a thread: `await asyncio.to_thread(f, x)`",
            "move CPU work to a process pool, or split it with `await asyncio.sleep(0)`",
        ),
        many="{places} more lines blocked the loop, {count} times in total",
        at_line="blocked the loop",
    )
    make_case = StallCase
    cause: Cause = "callback"

    def stall(self, stall: Stall) -> None:
        if stall.cause != self.cause:
            return
        case = self._case(stall)
        lasted = self.lasted(stall, stall.end_ns)
        case.record(lasted, stall.end_ns, stall.label, stall.request)
        case.own_ns = max(case.own_ns, self.own(stall, stall.end_ns))
        if lasted == case.worst_ns:
            case.queued_ns, case.gil_ns = stall.queued_ns, stall.gil_ns
        case.label = stall.label
        case.returned = case.returned or stall.returned

    def victim(self, stall: Stall, request: Request, wait_ns: int, *, new: bool) -> None:
        if stall.cause == self.cause:
            self._case(stall).record_impact(request, wait_ns, new=new)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
        on = self.context.ongoing(now)
        if on.stall is None or on.stall.cause != self.cause:
            return
        case = self._case(on.stall)
        case.record_open(self.lasted(on.stall, now))
        case.own_ns = max(case.own_ns, self.own(on.stall, now))
        case.blocked_by = on.stall.label
        case.returned = case.returned or on.stall.returned
        for route, waits in on.unread:
            case.record_open_impact(route, waits, new=True)

    def lasted(self, stall: Stall, until_ns: int) -> int:
        """How long the cause blocked the loop."""
        return until_ns - stall.start_ns

    def own(self, stall: Stall, until_ns: int) -> int:
        """What counts for how severe it is: without what its thread waited for meanwhile."""
        return self.lasted(stall, until_ns) - stall.queued_ns - stall.gil_ns

    def check(self, case: StallCase) -> Verdict:
        return Verdict.WARN if case.count + case.open else Verdict.OK

    def severe(self, case: StallCase) -> bool:
        often = case.own_ns >= ERROR_NS and case.count + case.open > 1
        return often or case.own_ns >= _HANGS_NS

    def location(self, case: StallCase) -> Location | None:
        return case.where

    def sentence(self, case: StallCase, source: str) -> str:
        if case.open_worst_ns > case.worst_ns:
            lasted = duration_text(case.open_worst_ns)
            text = f"{case.blocked_by} has blocked the loop for {lasted} so far"
        elif case.where is None:
            text = f"A callback took {milliseconds(case)}"
        else:
            text = f"{case.label} blocked the loop {milliseconds(case)}"
        if case.where is None:
            return f"{text}; its line was not seen"
        if case.returned:
            return f"{text} while FastAPI serialised the response of {case.where.function}"
        text = f"{text} in {source}" if source else text
        return text + _waited(case) if case.open_worst_ns <= case.worst_ns else text

    def _case(self, stall: Stall) -> StallCase:
        case = self.case(stall.culprit)
        case.where = case.where or stall.location
        return case


def milliseconds(case: StallCase) -> str:
    """The longest stall that has ended: `50 ms`, however long."""
    return f"{case.worst_ns / MS:.0f} ms"


def _waited(case: StallCase) -> str:
    """What its thread waited for within the worst, if that is a notable part of it."""
    waits = (case.queued_ns, "a core"), (case.gil_ns, "the GIL")
    told = [
        f"{duration_text(ns)} for {what}"
        for ns, what in waits
        if ns * _NOTABLE_PARTS > case.worst_ns
    ]
    return f"; of that its thread waited about {' and '.join(told)}" if told else ""
