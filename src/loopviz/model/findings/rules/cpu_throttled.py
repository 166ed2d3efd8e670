"""`cpu-throttled`: the loop stands still because the container has used up its CPU time."""

from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.slow_callback import ERROR_NS, SlowCallback, StallCase
from loopviz.model.state.stalls import SLOW_NS, Cause, Stall
from loopviz.units import duration_text

__all__ = ["CpuThrottled"]


class CpuThrottled(SlowCallback):
    """One finding for all of them: the limit is to blame, and no line."""

    info = RuleInfo(
        id="cpu-throttled",
        title="CPU LIMIT REACHED",
        summary="a container's CPU limit stops the process",
        why="A control group gets so much CPU time a period: once it is used up, all threads stop.",
        fires_when=(
            f"a callback takes {duration_text(SLOW_NS)} or more, and would be shorter if the "
            "loop's thread had not waited for a core, while the process reached the CPU limit of "
            "its control group (a container's, as a rule). Linux only"
        ),
        counts="callbacks; about how long they waited for a core",
        false_alarms="a limit that is set while the program runs is not noticed",
        tried=("a limit that was reached at another time than the callback's",),
        cures=(
            "raise the limit: `cpu.max`, `docker run --cpus`, `resources.limits.cpu`",
            "use no more threads and processes that compute than the limit has cores",
        ),
    )
    cause: Cause = "limit"

    def answerable(self, _case: StallCase) -> bool:
        return False

    def lasted(self, stall: Stall, _until_ns: int) -> int:
        return stall.queued_ns

    def severe(self, case: StallCase) -> bool:
        return case.longest_ns >= ERROR_NS and case.count + case.open > 1

    def sentence(self, case: StallCase, _source: str) -> str:
        text = f"The loop stood still for about {duration_text(case.longest_ns)}"
        limit = self.context.trace.core_waits.limit
        if limit is None:  # counted before the scenario began
            return f"{text}, since its CPU limit was reached"
        cores = "core" if limit.cores == "1" else "cores"
        return (
            f"{text}: its limit of {limit.cores} {cores} ({limit.setting}) was reached in "
            f"{limit.reached} of {limit.periods} periods"
        )
