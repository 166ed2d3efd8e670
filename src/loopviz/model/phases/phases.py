"""The phases of a run, and the comparison of the current one with an earlier one."""

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
    """The current phase, and the one that it is compared with."""

    def __init__(self, meter: Meter, counters: Counters) -> None:
        self._meter, self._counters = meter, counters
        self._now = Phase(fixes=frozenset(), factor=1.0, start_ns=0)
        self._before: Phase | None = None
        self._baseline: Phase | None = None
        self._since = self._switched = 0
        """When the current phase began, and when a fix was last toggled (0: not since the load
        changed)."""
        self._made: Comparison | None = None
        self._made_ns = 0

    @property
    def fixes(self) -> frozenset[str]:
        """The fixes that are on."""
        return self._now.fixes

    @property
    def measured_before(self) -> tuple[int, int] | None:
        """Start and end of the phase that the current one is compared with; None without one."""
        before = self._baseline or self._before
        return None if before is None else (before.start_ns, before.end_ns)

    def begin(self, at: int, factor: float = 1.0) -> None:
        """The load begins: what ran earlier is not compared."""
        self._meter.begin()
        self._before = self._baseline = None
        self._start(self._now.fixes, factor, at)
        self._switched = 0

    def assume(self, fix: str) -> None:
        """The fix was on from the start."""
        self._now.fixes |= {fix}

    def load(self, factor: float, at: int) -> None:
        """The load changes to `factor` times the scenario's own."""
        self._start(self._now.fixes, factor, at)
        self._switched = 0

    def switch(self, fix: str, at: int, *, on: bool) -> None:
        """A fix was toggled. Toggles within a second count as one change."""
        now = self._now
        if not self._switched or at - self._switched > SECOND:
            self._before = self._ended(at)
        fixes = now.fixes | {fix} if on else now.fixes - {fix}
        self._start(fixes, now.factor, at)
        self._switched = at

    def pin(self, at: int) -> None:
        """Makes the current phase the baseline, with which all later ones are compared."""
        self._baseline = self._ended(at)
        self._now = Phase(fixes=self._now.fixes, factor=self._now.factor, start_ns=at)
        self._since, self._switched, self._made = at, 0, None

    def note(self, at: int) -> None:
        """Time goes on. Call it every second or more often."""
        self._meter.note(at)

    def compare(self, now: int) -> Comparison | None:
        """Compares the current phase; None until a fix was toggled or a baseline set."""
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

    def _start(self, fixes: frozenset[str], factor: float, at: int) -> None:
        """Starts the next phase; the first `SETTLE_NS` are not measured."""
        self._since, self._made = at, None
        self._meter.note(at, now=True)
        self._now = Phase(fixes=fixes, factor=factor, start_ns=at + SETTLE_NS)

    def _compare(self, before: Phase, now: int) -> Comparison:
        after = self._now
        old = before.figures
        if old is None or now < before.end_ns + LATE_NS:
            old = before.figures = self._meter.measure(before.start_ns, before.end_ns)
        new = self._meter.measure(min(max(after.start_ns, now - REACH_NS), now), now)
        comparable = before.factor == after.factor
        return Comparison(
            before_fixes=tuple(sorted(before.fixes)),
            after_fixes=tuple(sorted(after.fixes)),
            since_ns=self._since,
            needed=NEEDED,
            routes=_routes(old, new) if comparable else (),
            loop=Pair(old.loop, new.loop),
            resources=_resources(old, new) if comparable else (),
            counters=self._counted(old, new) if comparable else (),
            lasted_ns=Pair(old.lasted_ns, new.lasted_ns),
            load=Pair(before.factor, after.factor),
            pinned=before is self._baseline,
        )

    def _counted(self, old: PhaseFigures, new: PhaseFigures) -> tuple[CounterComparison, ...]:
        compared = []
        for one in self._counters.snapshot(0):
            (grew, per_s), (grows, now_per_s) = old.counters[one.key], new.counters[one.key]
            compared.append(
                CounterComparison(
                    key=one.key,
                    title=one.title,
                    bad=one.bad,
                    grew=Pair(grew, grows),
                    per_s=Pair(per_s, now_per_s),
                )
            )
        return tuple(compared)


def _routes(old: PhaseFigures, new: PhaseFigures) -> tuple[RouteComparison, ...]:
    compared = []
    for route, after in new.routes.items():
        before = old.routes[route]
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


def _resources(old: PhaseFigures, new: PhaseFigures) -> tuple[ResourceComparison, ...]:
    none = 0, ResourceFigures()
    compared = []
    for name in dict.fromkeys((*old.resources, *new.resources)):
        (capacity, before), (size, after) = (
            old.resources.get(name, none),
            new.resources.get(name, none),
        )
        if before != ResourceFigures() or after != ResourceFigures():
            compared.append(
                ResourceComparison(name=name, capacity=size or capacity, of=Pair(before, after))
            )
    compared.sort(key=lambda one: (-one.of.before.waiting, -one.of.after.waiting, one.name))
    return tuple(compared)
