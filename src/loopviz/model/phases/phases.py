"""The phases of a run, and the comparison of the current one with an earlier one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from loopviz.clock import MS, SECOND
from loopviz.model.phases.confidence import differ
from loopviz.model.phases.headline import (
    NEEDED,
    HeadlineComparison,
    Reading,
    compare_readings,
)
from loopviz.model.phases.measure import Meter, PhaseFigures
from loopviz.model.phases.metric import Metric
from loopviz.model.snapshot.comparison import (
    GRACE_NS,
    REACH_NS,
    Comparison,
    CounterComparison,
    Pair,
    ResourceComparison,
    ResourceFigures,
    RouteComparison,
)
from loopviz.model.snapshot.findings import Finding
from loopviz.model.state.counters import Counters

__all__ = ["Phases"]

SETTLE_NS = 3 * SECOND // 10
"""A fix takes effect within this time. Requests scheduled during it count for neither phase."""
LATE_NS = 12 * SECOND
"""How long after the end of a phase its last requests may still be answered."""
LONG_ENOUGH_NS = 5 * SECOND
"""A phase in which so few requests are answered that they cannot be compared is a state of its own
if it has lasted for so long."""
LATELY_NS = 5 * SECOND
"""The time in which a counter that grows is said to grow."""
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
    found: frozenset[str] = frozenset()
    """The rules that had findings in it; of a phase that has ended."""
    figures: PhaseFigures | None = None
    """Kept once it has ended and its requests are answered, since histories are forgotten."""


class Phases:
    """The current phase, and the one that it is compared with."""

    def __init__(
        self,
        meter: Meter,
        counters: Counters,
        findings: Callable[[int], Iterable[Finding]],
        headline: Metric | None = None,
    ) -> None:
        """`findings` returns those of a moment.

        `headline` is what the scenario is about; by default the p99 of the slowest route.
        """
        self._meter, self._counters, self._headline = meter, counters, headline
        self._findings = findings
        self._now = Phase(fixes=frozenset(), factor=1.0, start_ns=0)
        self._before: Phase | None = None
        self._baseline: Phase | None = None
        self._without: Phase | None = None
        """The last phase under this load in which no fix was on."""
        self._settled = 0
        """See `Comparison.settled_ns`."""
        self._stuck = (0, 0)
        """How many requests from before the change were open, and since when it is so many."""
        self._looked = 0
        """When it was last seen how many are open."""
        self._cleared = 0
        """Until when requests from before the current phase were open. Those sent meanwhile may
        have queued behind them, and count for neither phase."""
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
        self._before = self._baseline = self._without = None
        self._start(self._now.fixes, factor, at)
        self._switched = 0

    def assume(self, fix: str) -> None:
        """The fix was on from the start."""
        self._now.fixes |= {fix}

    def load(self, factor: float, at: int) -> None:
        """The load changes to `factor` times the scenario's own."""
        self._without = None
        self._start(self._now.fixes, factor, at)
        self._switched = 0

    def switch(self, fix: str, at: int, *, on: bool) -> None:
        """A fix was toggled. Toggles within a second count as one change.

        A phase that was too short to be compared is passed over.
        """
        now = self._now
        if not self._switched or at - self._switched > SECOND:
            ended = self._ended(at)
            enough = self._enough(ended)
            if enough and not ended.fixes:
                self._without = ended
            if enough or self._before is None or self._before.factor != now.factor:
                self._before = ended
        fixes = now.fixes | {fix} if on else now.fixes - {fix}
        self._start(fixes, now.factor, at)
        self._switched = at

    def pin(self, at: int) -> None:
        """Makes the current phase the baseline, with which all later ones are compared."""
        self._baseline = self._ended(at)
        self._now = Phase(fixes=self._now.fixes, factor=self._now.factor, start_ns=at)
        self._since = self._cleared = at
        self._switched, self._made = 0, None

    def note(self, at: int) -> None:
        """Time goes on. Call it every second or more often."""
        self._meter.note(at)

    @property
    def since_ns(self) -> int:
        """When the current phase began."""
        return self._since

    def compare(self, now: int) -> Comparison | None:
        """Compares the current phase; None until a fix was toggled or a baseline set."""
        before = self._baseline or self._before
        if before is None or (before is self._before and before.fixes == self._now.fixes):
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
        found = frozenset(
            f.rule for f in self._findings(at) if f.open or f.last_ns >= self._settled
        )
        return Phase(fixes=now.fixes, factor=now.factor, start_ns=start, end_ns=at, found=found)

    def _enough(self, phase: Phase) -> bool:
        """Whether there is enough of the phase to compare others with."""
        if phase.end_ns - phase.start_ns >= LONG_ENOUGH_NS:
            return True
        return self._meter.samples(phase.start_ns, phase.end_ns) >= NEEDED

    def _start(self, fixes: frozenset[str], factor: float, at: int) -> None:
        """Starts the next phase; the first `SETTLE_NS` are not measured."""
        self._since = self._cleared = at
        self._made, self._stuck = None, (0, at)
        self._settled = at + GRACE_NS
        self._meter.note(at, now=True)
        self._now = Phase(fixes=fixes, factor=factor, start_ns=at + SETTLE_NS)

    def _compare(self, before: Phase, now: int) -> Comparison:
        after = self._now
        self._note_stuck(now)
        old = self._figures(before, now)
        cleared = 0 if self._stuck[0] else self._cleared
        new = self._meter.measure(min(max(after.start_ns, cleared, now - REACH_NS), now), now)
        new = replace(new, counters=self._settled_counts(now))
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
            at_limit=Pair(old.at_limit, new.at_limit),
            pinned=before is self._baseline,
            at_ns=now,
            headline=self._headlines(old, new, now) if comparable else None,
            found_before=before.found,
            found_without_fix=(self._without or before).found,
            settled_ns=self._settled,
            stuck=self._stuck[0],
            stuck_ns=now - self._stuck[1],
        )

    def _settled_counts(self, now: int) -> dict[str, tuple[int, float]]:
        """By how much counters have grown since the change, without what was under way then."""
        since = min(max(self._settled, now - REACH_NS), now)
        seconds = max(now - since, 1) / SECOND
        grown = self._counters.grown(since, now)
        return {key: (grew, grew / seconds) for key, grew in grown.items()}

    def _figures(self, phase: Phase, now: int) -> PhaseFigures:
        """The figures of a phase that has ended; for some seconds its last requests come in."""
        if phase.figures is None or now < phase.end_ns + LATE_NS:
            phase.figures = self._meter.measure(phase.start_ns, phase.end_ns)
        return phase.figures

    def _note_stuck(self, now: int) -> None:
        """Requests from before the change are open: what they do counts for neither phase."""
        count, before = self._meter.open_before(self._since), self._stuck[0]
        if count != before:
            self._stuck = count, now
        if (count or before) and now <= self._since + LATE_NS:
            until = now if count else min(now, self._looked + EVERY_NS)
            self._settled, self._cleared = max(self._settled, until), until
        self._looked = now

    def _headlines(
        self, old: PhaseFigures, new: PhaseFigures, now: int
    ) -> HeadlineComparison | None:
        metric = self._headline or _slowest(old)
        if metric is None:
            return None
        without = self._without
        reference = _reading(metric, self._figures(without, now)) if without is not None else None
        titles = {one.key: one.title for one in self._counters.snapshot(now, now)}
        title = titles.get(metric.subject, metric.title)
        was, reading = _reading(metric, old), _reading(metric, new)
        if metric.name == "counter":
            reading = replace(reading, lasted_ns=max(now - self._settled, 0))
        return compare_readings(metric, title, was, reading, reference)

    def _counted(self, old: PhaseFigures, new: PhaseFigures) -> tuple[CounterComparison, ...]:
        compared = []
        levels, now = self._counters.levels(), self._made_ns
        since = min(max(self._settled, now - LATELY_NS), now)
        lately = self._counters.risen(since, now)
        for one in self._counters.snapshot(now, now):
            (grew, per_s), (grows, now_per_s) = old.counters[one.key], new.counters[one.key]
            compared.append(
                CounterComparison(
                    key=one.key,
                    title=one.title,
                    bad=one.bad,
                    grew=Pair(grew, grows),
                    per_s=Pair(per_s, now_per_s),
                    level=one.key in levels,
                    value=Pair(old.values[one.key], new.values[one.key]),
                    lately=lately[one.key],
                    lately_ns=now - since,
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
                answered=Pair(before.answered, after.answered),
                open=after.open,
                oldest_ns=after.oldest_ns,
                errors=Pair(before.errors, after.errors),
                broken=Pair(before.broken, after.broken),
                latencies=Pair(before.buckets, after.buckets),
            )
        )
    return tuple(compared)


def _slowest(figures: PhaseFigures) -> Metric | None:
    """The p99 of the slowest route."""
    routes = figures.routes
    name = max(routes, key=lambda name: routes[name].latency.p99_ns, default=None)
    return None if name is None else Metric("p99_ms", name)


def _reading(metric: Metric, figures: PhaseFigures) -> Reading:
    """The headline in that phase."""
    lasted, name, subject = figures.lasted_ns, metric.name, metric.subject
    if name == "counter":
        grew, per_s = figures.counters.get(subject, (0, 0.0))
        return Reading(value=per_s, count=grew, lasted_ns=lasted)
    if metric.unit == "level":
        in_use, waiting = figures.levels.get(subject, (0.0, 0.0))
        value = in_use if name.startswith("in_use") else waiting
        return Reading(value=value, lasted_ns=lasted)
    if name == "utilization":
        return Reading(value=figures.loop.utilization, lasted_ns=lasted)
    if name == "lag_p99_ms":
        lag = figures.loop.lag
        return Reading(value=lag.p99_ns if lag.count else None, lasted_ns=lasted)
    route = figures.routes.get(subject)
    if route is None or not route.latency.count:
        return Reading(lasted_ns=lasted)
    latency, count = route.latency, route.latency.count
    if name == "errors":
        return Reading(value=route.errors / count, count=count, lasted_ns=lasted)
    quantiles = latency.p50_ns, latency.p90_ns, latency.p99_ns
    return Reading(
        value=getattr(latency, name.replace("_ms", "_ns")),
        count=count,
        lasted_ns=lasted,
        intervals=route.intervals,
        quantiles=quantiles,
    )


def _resources(old: PhaseFigures, new: PhaseFigures) -> tuple[ResourceComparison, ...]:
    none = 0, ResourceFigures()
    compared = []
    for name in dict.fromkeys((*old.resources, *new.resources)):
        (capacity, before), (size, after) = (
            old.resources.get(name, none),
            new.resources.get(name, none),
        )
        if before.used or after.used:
            compared.append(
                ResourceComparison(name=name, capacity=size or capacity, of=Pair(before, after))
            )
    compared.sort(key=lambda one: (-one.of.before.waiting, -one.of.after.waiting, one.name))
    return tuple(compared)
