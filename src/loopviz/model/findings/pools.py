"""Pools, gates and threads that are used up."""

from loopviz.clock import SECOND
from loopviz.model.findings.exhausted import Exhausted
from loopviz.model.state.entities import Hold
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.kinds import Family

__all__ = ["PoolExhausted", "ThreadLimiterExhausted"]

_GATES = (Family.SEMAPHORE, Family.LIMITER)
_GATE_WAITS = 10
_GATE_STANDING_NS = 1 * SECOND
"""The patience with the app's own semaphores and limiters: they are there to make tasks wait."""


class PoolExhausted(Exhausted):
    """`pool-exhausted`: no connection, process or unit of a gate is left, and a queue stands."""

    rule = "pool-exhausted"
    title = "POOL EXHAUSTED"

    def family(self, row: "ResourceGroup") -> bool:
        if row.kind.pooled:
            return True
        return row.kind.family in _GATES and row.capacity != 1 and not _of_threads(row)

    def units(self, row: "ResourceGroup") -> str:
        return row.kind.units

    def patience(self, row: "ResourceGroup") -> tuple[int, int]:
        return super().patience(row) if row.kind.pooled else (_GATE_WAITS, _GATE_STANDING_NS)


class ThreadLimiterExhausted(Exhausted):
    """`thread-limiter-exhausted`: all threads of a limiter or executor are taken."""

    rule = "thread-limiter-exhausted"
    title = "THREADS EXHAUSTED"

    def family(self, row: "ResourceGroup") -> bool:
        return _of_threads(row)

    def units(self, _row: "ResourceGroup") -> str:
        return "threads"

    def released(self, hold: "Hold", at: int) -> None:
        """What its threads do, the jobs tell."""


def _of_threads(row: "ResourceGroup") -> bool:
    """Whether its units are threads."""
    if row.kind.family is Family.THREADS:
        return True
    return row.kind.family is Family.LIMITER and (
        row.name == "default thread limiter" or row.jobs is not None
    )
