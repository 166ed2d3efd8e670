"""The part of a snapshot that compares two phases.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from loopviz.clock import SECOND
from loopviz.model.phases.headline import HeadlineComparison
from loopviz.model.snapshot.types import Buckets, Quantiles

__all__ = [
    "GRACE_NS",
    "REACH_NS",
    "SHOWN_NS",
    "Comparison",
    "CounterComparison",
    "LoopFigures",
    "Pair",
    "ResourceComparison",
    "ResourceFigures",
    "RouteComparison",
]

T = TypeVar("T")

GRACE_NS = SECOND
"""What is counted so soon after a change may have begun before it."""
SHOWN_NS = 2 * SECOND
"""So much has to be counted before it says that a counter stands still."""
REACH_NS = 30 * SECOND
"""How much of a phase is measured: its last 30 s."""


class Pair(NamedTuple, Generic[T]):
    """One figure in both phases."""

    before: T
    after: T


_NONE: Pair[int] = Pair(0, 0)
_NO_RATES: Pair[float] = Pair(0.0, 0.0)
_AS_IT_IS: Pair[float] = Pair(1.0, 1.0)
_WITHIN: Pair[bool] = Pair(before=False, after=False)
_NOTHING: Pair[Buckets] = Pair((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteComparison:
    """One route in both phases. Latency counts from the scheduled time."""

    route: str
    before: Quantiles
    after: Quantiles
    enough: bool
    """Whether both phases have `Comparison.needed` samples; without them, do not compare."""
    significant: tuple[bool, bool, bool] = (False, False, False)
    """Whether p50, p90 and p99 differ significantly: their 95 % intervals do not overlap."""
    rps: Pair[float] = _NO_RATES
    """Responses a second, whenever their requests were due."""
    answered: Pair[int] = _NONE
    """How many responses that were."""
    open: int = 0
    """Requests of the current phase that the load has sent and that have no response."""
    oldest_ns: int = 0
    """How long the oldest of these has waited."""
    errors: Pair[int] = _NONE
    """How many of the samples failed."""
    broken: Pair[int] = _NONE
    """How many of these were no refusals (429, 503)."""
    latencies: Pair[Buckets] = _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopFigures:
    """The loop in one phase."""

    utilization: float = 0.0
    lag: Quantiles = field(default_factory=Quantiles)
    ready_delay: Quantiles = field(default_factory=Quantiles)
    stalls: int = 0
    stalled_ns: int = 0
    """The stalls added up."""
    victims: int = 0
    """Requests that waited for a stall; one that waited for two counts twice."""


_NO_LOOPS: Pair[LoopFigures] = Pair(LoopFigures(), LoopFigures())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFigures:
    """A resource in one phase."""

    in_use: float = 0.0
    """The mean over time."""
    in_use_max: int = 0
    waiting: float = 0.0
    waiting_max: int = 0
    waited: Quantiles = field(default_factory=Quantiles)
    """How long those who got it had waited, to within 1.6 %."""

    @property
    def used(self) -> bool:
        """Whether anybody had it or waited for it."""
        return bool(self.in_use_max or self.waiting_max or self.in_use or self.waited.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceComparison:
    """One resource in both phases; all zero where it was not there."""

    name: str
    capacity: int
    of: Pair[ResourceFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterComparison:
    """One counter in both phases."""

    key: str
    title: str
    bad: bool
    """It should not grow."""
    grew: Pair[int]
    per_s: Pair[float]
    level: bool = False
    """It also falls, as the number of what is missing does: its value says more than its rate."""
    value: Pair[int] = _NONE
    """At the end of each phase."""
    lately: int = 0
    """By how much it grew during the last `lately_ns`, not counting what was under way at the
    change."""
    lately_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The phase before the last change of fixes, or the baseline, beside the current phase."""

    before_fixes: tuple[str, ...]
    after_fixes: tuple[str, ...]
    since_ns: int
    """When the current phase began."""
    needed: int
    routes: tuple[RouteComparison, ...]
    """In the load's order; empty if the phases are not `comparable`."""
    loop: Pair[LoopFigures] = _NO_LOOPS
    """The first worker's, as are the resources."""
    resources: tuple[ResourceComparison, ...] = ()
    """Those in use or waited for; those with the longest queues before first."""
    counters: tuple[CounterComparison, ...] = ()
    lasted_ns: Pair[int] = _NONE
    """How long each phase was measured: its last 30 s at most."""
    load: Pair[float] = _AS_IT_IS
    """Factors on the scenario's own load."""
    at_limit: Pair[bool] = _WITHIN
    """Whether the load was at its limit, so that its own queue is in the latencies."""
    pinned: bool = False
    """Whether before is the baseline, which stays."""
    at_ns: int = 0
    """When this was measured."""
    headline: HeadlineComparison | None = None
    """What the scenario is about; None if it does not say, or the phases are not `comparable`."""
    settled_ns: int = 0
    """From when on counts and findings are of what runs now: `GRACE_NS` after the change, and not
    before the requests from before it have ended."""
    found_before: frozenset[str] = frozenset()
    """The rules that had findings before the change."""
    found_without_fix: frozenset[str] = frozenset()
    """The same of when no fix was on; if one was always on, of before the change."""
    stuck: int = 0
    """How many requests from before the change have no response yet."""
    stuck_ns: int = 0
    """For how long their number has been the same."""

    @property
    def comparable(self) -> bool:
        """Whether both phases had the same load."""
        return self.load.before == self.load.after

    @property
    def counted_ns(self) -> int:
        """From when on a counter's pace is of what runs now; 0 while that is too short to be told.

        The verdict and the counters beside it count from here, up to `at_ns`.
        """
        return self.settled_ns if self.at_ns >= self.settled_ns + SHOWN_NS else 0

    @property
    def full(self) -> bool:
        """Whether the current phase has been measured for as long as it ever will be."""
        return self.lasted_ns.after >= REACH_NS

    @property
    def started(self) -> bool:
        """Whether the fixes differ, so that there is something to compare."""
        return self.before_fixes != self.after_fixes
