"""`pool-exhausted`: every connection, process or permit is taken, and a queue stands."""

from loopviz.clock import SECOND
from loopviz.model.findings.case import Verdict
from loopviz.model.findings.exhaustion import (
    LONG_NS,
    SHORT_NS,
    STANDING_NS,
    WAITS,
    ExhaustionCase,
    ExhaustionRule,
)
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.thread_limiter_exhausted import counts_threads
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.kinds import Family

__all__ = ["PoolExhausted"]

_GATES = (Family.SEMAPHORE, Family.LIMITER)
_GATE_WAITS, _GATE_STANDING_NS = 10, 1 * SECOND
"""The patience with the app's own semaphores and limiters, which are there to make tasks wait."""


class PoolExhausted(ExhaustionRule):
    """One finding for each pool, semaphore or limiter."""

    info = RuleInfo(
        id="pool-exhausted",
        title="POOL EXHAUSTED",
        summary="every slot of a pool or semaphore is taken",
        why="Once every slot is taken, newcomers queue for one; the loop itself is idle meanwhile.",
        fires_when=(
            f"{WAITS} waits of {duration_text(SHORT_NS)} or more, and a queue that stands for "
            f"{duration_text(STANDING_NS)} without a break; for the app's own semaphores and "
            f"limiters {_GATE_WAITS} waits and {_GATE_STANDING_NS // SECOND} s; or one wait "
            f"that gave up after {duration_text(LONG_NS)}. Open waits count"
        ),
        counts=f"waits of {duration_text(SHORT_NS)} or more",
        false_alarms=(
            "a semaphore that is meant to keep many waiting; the start of process-pool jobs is "
            "inferred"
        ),
        tried=(
            "a pool that is full, and nobody waits",
            "a pool without a bound, or never full, whose tasks wait for each other in the library",
            "bursts that a pool drains",
            "very many waits of less than 10 ms",
            "a gate of the app that makes tasks wait for a moment",
            "waits while a callback blocked the loop: they are told under `slow-callback`",
        ),
        cures=(
            "hold a slot for less time: release the connection before slow work",
            "enlarge the pool, up to what the server behind it can take",
            "bound how many requests come in, so that the queue stays short",
        ),
        many="{places} more pools were exhausted; {count} tasks waited",
    )

    def family(self, group: ResourceGroup) -> bool:
        if group.kind.pooled:
            return group.capacity > 0  # without a bound there is always one more
        return group.kind.family in _GATES and group.capacity != 1 and not counts_threads(group)

    def units(self, group: ResourceGroup) -> str:
        return group.kind.units

    def check(self, case: ExhaustionCase) -> Verdict:
        """For a unit of a pool that was never full, as far as was seen, nobody has to wait."""
        group = case.group
        assert group is not None
        if group.kind.pooled and 0 < group.shown.max_in_use < group.capacity:
            return Verdict.RECHECK
        return super().check(case)

    def patience(self, group: ResourceGroup) -> tuple[int, int]:
        if group.kind.pooled:
            return super().patience(group)
        return _GATE_WAITS, _GATE_STANDING_NS
