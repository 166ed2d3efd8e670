"""`never-awaited`: a coroutine is made and nobody awaits it, so it never runs."""

from ast import unparse

from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task

__all__ = ["NeverAwaited"]


class _Coroutine(Case):
    """The coroutines of one function that one line makes."""

    where: Location | None = None
    """The line that makes it; None: not known."""
    defined: Location | None = None
    name = ""


class NeverAwaited(Rule[_Coroutine]):
    """One finding for each function and line."""

    info = RuleInfo(
        id="never-awaited",
        title="NEVER AWAITED",
        summary="a coroutine is made and never awaited",
        why="Calling an `async def` only makes a coroutine: without `await` nothing of it runs.",
        fires_when=(
            "the interpreter destroys a coroutine that has not begun (its RuntimeWarning). The "
            "line is the one that made it, if it was destroyed there; else the function's own"
        ),
        counts="coroutines",
        false_alarms="a coroutine that is made and dropped on purpose, without `close()`",
        tried=("a coroutine that is closed",),
        cures=(
            "await it: `await f(x)`",
            "to let it run beside: `asyncio.create_task(f(x))`, and keep the task",
        ),
    )
    make_case = _Coroutine

    def never_awaited(self, place: int, site: int, task: Task | None, at: int) -> None:
        case = self.case((place, site))
        known = self.context.trace.site(site)
        case.where, case.defined = self.context.place(place), self.context.where(known)
        case.name = known.name.rpartition(".<locals>.")[2]
        owner = self.context.owner(task) if task is not None else ""
        case.record(0, at, owner, self.context.number(task))

    def check(self, _case: _Coroutine) -> Verdict:
        return Verdict.WARN

    def severe(self, _case: _Coroutine) -> bool:
        return True

    def location(self, case: _Coroutine) -> Location | None:
        return case.where or case.defined

    def advice(self, case: _Coroutine, source: str) -> str:
        call = self.context.code.call(case.where, case.name) if case.where is not None else None
        return f"`await {unparse(call)}`" if call is not None else super().advice(case, source)

    def sentence(self, case: _Coroutine, source: str) -> str:
        who = f"{case.label} makes" if case.label else "Somebody makes"
        text = f"{who} a coroutine of {case.name} that nobody awaits"
        if case.where is not None and source:
            return f"{text} in {source}: it never runs"
        return f"{text}: it never runs; the line that makes it was not seen"
