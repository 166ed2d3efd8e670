"""Findings: each rule watches the model for one kind of problem.

`Rules` hands each event to those whom it concerns, and asks them all what they have found.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.findings.rules.cancelled_mid_write import CancelledMidWrite
from loopviz.model.findings.rules.lock_convoy import LockConvoy, LockHeldAcrossIo
from loopviz.model.findings.rules.pool_exhausted import PoolExhausted, ThreadLimiterExhausted
from loopviz.model.findings.rules.ready_delay_high import ReadyDelayHigh
from loopviz.model.findings.rules.request_hangs import RequestHangs
from loopviz.model.findings.rules.requests_fail import RequestsFail
from loopviz.model.findings.rules.retry_storm import RetryStorm
from loopviz.model.findings.rules.sequential_awaits import ClientPerRequest, SequentialAwaits
from loopviz.model.findings.rules.slow_callback import GilContention, SlowCallback
from loopviz.model.findings.rules.task_never_retrieved import (
    TaskLost,
    TaskNeverRetrieved,
    TaskOutlivedParent,
)
from loopviz.model.findings.rules.unbounded_growth import UnboundedGrowth
from loopviz.model.findings.suggestions import Suggest
from loopviz.model.names import Naming
from loopviz.model.snapshot import Finding, Location
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.observer import Observer
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace

__all__ = ["RULES", "Case", "Context", "Rule", "Rules", "Verdict"]

RULES: tuple[type[Rule[Any]], ...] = (
    SlowCallback,
    GilContention,
    RequestHangs,
    ReadyDelayHigh,
    PoolExhausted,
    ThreadLimiterExhausted,
    LockConvoy,
    LockHeldAcrossIo,
    TaskNeverRetrieved,
    TaskOutlivedParent,
    TaskLost,
    UnboundedGrowth,
    ClientPerRequest,
    SequentialAwaits,
    CancelledMidWrite,
    RetryStorm,
    RequestsFail,
)
"""All rules; docs/report.md explains each in a sentence."""

_HOOKS = [name for name in vars(Observer) if not name.startswith("_")]


class Rules(Observer):
    """The rules of one run. It is the model's observer: each event goes to those who listen."""

    def __init__(self, naming: Naming, loop: LoopTimes, load: Routes | None = None) -> None:
        self._context = Context(naming, loop, load)
        self.rules: list[Rule[Any]] = []
        self._parts: list[NDArray[np.void]] = []
        """What came in this second."""
        self._next = 0
        """When it is over."""

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

    def stands(self, task: int, stack: tuple[Location, ...]) -> None:
        """That is where it was, outermost frame first."""
        self._context.stacks[task] = stack

    def by_second(self, records: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
        """A batch in pieces that lie within one second each; each rule checks after each second.

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
        """The second is over, or the run."""
        for rule in self.rules:
            rule.second_ended(self._next, self._parts)
        self._parts = []

    def findings(self, suggest: Suggest, now: int) -> list[Finding]:
        """What all rules have found up to `now`; each rule's worst first."""
        return [found for rule in self.rules for found in rule.findings(suggest, now)]


def _each(listeners: "list[Callable[..., None]]") -> Callable[..., None]:
    """A function that calls all listeners."""

    def call(*args: object, **options: object) -> None:
        for listener in listeners:
            listener(*args, **options)

    return call
