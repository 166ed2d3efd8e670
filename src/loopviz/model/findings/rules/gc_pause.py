"""`gc-pause`: a garbage collection blocks the loop."""

from loopviz.clock import MS, SECOND
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.slow_callback import SlowCallback, StallCase, milliseconds
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text

__all__ = ["ERROR_NS", "GcPause"]

ERROR_NS = 100 * MS
"""From here on repeated pauses are an error; shorter or single ones are a warning. A heap of a
hundred thousand objects costs 40 ms at a time, which a request meets once at most."""
_HANGS_NS = 1 * SECOND
"""From here on a single pause is an error: every user notices."""


class GcPause(SlowCallback):
    """One finding for all of them: the line that happened to allocate is not to blame."""

    info = RuleInfo(
        id="gc-pause",
        title="GARBAGE COLLECTION",
        summary="a garbage collection blocks the loop",
        why="A full collection visits every object of the process, and nothing else can run.",
        fires_when=(
            f"a callback takes {duration_text(SLOW_NS)} or more, and most of that is garbage "
            "collection, or a quarter of it is and it would be shorter without"
        ),
        counts="callbacks; the time that collections took in them",
        tried=(
            "a slow line with a short collection in it",
            "a collection just before a callback",
            "many collections in one callback, which makes that many objects",
        ),
        cures=(
            "`gc.collect(); gc.freeze()` after the start: what lives for ever is visited no more",
            "keep fewer objects alive: arrays or a database for what is large",
            "raise the thresholds: `gc.set_threshold(50_000, 20, 100)`",
        ),
    )
    cause: Cause = "gc"

    def lasted(self, stall: Stall, _until_ns: int) -> int:
        return stall.paused_ns

    def own(self, stall: Stall, until_ns: int) -> int:
        """The collections waited for a core as the rest of it did."""
        lasted = max(until_ns - stall.start_ns, 1)
        return stall.paused_ns * (lasted - stall.queued_ns) // lasted

    def severe(self, case: StallCase) -> bool:
        often = case.own_ns >= ERROR_NS and case.count + case.open > 1
        return often or case.own_ns >= _HANGS_NS

    def sentence(self, case: StallCase, _source: str) -> str:
        held = milliseconds(case) if case.count else duration_text(case.open_worst_ns)
        return f"A garbage collection blocked the loop {held}; no line is to blame for that"
