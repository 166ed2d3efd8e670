"""`thread-limiter-exhausted`: all threads of a limiter or executor are busy, and a queue stands."""

from loopviz.model.findings.exhaustion import LONG_NS, SHORT_NS, STANDING_NS, WAITS, ExhaustionRule
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.state.entities import Hold
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.kinds import Family

__all__ = ["ThreadLimiterExhausted", "counts_threads"]


class ThreadLimiterExhausted(ExhaustionRule):
    """One finding for each limiter or executor."""

    info = RuleInfo(
        id="thread-limiter-exhausted",
        lesson="threads",
        title="THREADS EXHAUSTED",
        summary="all worker threads are busy",
        why="`def` endpoints and executors share a few threads; when all are busy, jobs queue.",
        fires_when=(
            f"{WAITS} waits of {duration_text(SHORT_NS)} or more, and a queue that stands for "
            f"{duration_text(STANDING_NS)} without a break, or one wait that gave up after "
            f"{duration_text(LONG_NS)}: for anyio's limiter if threads run under it (`def` "
            "endpoints), the default executor, or a `ThreadPoolExecutor`. A job counts if all "
            "workers had one when it was submitted. Open waits count"
        ),
        counts="waits of tasks or jobs",
        false_alarms=('limiters used for something else under the name "default thread limiter"'),
        tried=(
            "an executor with a free worker",
            "a worker that is late, while others are free, also after a time when none was",
            "a limiter of one, as FastAPI makes for each dependency that ends",
        ),
        cures=(
            "await an async library instead of blocking a thread",
            "raise the limit: `current_default_thread_limiter().total_tokens`, `max_workers`",
            "give slow work an executor of its own",
        ),
        many="{places} more executors were exhausted; {count} tasks waited",
    )

    def family(self, group: ResourceGroup) -> bool:
        # a limiter of one belongs to one caller, as FastAPI makes it for each dependency that ends
        return counts_threads(group) and not (
            group.kind.family is Family.LIMITER and group.capacity == 1
        )

    def units(self, _group: ResourceGroup) -> str:
        return "threads"

    def released(self, hold: Hold, at: int) -> None:
        """Ignored: the jobs say what the threads do."""


def counts_threads(group: ResourceGroup) -> bool:
    """Whether the group's units are threads."""
    if group.kind.family is Family.THREADS:
        return True
    return group.kind.family is Family.LIMITER and (
        group.name == "default thread limiter" or group.jobs is not None
    )
