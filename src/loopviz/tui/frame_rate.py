"""The frame rate: counted, and lowered while the terminal cannot keep up."""

from collections import deque

from loopviz.clock import SECOND

__all__ = ["Pace"]

RATES = (30, 15, 8, 4)

LATE = 3
"""So many ticks in a row a frame was due and the last one not yet written: the rate falls.

Once it has fallen, one is enough. A link that is always full has its buffers full, too, and a
key's answer comes after all that.
"""

CALM_NS, CALMEST_NS = 3 * SECOND, 60 * SECOND
"""How long it must be calm before the rate rises; twice as long if it rose too early before."""


class Pace:
    """Says at each tick of the clock whether a frame is due."""

    def __init__(self) -> None:
        self._painted: deque[int] = deque(maxlen=64)
        self._step = 0
        self._late = 0
        self._crowded_ns = self._changed_ns = self._rose_ns = -CALMEST_NS
        self._calm_ns = CALM_NS

    @property
    def fps(self) -> int:
        """Frames painted in the second before the last one."""
        return len(self._painted)

    def due(self, now_ns: int, backlog: int) -> bool:
        """`backlog`: writes that wait for the terminal; with a frame among them, none is due."""
        last = self._painted[-1] if self._painted else -SECOND
        if self._step and now_ns - last < SECOND // RATES[self._step]:
            return False
        self._late = self._late + 1 if backlog else 0
        if self._late >= (1 if self._step else LATE):
            self._crowded_ns = now_ns
            self._fall(now_ns)
        elif self._step and now_ns - max(self._crowded_ns, self._changed_ns) > self._calm_ns:
            self._step, self._changed_ns, self._rose_ns = self._step - 1, now_ns, now_ns
        if backlog:
            return False
        self._painted.append(now_ns)
        while self._painted and now_ns - self._painted[0] >= SECOND:
            self._painted.popleft()
        return True

    def _fall(self, now_ns: int) -> None:
        if self._step == len(RATES) - 1 or now_ns - self._changed_ns <= SECOND // 4:
            return
        early = now_ns - self._rose_ns < CALM_NS
        self._calm_ns = min(2 * self._calm_ns, CALMEST_NS) if early else CALM_NS
        self._step, self._changed_ns = self._step + 1, now_ns
