"""A thread that writes the values of the scenario's counters, even while the loop is blocked."""

import threading
from collections.abc import Sequence

from loopviz.scenario import Counter
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["Counting"]

INTERVAL_S = 0.1
_VALUE = 2**64 - 1


class Counting:
    """Writes each counter's value to the aux ring when it has changed, ten times a second."""

    def __init__(self, counters: Sequence[Counter], aux_ring: LockedRing) -> None:
        self._counters = counters
        self._aux_ring = aux_ring
        self._written: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="loopviz counters", daemon=True)

    def start(self) -> None:
        """Start writing, if there is any counter."""
        if self._counters:
            self._thread.start()

    def stop(self) -> None:
        """Write the last values. Returns when the thread has ended, so the ring may be closed."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self) -> None:
        """Write the values that have changed, if they are whole numbers."""
        for counter in self._counters:
            value = counter.value
            if isinstance(value, int) and value != self._written.get(counter.key):
                self._written[counter.key] = value
                self._aux_ring.write(Kind.COUNTER, a=value & _VALUE, text=counter.key)

    def _follow(self) -> None:
        over = False
        while not over:
            over = self._stopped.wait(INTERVAL_S)
            self.write()
