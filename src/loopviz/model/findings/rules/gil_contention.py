"""`gil-contention`: the loop waits for the GIL while a thread computes."""

from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.slow_callback import SlowCallback, StallCase, milliseconds
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text

__all__ = ["GilContention"]


class GilContention(SlowCallback):
    """One finding for each function that a thread ran meanwhile."""

    info = RuleInfo(
        id="gil-contention",
        lesson="cpu",
        title="WAITING FOR THE GIL",
        summary="a thread computes and keeps the GIL from the loop",
        why="A thread that computes keeps the GIL: the loop has work and cannot run it.",
        fires_when=(
            f"a callback takes {duration_text(SLOW_NS)} or more, and would be shorter if the "
            "loop's thread had not waited for the GIL: the watchdog saw it sleep there, and wake "
            "up every few milliseconds as one does there, while other threads computed. One "
            "finding for each function. Linux with glibc only"
        ),
        counts="callbacks",
        false_alarms='a function that was not sampled in time is "not seen"',
        tried=(
            "a slow line of the loop's own, while threads run",
            "a thread of loopviz's own that computes",
        ),
        cures=(
            "run CPU work in a process pool instead of a thread",
            "use a library that releases the GIL while it computes",
        ),
        many="{places} more functions kept the GIL from the loop, {count} times in total",
    )
    cause: Cause = "gil"

    def own(self, stall: Stall, until_ns: int) -> int:
        return self.lasted(stall, until_ns) - stall.queued_ns

    def sentence(self, case: StallCase, _source: str) -> str:
        if case.open_worst_ns > case.worst_ns:
            waited = f"has waited {duration_text(case.open_worst_ns)} so far"
        else:
            waited = f"waited {milliseconds(case)}"
        if case.where is None:
            return f"The loop {waited} for the GIL; the thread that had it was not seen"
        return f"The loop {waited} for the GIL while a thread ran {case.where.function}"
