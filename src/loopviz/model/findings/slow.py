"""One callback holds the loop, or waits for the GIL."""

from typing import TYPE_CHECKING

from loopviz.clock import MS
from loopviz.model.findings.rule import Case, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.stalls import Stall

if TYPE_CHECKING:
    from loopviz.model.requests import Request

__all__ = ["GilContention", "SlowCallback"]

_ERROR_NS = 40 * MS
"""A stall this long is an error; a shorter one, or a single one, a warning."""


class _Line(Case):
    """One culprit line; for the GIL, one function."""

    where: Location | None = None
    returned = False


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
            self._line(stall).suffers(request, wait_ns, new=new)

    def check(self, case: _Line) -> Verdict:
        return Verdict.WARN if case.count else Verdict.OK

    def severe(self, case: _Line) -> bool:
        return case.worst_ns >= _ERROR_NS and case.count > 1

    def location(self, case: _Line) -> Location | None:
        return case.where

    def sentence(self, case: _Line, source: str) -> str:
        lasted = f"{case.worst_ns / MS:.0f} ms"
        if case.where is None:
            return f"A callback took {lasted}; its line was not seen"
        if case.returned:
            after = f"after {case.where.function} had returned"
            return f"{case.label} held the loop {lasted} {after}: FastAPI made the response of it"
        doing = f" in {source}" if source else ""
        return f"{case.label} held the loop {lasted}{doing}"

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
        lasted = f"{case.worst_ns / MS:.0f} ms"
        return f"The loop waited {lasted} for the GIL while a thread ran {case.where.function}"
