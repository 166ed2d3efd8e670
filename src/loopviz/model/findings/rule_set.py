"""All rules of one run, as the observer of its model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule
from loopviz.model.findings.rules import RULES
from loopviz.model.findings.suggestions import Suggest
from loopviz.model.names import Naming, Site
from loopviz.model.snapshot import Finding, Location
from loopviz.model.state.entities import Task
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.observer import Observer
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace
from loopviz.wire.awaiting import Awaiting

__all__ = ["RuleSet"]

_HOOKS = [name for name in vars(Observer) if not name.startswith("_")]


class RuleSet(Observer):
    """Hands each event to the rules that observe it, and collects what they find."""

    def __init__(self, naming: Naming, loop: LoopTimes, load: Routes | None = None) -> None:
        self._context = Context(naming, loop, load)
        self.rules: list[Rule[Any]] = []
        self._parts: list[NDArray[np.void]] = []
        """The events of the current second."""
        self._next = 0
        """The end of the current second; 0: no event has come."""

    def attach(self, trace: Trace) -> None:
        """Observes the trace from now on. Call it before the first event."""
        self._context.trace = trace
        self.begin()

    def app_routes(self, routes: Sequence[str]) -> None:
        """Takes the routes that the app has."""
        self._context.routes = tuple(routes)

    def begin(self) -> None:
        """Starts all rules anew."""
        self.rules = [rule(self._context) for rule in RULES]
        for hook in _HOOKS:
            listeners = [
                getattr(rule, hook)
                for rule in self.rules
                if getattr(type(rule), hook) is not getattr(Observer, hook)
            ]
            setattr(self, hook, listeners[0] if len(listeners) == 1 else _each(listeners))

    @property
    def wanted(self) -> int:
        """The task whose await stack is needed, as of the last findings; 0: none."""
        return self._context.wanted

    @property
    def wanted_awaits(self) -> tuple[int, ...]:
        """The tasks of which has to be known which tasks they await."""
        return self._context.wanted_awaits

    @property
    def lacks(self) -> bool:
        """Whether something is needed that was not answered yet, as of the last findings."""
        context = self._context
        tasks = {*context.wanted_awaits, *context.standing}
        return bool(context.wanted) or not tasks <= context.awaits.keys()

    @property
    def awaits(self) -> tuple[Iterable[Awaiting], int]:
        """What tasks awaited when the probe last read it, and when that was; 0: never."""
        return self._context.awaits.values(), self._context.awaits_at_ns

    def add_awaits(self, awaits: Iterable[Awaiting], at_ns: int) -> None:
        """Takes what tasks awaited then, as read by the probe; replaces what was read before."""
        self._context.awaits = {awaiting.task: awaiting for awaiting in awaits}
        self._context.awaits_at_ns = at_ns

    def awaits_at(self, task: Task) -> Site | None:
        """Where a task awaits what it does, if that was read since its last step."""
        return self._context.awaits_site(task)

    def add_stack(self, task: int, stack: tuple[Location, ...]) -> None:
        """Takes the await stack of a wanted task, outermost frame first."""
        self._context.stacks[task] = stack
        if self._context.wanted == task:
            self._context.wanted = 0

    def by_second(self, records: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
        """Splits a batch at the ends of seconds, and lets the rules check after each.

        So what they find does not depend on how the events were cut into batches.
        """
        while len(records):
            at = records["at"]
            if not self._next:
                self._next = int(at[0]) + SECOND
            end = len(at) if at[-1] < self._next else int(np.searchsorted(at, self._next))
            if end:
                self._parts.append(records[:end])
                yield records[:end]
            if end == len(at) and at[-1] < self._next:
                return
            self.end_second()
            late = int(at[min(end, len(at) - 1)]) - self._next
            self._next += (max(late, 0) // SECOND + 1) * SECOND
            records = records[end:]

    def end_second(self) -> None:
        """The second has ended, or the run."""
        for rule in self.rules:
            rule.second_ended(self._next, self._parts)
        self._parts = []

    def findings(self, suggest: Suggest, now: int) -> list[Finding]:
        """The findings of all rules up to `now`; each rule's worst first."""
        self._context.begin_findings()
        for rule in self.rules:
            rule.judge(now)
        return [found for rule in self.rules for found in rule.findings(suggest, now)]


def _each(listeners: list[Callable[..., None]]) -> Callable[..., None]:
    """A function that calls all listeners."""

    def call(*args: object, **options: object) -> None:
        for listener in listeners:
            listener(*args, **options)

    return call
