"""`slow-callback`: one callback blocks the loop."""

from collections import Counter
from collections.abc import Iterable

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state import thread_waits
from loopviz.model.state.request import Request
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text
from loopviz.wire.endpoint_work import BODY, RESPONSE, EndpointWork

__all__ = ["ERROR_NS", "SlowCallback", "StallCase", "milliseconds"]

ERROR_NS = 40 * MS
"""From here on repeated stalls are an error; shorter or single ones are a warning."""
_HANGS_NS = 1 * SECOND
"""From here on a single stall is an error: every user notices."""
_LONG_NS = 25 * MS
"""A look that is as late as this had to wait for C code, unless the machine was busy."""
_LINES = 100
"""How many lines of a package are told apart."""
_NOTABLE_PARTS = 4
"""A wait is told if it is more than a quarter of the stall."""

_LOGGING = "/logging/__init__.py"
_ADVICE = {
    BODY: "take a large body in parts (`request.stream()`), or parse and validate it in a process",
    RESPONSE: "return less, or a `Response` of what a thread has serialised",
}
"""What to do about FastAPI's own work for an endpoint, by its kind."""


class StallCase(Case):
    """One culprit line; for the GIL, one function."""

    culprit = "", 0
    """See `Stall.culprit`."""
    where: Location | None = None
    """The line; in a package, the one that took more of the time than any other."""
    package = ""
    """See `Stall.package`."""
    work: EndpointWork | None = None
    """What FastAPI did, if the line is that of an endpoint that did not run itself; the largest."""
    imported = "a module"
    """The module that was imported last, of an import."""
    stack: tuple[Location, ...] = ()
    called = ""
    """The frames from that line on, innermost first, and what it called."""
    logs = False
    """Whether it was in a call of `logging`."""
    blocked_by = ""
    """Who blocks the loop while a stall is open."""
    sure = False
    """Whether it was certainly that line: see `_is_sure`."""
    own_ns = 0
    """The longest, without its thread's waits for a core and for the GIL."""
    queued_ns = gil_ns = 0
    """About how long its thread waited for a core, and for the GIL, within the worst."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._spent: Counter[Location] = Counter()
        """How long the stalls lasted that were at each line of the package."""

    def spend(self, where: Location, ns: int) -> None:
        """A stall was at that line of the package."""
        if where in self._spent or len(self._spent) < _LINES:
            self._spent[where] += ns
            self.where = self._spent.most_common(1)[0][0]

    @property
    def at(self) -> str:
        """How the line of the package stands to the others of its case."""
        if self.where is not None and 2 * self._spent[self.where] < self.total_ns:
            return "at several lines, longest"
        return "most"


class SlowCallback(Rule[StallCase]):
    """One finding for each line."""

    info = RuleInfo(
        id="slow-callback",
        lesson="block",
        title="SLOW CALLBACK",
        summary=f"a callback blocks the loop for {duration_text(SLOW_NS)} or more",
        why="While one callback runs, nothing else can: everything else waits until it returns.",
        fires_when=(
            f"a callback runs for {duration_text(SLOW_NS)} or more, or has run that long and still "
            "runs. One finding for each line, or, if none of your lines runs, for each package and "
            "route"
        ),
        counts="callbacks",
        false_alarms='a line that was not sampled in time is "not seen"; see also `gc-pause`',
        tried=(
            "very many callbacks of 1 ms in a row",
            "a callback of 19.9 ms",
            "a loop that sleeps in `select` for 10 s",
            "a callback that would be quick without a garbage collection in it",
        ),
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
        case.sure = case.sure or case.count > 1 or _is_sure(stall)
        if lasted == case.worst_ns:
            case.queued_ns, case.gil_ns = stall.queued_ns, stall.gil_ns
        case.label = stall.label
        if stall.package and stall.location is not None:
            case.spend(stall.location, lasted)

    def victim(self, stall: Stall, request: Request, wait_ns: int, *, new: bool) -> None:
        if stall.cause == self.cause:
            self._case(stall).record_impact(request, wait_ns, new=new)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
        on = self.context.ongoing(now)
        if on.stall is None or on.stall.cause != self.cause or self._may_be_machines(on.stall, now):
            return
        case = self._case(on.stall)
        case.record_open(self.lasted(on.stall, now))
        case.own_ns = max(case.own_ns, self.own(on.stall, now))
        case.blocked_by = on.stall.label
        for route, waits in on.unread:
            case.record_open_impact(route, waits, new=True)

    def lasted(self, stall: Stall, until_ns: int) -> int:
        """How long the cause blocked the loop."""
        return until_ns - stall.start_ns

    def about(self, case: StallCase) -> Iterable[Subject]:
        """What its line does, which a rule may know more of."""
        return (case.culprit,) if self.cause == "callback" else ()

    def explains(self, case: StallCase) -> Iterable[Subject]:
        """Whatever waited while it blocked the loop."""
        return (case.culprit,)

    def own(self, stall: Stall, until_ns: int) -> int:
        """What counts for how severe it is: without what its thread waited for meanwhile."""
        return self.lasted(stall, until_ns) - stall.queued_ns - stall.gil_ns

    def check(self, case: StallCase) -> Verdict:
        return Verdict.WARN if case.count + case.open else Verdict.OK

    def severe(self, case: StallCase) -> bool:
        """A line that was not seen may have had a cause that was not seen either."""
        seen = case.where is not None
        often = seen and case.own_ns >= ERROR_NS and case.count + case.open > 1
        return often or case.own_ns >= _HANGS_NS

    def location(self, case: StallCase) -> Location | None:
        return case.where

    def work(self, case: StallCase) -> EndpointWork | None:
        return case.work

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
        sure = case.sure or not case.count
        where = f" in {source}" if source else ""
        if case.work is not None:
            where = f" {case.work.text(case.where.function)}"
        elif case.package:
            text += f" in code of {case.package}"
            where = (where and sure and f", {case.at}{where}") or where
        if sure:
            text += where
        waited = _waited(case) if case.open_worst_ns <= case.worst_ns else ""
        return text + waited + (f"; it was seen once,{where}" if where and not sure else "")

    def consequence(self, case: StallCase) -> str:
        who = case.label or case.blocked_by or "a callback"
        return f"{who} blocked the loop {case.longest_ns / MS:.0f} ms"

    def answerable(self, case: StallCase) -> bool:
        """Not for a line of a library: no branch of the scenario is there."""
        return self.cause != "callback" or self.context.is_users(case.where)

    def lesson(self, case: StallCase) -> str:
        if case.work is not None:
            return "json" if case.work.kind == RESPONSE else ""
        return super().lesson(case)

    def advice(self, case: StallCase, source: str) -> str:
        if self.cause != "callback":
            return super().advice(case, source)
        if case.where is None or not self.context.is_users(case.where):
            return ""
        if case.work is not None:
            return _ADVICE.get(case.work.kind, "")
        if lock := self.context.code.keeps_lock(case.where):
            return f"an `asyncio.Lock` and `async with`: `{lock}` is held while the block awaits"
        if case.logs:
            return "log through a `QueueHandler`: a `QueueListener` runs slow handlers in a thread"
        found = self.context.code.unblocked(case.stack, case.called)
        if found is None:
            return super().advice(case, source)
        code, where, more = found
        at = "" if where == case.where else f" at {where.file}:{where.line}"
        return f"`{code}`{at}{more}"

    def _may_be_machines(self, stall: Stall, now: int) -> bool:
        """Whether its thread may wait for a core: that is known only once it has got one."""
        unseen = self.cause == "callback" and stall.location is None
        measured = self.context.trace.core_waits.measured
        return unseen and measured and now - stall.start_ns < thread_waits.LATE_NS

    def _case(self, stall: Stall) -> StallCase:
        case = self.case(stall.culprit)
        case.culprit = stall.culprit
        case.where = case.where or stall.location
        case.package = stall.package
        if not case.stack and case.where in stall.stack:
            case.stack = stall.stack[stall.stack.index(case.where) :]
            case.called = stall.call.function if stall.call is not None else ""
            case.logs = any(frame.path.endswith(_LOGGING) for frame in stall.stack)
        if stall.work is not None:
            case.work = max(case.work or stall.work, stall.work)
        case.imported = stall.imported or case.imported
        return case


def _is_sure(stall: Stall) -> bool:
    """Whether the stall was certainly at its line.

    One look proves that only of a thread that slept there, or of C code that had the GIL until
    then. Any other line may have been met by chance.
    """
    in_c = stall.seen_ns >= _LONG_NS and 4 * stall.queued_ns < stall.end_ns - stall.start_ns
    return stall.seen != 1 or stall.slept or in_c


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
