"""One callback holds the loop, or waits for the GIL."""

from loopviz.clock import MS, SECOND
from loopviz.model.findings.evidence import took
from loopviz.model.findings.rule import Case, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.request import Request
from loopviz.model.state.stalls import Stall

__all__ = ["GilContention", "SlowCallback"]

_ERROR_NS = 40 * MS
"""A stall this long is an error; a shorter one, or a single one, a warning."""
_HANGS_NS = 1 * SECOND
"""One this long is an error even if it is the only one: no user overlooks that."""


class _Line(Case):
    """One culprit line; for the GIL, one function."""

    where: Location | None = None
    returned = False
    blocked_by = ""
    """Who blocks the loop while a stall is open."""


class SlowCallback(Rule[_Line]):
    """`slow-callback`: a callback holds the loop for longer than 20 ms; one finding per line."""

    rule = "slow-callback"
    title = "SLOW CALLBACK"
    many = "{places} more lines held the loop, {count} times in all"
    make_case = _Line
    gil = False

    def stall(self, stall: Stall) -> None:
        if stall.gil is not self.gil:
            return
        line = self._line(stall)
        line.note(stall.end_ns - stall.start_ns, stall.end_ns, stall.label, stall.request)
        line.label = stall.label
        line.returned = line.returned or stall.returned

    def victim(self, stall: Stall, request: "Request", wait_ns: int, *, new: bool) -> None:
        if stall.gil is self.gil:
            self._line(stall).record_impact(request, wait_ns, new=new)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.nothing_open()
        on = self.context.ongoing(now)
        if on.stall is None or on.stall.gil is not self.gil:
            return
        line = self._line(on.stall)
        line.goes_on(now - on.stall.start_ns)
        line.blocked_by = on.stall.label
        line.returned = line.returned or on.stall.returned
        for route, waits in on.unread:
            line.record_open_impact(route, waits, new=True)

    def check(self, case: _Line) -> Verdict:
        return Verdict.WARN if case.count + case.open else Verdict.OK

    def severe(self, case: _Line) -> bool:
        often = case.longest_ns >= _ERROR_NS and case.count + case.open > 1
        return often or case.longest_ns >= _HANGS_NS

    def location(self, case: _Line) -> Location | None:
        return case.where

    def sentence(self, case: _Line, source: str) -> str:
        if case.open_worst_ns > case.worst_ns:
            held = f"{case.blocked_by} has held the loop for {took(case.open_worst_ns)} so far"
        elif case.where is None:
            held = f"A callback took {_ms(case)}"
        else:
            held = f"{case.label} held the loop {_ms(case)}"
        if case.where is None:
            return f"{held}; its line was not seen"
        if case.returned:
            after = f"after {case.where.function} had returned"
            return f"{held} {after}: FastAPI made the response of it"
        return f"{held} in {source}" if source else held

    def _line(self, stall: Stall) -> _Line:
        line = self.case(stall.culprit)
        line.where = line.where or stall.location
        return line


class GilContention(SlowCallback):
    """`gil-contention`: the callback did nothing but wait for the GIL; one per function."""

    rule = "gil-contention"
    title = "WAITING FOR THE GIL"
    many = "{places} more functions kept the GIL from the loop, {count} times in all"
    gil = True

    def sentence(self, case: _Line, source: str) -> str:
        if case.where is None:
            return super().sentence(case, source)
        if case.open_worst_ns > case.worst_ns:
            waited = f"has waited {took(case.open_worst_ns)} so far"
        else:
            waited = f"waited {_ms(case)}"
        return f"The loop {waited} for the GIL while a thread ran {case.where.function}"


def _ms(case: _Line) -> str:
    return f"{case.worst_ns / MS:.0f} ms"
