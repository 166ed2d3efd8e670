"""Before and after: what runs now, beside what ran before, or beside a baseline."""

from dataclasses import dataclass

from loopviz.clock import MS, SECOND
from loopviz.model.phases.confidence import differ
from loopviz.model.phases.measure import Meter, PhaseFigures
from loopviz.model.phases.types import (
    REACH_NS,
    Comparison,
    CounterComparison,
    Pair,
    ResourceComparison,
    ResourceFigures,
    RouteComparison,
)
from loopviz.model.state.counters import Counters

__all__ = ["NEEDED", "Phases"]

NEEDED = 30
"""Samples that each phase needs before the two are compared."""
SETTLE_NS = 3 * SECOND // 10
"""A fix takes effect within this time. Requests scheduled during it count for neither phase."""
LATE_NS = 12 * SECOND
"""How long after the end of a phase its last requests may still be answered."""
EVERY_NS = 400 * MS
"""How often the figures are measured again."""


@dataclass(slots=True, kw_only=True)
class Phase:
    """A stretch of the run with the same fixes and load."""

    fixes: frozenset[str]
    factor: float
    start_ns: int
    end_ns: int = 0
    """0 while it lasts."""
    figures: PhaseFigures | None = None
    """Kept once it has ended and its requests are answered, since histories are forgotten."""


class Phases:
    """When which fixes were on, under how much load, and what is compared with what."""

    def __init__(self, meter: Meter, counters: Counters) -> None:
        self._meter, self._counters = meter, counters
        self._now = Phase(fixes=frozenset(), factor=1.0, start_ns=0)
        self._before: Phase | None = None
        self._baseline: Phase | None = None
        self._since = self._switched = 0
        """When what runs now began; when a fix was toggled last, 0: the load has changed since."""
        self._made: Comparison | None = None
        self._made_ns = 0

    @property
    def fixes(self) -> frozenset[str]:
        """Those that are on."""
        return self._now.fixes

    @property
    def measured_before(self) -> tuple[int, int] | None:
        """Start and end of the phase that the current one is compared with; None without one."""
        before = self._baseline or self._before
        return None if before is None else (before.start_ns, before.end_ns)

    def begin(self, at: int, factor: float = 1.0) -> None:
        """The run's load begins: what was earlier is not to be compared."""
        self._meter.begin()
        self._before = self._baseline = None
        self._go_on(self._now.fixes, factor, at)
        self._switched = 0

    def assume(self, fix: str) -> None:
        """The fix was on from the start."""
        self._now.fixes |= {fix}

    def load(self, factor: float, at: int) -> None:
        """The load changes, to so much of the scenario's own."""
        self._go_on(self._now.fixes, factor, at)
        self._switched = 0

    def switch(self, fix: str, at: int, *, on: bool) -> None:
        """A fix was toggled. Toggles in one breath (within a second) count as one change."""
        now = self._now
        if not self._switched or at - self._switched > SECOND:
            self._before = self._ended(at)
        fixes = now.fixes | {fix} if on else now.fixes - {fix}
        self._go_on(fixes, now.factor, at)
        self._switched = at

    def pin(self, at: int) -> None:
        """What runs now is the baseline, with which everything is compared from now on."""
        self._baseline = self._ended(at)
        self._since, self._now = (
            at,
            Phase(fixes=self._now.fixes, factor=self._now.factor, start_ns=at),
        )
        self._switched, self._made = 0, None

    def note(self, at: int) -> None:
        """Time goes on; to be called every second or more often."""
        self._meter.note(at)

    def compare(self, now: int) -> Comparison | None:
        """None until a fix was toggled, or a baseline was set."""
        before = self._baseline or self._before
        if before is None:
            return None
        if self._made is None or now - self._made_ns >= EVERY_NS:
            self._made_ns = now
            self._made = self._compare(before, now)
        return self._made

    def _ended(self, at: int) -> Phase:
        """The current phase, ended at this moment."""
        now = self._now
        start = min(max(now.start_ns, at - REACH_NS), at)
        self._meter.note(at, now=True)
        return Phase(fixes=now.fixes, factor=now.factor, start_ns=start, end_ns=at)

    def _go_on(self, fixes: frozenset[str], factor: float, at: int) -> None:
        """From here on it is so; what settles meanwhile is not measured."""
        self._since, self._made = at, None
        self._meter.note(at, now=True)
        self._now = Phase(fixes=fixes, factor=factor, start_ns=at + SETTLE_NS)

    def _compare(self, before: Phase, now: int) -> Comparison:
        then = before.figures
        if then is None or now < before.end_ns + LATE_NS:
            then = before.figures = self._meter.measure(before.start_ns, before.end_ns)
        start = min(max(self._now.start_ns, now - REACH_NS), now)
        today = self._meter.measure(start, now)
        comparable = before.factor == self._now.factor
        return Comparison(
            before_fixes=tuple(sorted(before.fixes)),
            after_fixes=tuple(sorted(self._now.fixes)),
            since_ns=self._since,
            needed=NEEDED,
            routes=_routes(then, today) if comparable else (),
            loop=Pair(then.loop, today.loop),
            resources=_resources(then, today) if comparable else (),
            counters=self._counted(then, today) if comparable else (),
            lasted_ns=Pair(then.lasted_ns, today.lasted_ns),
            load=Pair(before.factor, self._now.factor),
            pinned=before is self._baseline,
        )

    def _counted(self, then: PhaseFigures, today: PhaseFigures) -> tuple[CounterComparison, ...]:
        compared = []
        for one in self._counters.snapshot(0):
            (was, was_per_s), (grew, per_s) = then.counters[one.key], today.counters[one.key]
            compared.append(
                CounterComparison(
                    key=one.key,
                    title=one.title,
                    bad=one.bad,
                    grew=Pair(was, grew),
                    per_s=Pair(was_per_s, per_s),
                )
            )
        return tuple(compared)


def _routes(then: PhaseFigures, today: PhaseFigures) -> tuple[RouteComparison, ...]:
    compared = []
    for route, after in today.routes.items():
        before = then.routes[route]
        p50, p90, p99 = map(differ, before.intervals, after.intervals)
        compared.append(
            RouteComparison(
                route=route,
                before=before.latency,
                after=after.latency,
                enough=min(before.latency.count, after.latency.count) >= NEEDED,
                significant=(p50, p90, p99),
                rps=Pair(before.rps, after.rps),
                errors=Pair(before.errors, after.errors),
                latencies=Pair(before.buckets, after.buckets),
            )
        )
    return tuple(compared)


def _resources(then: PhaseFigures, today: PhaseFigures) -> tuple[ResourceComparison, ...]:
    none = 0, ResourceFigures()
    compared = []
    for name in dict.fromkeys((*then.resources, *today.resources)):
        (capacity, before), (size, after) = (
            then.resources.get(name, none),
            today.resources.get(name, none),
        )
        if before != ResourceFigures() or after != ResourceFigures():
            compared.append(
                ResourceComparison(name=name, capacity=size or capacity, of=Pair(before, after))
            )
    compared.sort(key=lambda one: (-one.of.before.waiting, -one.of.after.waiting, one.name))
    return tuple(compared)
