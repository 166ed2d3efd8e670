"""The frame rate: counted, and lowered while the terminal cannot keep up."""

from collections import deque

from loopviz.clock import SECOND

__all__ = ["Pace"]

RATES = (30, 15, 8, 4)
CROWDED = 9
"""So many waiting writes, about three frames, mean that the terminal falls behind.

Textual makes three or four writes a frame and blocks its own loop when thirty wait.
"""

CALM_NS = 3 * SECOND


class Pace:
    """Says at each tick of the clock whether a frame is due."""

    def __init__(self) -> None:
        self._painted: deque[int] = deque(maxlen=64)
        self._step = 0
        self._crowded_ns = self._changed_ns = -SECOND

    @property
    def fps(self) -> int:
        """Frames painted in the second before the last one."""
        return len(self._painted)

    def due(self, now_ns: int, backlog: int) -> bool:
        """`backlog`: writes that wait for the terminal."""
        if backlog >= CROWDED:
            self._crowded_ns = now_ns
            if self._step < len(RATES) - 1 and now_ns - self._changed_ns > SECOND // 4:
                self._step, self._changed_ns = self._step + 1, now_ns
        elif self._step and now_ns - max(self._crowded_ns, self._changed_ns) > CALM_NS:
            self._step, self._changed_ns = self._step - 1, now_ns
        last = self._painted[-1] if self._painted else -SECOND
        if self._step and now_ns - last < SECOND // RATES[self._step]:
            return False
        self._painted.append(now_ns)
        while self._painted and now_ns - self._painted[0] >= SECOND:
            self._painted.popleft()
        return True
