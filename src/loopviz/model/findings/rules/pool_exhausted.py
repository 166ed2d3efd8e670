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
from loopviz.model.snapshot import Location
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.kinds import (
    AIOHTTP_POOL,
    ANYIO_LIMITER,
    ASYNCPG_POOL,
    BOUNDED_SEMAPHORE,
    HTTPCORE_POOL,
    REDIS_POOL,
    SEMAPHORE,
    SQLALCHEMY_POOL,
    Family,
)

__all__ = ["PoolExhausted"]

_ARGUMENTS = {
    SQLALCHEMY_POOL.id: "pool_size",
    ASYNCPG_POOL.id: "max_size",
    HTTPCORE_POOL.id: "max_connections",
    AIOHTTP_POOL.id: "limit",
    REDIS_POOL.id: "max_connections",
    SEMAPHORE.id: "value",
    BOUNDED_SEMAPHORE.id: "value",
    ANYIO_LIMITER.id: "total_tokens",
}
"""The name of the argument that says how many units there are."""

_GATES = (Family.SEMAPHORE, Family.LIMITER)
_GATE_WAITS, _GATE_STANDING_NS = 10, 1 * SECOND
"""The patience with the app's own semaphores and limiters, which are there to make tasks wait."""


class PoolExhausted(ExhaustionRule):
    """One finding for each pool, semaphore or limiter."""

    info = RuleInfo(
        id="pool-exhausted",
        lesson="dbpool",
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

    def lesson(self, case: ExhaustionCase) -> str:
        family = case.group.kind.family if case.group is not None else None
        lessons = {Family.DATABASE_POOL: super().lesson(case), Family.CONNECTION_POOL: "httppool"}
        return lessons.get(family, "") if family is not None else ""

    def advice(self, case: ExhaustionCase, source: str) -> str:
        """To hold a unit for less time, where it is held; or to have more, where that is said."""
        group, code = case.group, self.context.code
        if group is None or not source:
            return super().advice(case, source)
        where, made = self.location(case), self.context.where(group.site)
        waited = group.shown.max_waiting
        peak = f": {waited} waited at peak" if waited > 1 else ""
        raised = self._raised(group, made)
        if group.kind.family in _GATES:
            raised = raised or "raise it"
            return f"{raised}, if what it guards can take more; or start fewer at once{peak}"
        first, *_ = self.info.cures
        if where is not None and where != made and code.may_do_without(where):
            unit = group.kind.unit
            first = f"release the {unit} before line {where.line}, if that line needs none"
        elif group.kind.family is Family.CONNECTION_POOL:  # held for as long as the call takes
            raised = raised or f"raise `{_ARGUMENTS[group.kind.id]}`"
            return f"{raised}, if the server can take more; or start fewer at once{peak}"
        return f"{first}; or {raised}, or bound what comes in{peak}" if raised else first

    def _raised(self, group: ResourceGroup, made: Location | None) -> str:
        """`raise `pool_size` (5) at db.py:12`; empty unless that line says the number."""
        name = _ARGUMENTS.get(group.kind.id, "")
        number = self.context.code.argument(made, name) if made is not None and name else None
        if made is None or not number or number > group.capacity:
            return ""
        return f"raise `{name}` ({number}) at {made.file}:{made.line}"

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
