"""`machine-busy`: the loop can run, and the machine has no core for it."""

from loopviz.model.findings.case import Verdict
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.slow_callback import SlowCallback, StallCase
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text

__all__ = ["MachineBusy"]

_TIMES = 3
"""How many callbacks it takes: any machine is busy for a moment."""


class MachineBusy(SlowCallback):
    """One finding for all of them: no line is to blame, and so it is never an error."""

    info = RuleInfo(
        id="machine-busy",
        title="THE MACHINE WAS BUSY",
        summary="the loop waits for a core, since others compute",
        why="The loop had work, and no core: others had them all, or the process was stopped.",
        fires_when=(
            f"{_TIMES} callbacks take {duration_text(SLOW_NS)} or more, and would be shorter if "
            "the loop's thread had not waited for a core: a quarter of their time or more. Linux "
            "only. Never an error"
        ),
        counts="callbacks; about how long they waited for a core",
        false_alarms=(
            "whether it was this program's own threads or another program; on a host that does not "
            "tell its guests what it takes away (steal), that looks like computing"
        ),
        tried=(
            "a busy machine for a moment",
            "a blocking call on a busy machine: it keeps its line",
            "a callback that is slow by itself, and waits for a core for a moment",
            "a core that was taken from another thread than the loop's",
        ),
        cures=(
            "stop what else computes on this machine, or give the app cores of its own",
            "use fewer threads and processes that compute than there are cores",
        ),
    )
    cause: Cause = "machine"

    def answerable(self, _case: StallCase) -> bool:
        return False

    def lasted(self, stall: Stall, _until_ns: int) -> int:
        return stall.queued_ns

    def check(self, case: StallCase) -> Verdict:
        return Verdict.WARN if case.count + case.open >= _TIMES else Verdict.RECHECK

    def severe(self, _case: StallCase) -> bool:
        return False

    def sentence(self, case: StallCase, _source: str) -> str:
        return (
            f"The loop waited about {duration_text(case.longest_ns)} for a core, and "
            f"{duration_text(self.context.trace.core_waits.total_ns)} in total; "
            "no line is to blame for that"
        )
