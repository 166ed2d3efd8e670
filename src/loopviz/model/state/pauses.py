"""Garbage collections, which pause the loop."""

from collections import deque

from loopviz.model.snapshot import GcStats, Pause
from loopviz.wire.events import GC_ELSEWHERE

__all__ = ["Pauses"]

_SHOWN = 50
"""How many collections a snapshot has."""
_KEPT = 2000
"""How many are kept for the stalls around them: there may be hundreds within a second."""


class Pauses:
    """Counts garbage collections, and keeps the last ones."""

    def __init__(self) -> None:
        self._recent: deque[Pause] = deque(maxlen=_KEPT)
        self.begin()

    def begin(self) -> None:
        """Starts all counts anew."""
        self.count = self.total_ns = self.max_ns = 0
        self.by_generation = [0, 0, 0]

    def add(self, at: int, started: int, b: int) -> None:
        """GC."""
        lasted = max(at - started, 0)
        generation = min(b % GC_ELSEWHERE, 2)
        self.count += 1
        self.total_ns += lasted
        self.max_ns = max(self.max_ns, lasted)
        self.by_generation[generation] += 1
        self._recent.append(Pause(at - lasted, at, generation))

    def within(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """How long collections ran in that interval: all together, and the longest."""
        total = longest = 0
        for pause in reversed(self._recent):
            if pause.end_ns <= start_ns:
                break
            lasted = max(min(pause.end_ns, end_ns) - max(pause.start_ns, start_ns), 0)
            total, longest = total + lasted, max(longest, lasted)
        return total, longest

    def stats(self) -> GcStats:
        return GcStats(
            count=self.count,
            total_ns=self.total_ns,
            max_ns=self.max_ns,
            by_generation=tuple(self.by_generation),
            last=tuple(self._recent)[-_SHOWN:],
        )
