"""All rules, one file each. A new rule is a file here, imported and listed below."""

from typing import Any

from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.findings.rules.blocked_put import BlockedPut
from loopviz.model.findings.rules.cancelled_mid_write import CancelledMidWrite
from loopviz.model.findings.rules.client_per_request import ClientPerRequest
from loopviz.model.findings.rules.cpu_throttled import CpuThrottled
from loopviz.model.findings.rules.deadlock import Deadlock
from loopviz.model.findings.rules.gc_pause import GcPause
from loopviz.model.findings.rules.gil_contention import GilContention
from loopviz.model.findings.rules.lock_convoy import LockConvoy
from loopviz.model.findings.rules.lock_held_across_io import LockHeldAcrossIo
from loopviz.model.findings.rules.loop_spins import LoopSpins
from loopviz.model.findings.rules.machine_busy import MachineBusy
from loopviz.model.findings.rules.many_jobs import ManyJobs
from loopviz.model.findings.rules.never_awaited import NeverAwaited
from loopviz.model.findings.rules.pool_exhausted import PoolExhausted
from loopviz.model.findings.rules.ready_delay_high import ReadyDelayHigh
from loopviz.model.findings.rules.request_hangs import RequestHangs
from loopviz.model.findings.rules.requests_fail import RequestsFail
from loopviz.model.findings.rules.retry_storm import RetryStorm
from loopviz.model.findings.rules.sequential_awaits import SequentialAwaits
from loopviz.model.findings.rules.slot_leaked import SlotLeaked
from loopviz.model.findings.rules.slow_callback import SlowCallback
from loopviz.model.findings.rules.slow_import import SlowImport
from loopviz.model.findings.rules.task_lost import TaskLost
from loopviz.model.findings.rules.task_never_retrieved import TaskNeverRetrieved
from loopviz.model.findings.rules.task_outlived_parent import TaskOutlivedParent
from loopviz.model.findings.rules.thread_limiter_exhausted import ThreadLimiterExhausted
from loopviz.model.findings.rules.unbounded_growth import UnboundedGrowth
from loopviz.model.findings.rules.worker_died import WorkerDied

__all__ = ["RULES", "RULE_INFOS"]

RULES: tuple[type[Rule[Any]], ...] = (
    ClientPerRequest,
    SlowCallback,
    GilContention,
    GcPause,
    SlowImport,
    CpuThrottled,
    MachineBusy,
    Deadlock,
    SlotLeaked,
    WorkerDied,
    BlockedPut,
    RequestHangs,
    LoopSpins,
    ReadyDelayHigh,
    PoolExhausted,
    ThreadLimiterExhausted,
    LockHeldAcrossIo,
    LockConvoy,
    NeverAwaited,
    TaskNeverRetrieved,
    TaskOutlivedParent,
    TaskLost,
    UnboundedGrowth,
    SequentialAwaits,
    ManyJobs,
    CancelledMidWrite,
    RetryStorm,
    RequestsFail,
)
"""In the order in which they are asked, which is that of the documents, too: what may be a cause
before what may follow from it."""

RULE_INFOS: dict[str, RuleInfo] = {rule.info.id: rule.info for rule in RULES}
"""The words of each rule, by its id."""
