"""Findings: each rule is a small class that watches the model and says what is wrong."""

from collections.abc import Callable, Sequence

from loopviz.clock import MS
from loopviz.model.places import Naming
from loopviz.model.snapshot import Finding, Location
from loopviz.model.stalls import Stall

__all__ = ["SlowCallback"]

_ERROR_NS = 40 * MS
"""A stall this long is an error; a shorter one, or a single one, a warning."""


class _Line:
    """What is known of one culprit line."""

    __slots__ = (
        "count",
        "gil",
        "label",
        "last_ns",
        "location",
        "total_ns",
        "victim_ns",
        "victims",
        "worst",
    )

    def __init__(self, label: str, location: Location | None, *, gil: bool) -> None:
        self.label = label
        self.location = location
        self.gil = gil
        self.count = self.total_ns = self.worst = self.last_ns = self.victims = self.victim_ns = 0


class SlowCallback:
    """`slow-callback`: a callback holds the loop for longer than 20 ms; one finding per line.

    `gil-contention`, where the callback did nothing but wait for the GIL; one per function.
    """

    rule = "slow-callback"
    title = "SLOW CALLBACK"

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._lines: dict[tuple[str, int], _Line] = {}

    def stall(self, stall: Stall) -> None:
        """A stall ended."""
        line = self._line(stall)
        lasted = stall.end_ns - stall.start_ns
        line.count += 1
        line.total_ns += lasted
        line.worst = max(line.worst, lasted)
        line.last_ns = stall.end_ns
        line.label = stall.label

    def victim(self, stall: Stall, wait_ns: int, *, new: bool) -> None:
        """A request waited for the loop because of that stall."""
        line = self._line(stall)
        line.victims += new
        line.victim_ns += wait_ns

    def findings(self, suggest: Callable[[], str]) -> Sequence[Finding]:
        """One per culprit line."""
        return [self._finding(line, suggest()) for line in self._lines.values() if line.count]

    def _line(self, stall: Stall) -> _Line:
        line = self._lines.get(stall.culprit)
        if line is None:
            line = self._lines[stall.culprit] = _Line(stall.label, stall.location, gil=stall.gil)
        return line

    def _finding(self, line: _Line, suggested: str) -> Finding:
        source = self._naming.source(line.location)
        return Finding(
            "gil-contention" if line.gil else self.rule,
            "error" if line.worst >= _ERROR_NS and line.count > 1 else "warning",
            "WAITING FOR THE GIL" if line.gil else self.title,
            self._sentence(line, source),
            line.count,
            line.worst,
            line.total_ns,
            line.last_ns,
            line.location,
            source,
            line.victims,
            line.victim_ns,
            suggested,
        )

    @staticmethod
    def _sentence(line: _Line, source: str) -> str:
        """At its worst; how often and who suffered are figures of their own."""
        took = f"{line.worst / MS:.0f} ms"
        if line.gil and line.location:
            return f"The loop waited {took} for the GIL while a thread ran {line.location.function}"
        if line.location is None:
            return f"A callback took {took}; its line was not seen"
        doing = f" in {source}" if source else ""
        return f"{line.label} held the loop {took}{doing}"
