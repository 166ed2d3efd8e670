"""The frame rate: counted, and lowered while the terminal cannot keep up."""

from collections import deque

from loopviz.clock import SECOND

__all__ = ["FrameRate"]

FRAME_RATES = (15, 8, 4)
"""Frames per second; the first, which is that of the clock, for a terminal that keeps up."""

MAX_LATE_TICKS = 3
"""The rate falls after this many ticks in a row on which the last frame was not yet written.

Once it has fallen, one is enough. A link that is always full has its buffers full, too, and a
key's answer comes after all that.
"""

RECOVERY_NS, MAX_RECOVERY_NS = 3 * SECOND, 60 * SECOND
"""How long no write may wait before the rate rises. The time doubles after each early rise."""


class FrameRate:
    """Says at each tick of the clock whether the terminal can take a frame."""

    def __init__(self) -> None:
        self._drawn: deque[int] = deque(maxlen=64)
        self._step = 0
        self._late = 0
        self._crowded_ns = self._changed_ns = self._rose_ns = -MAX_RECOVERY_NS
        self._calm_ns = RECOVERY_NS

    @property
    def fps(self) -> int:
        """Frames drawn in the second before the last one."""
        return len(self._drawn)

    def due(self, now_ns: int, backlog: int) -> bool:
        """`backlog`: writes that wait for the terminal; with a frame among them, none is due."""
        last = self._drawn[-1] if self._drawn else -SECOND
        if self._step and now_ns - last < SECOND // FRAME_RATES[self._step]:
            return False
        self._late = self._late + 1 if backlog else 0
        if self._late >= (1 if self._step else MAX_LATE_TICKS):
            self._crowded_ns = now_ns
            self._fall(now_ns)
        elif self._step and now_ns - max(self._crowded_ns, self._changed_ns) > self._calm_ns:
            self._step, self._changed_ns, self._rose_ns = self._step - 1, now_ns, now_ns
        return not backlog

    def drawn(self, now_ns: int) -> None:
        """A frame was drawn."""
        self._drawn.append(now_ns)
        while now_ns - self._drawn[0] >= SECOND:
            self._drawn.popleft()

    def _fall(self, now_ns: int) -> None:
        if self._step == len(FRAME_RATES) - 1 or now_ns - self._changed_ns <= SECOND // 4:
            return
        early = now_ns - self._rose_ns < RECOVERY_NS
        self._calm_ns = min(2 * self._calm_ns, MAX_RECOVERY_NS) if early else RECOVERY_NS
        self._step, self._changed_ns = self._step + 1, now_ns
