"""`slow-import`: modules are imported on the loop, again and again or for very long."""

from loopviz.clock import SECOND
from loopviz.model.findings.case import Verdict
from loopviz.model.findings.rule import RuleInfo
from loopviz.model.findings.rules.slow_callback import SlowCallback, StallCase, milliseconds
from loopviz.model.state.stalls import Cause
from loopviz.units import duration_text

__all__ = ["SlowImport"]

_TIMES = 3
"""How many imports of one line make a finding: the first use of a module is paid once."""
_LONG_NS = 1 * SECOND
"""From here on a single one is a finding."""


class SlowImport(SlowCallback):
    """One finding for each line that imports."""

    info = RuleInfo(
        id="slow-import",
        title="IMPORT ON THE LOOP",
        summary="modules are imported while requests wait",
        why="An import runs a module's code on the loop: everybody waits until it is loaded.",
        fires_when=(
            f"one line blocks the loop {_TIMES} times because it imports a module, or once for "
            f"{duration_text(_LONG_NS)}. The first use of a module is paid once, and does not count"
        ),
        counts="callbacks",
        tried=(
            "the first import of a module, for 30 ms",
            "a line that calls an installed library",
        ),
        cures=(
            "import at the top of the file, so that it happens before the first request",
            "send one request to each route before the server is put into service",
        ),
        many="{places} more lines imported modules, {count} times in total",
    )
    cause: Cause = "import"

    def check(self, case: StallCase) -> Verdict:
        enough = case.count + case.open >= _TIMES or case.longest_ns >= _LONG_NS
        return Verdict.WARN if enough else Verdict.RECHECK

    def sentence(self, case: StallCase, source: str) -> str:
        took = milliseconds(case) if case.count else duration_text(case.open_worst_ns)
        text = f"{case.label} blocked the loop {took} while it imported {case.imported}"
        return f"{text} in {source}" if source else text
