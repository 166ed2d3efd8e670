"""The thread that tells what the scenario's counters count, the loop blocked or not."""

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
        self._told: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="loopviz counters", daemon=True)

    def start(self) -> None:
        """From now on, if there is anything to count."""
        if self._counters:
            self._thread.start()

    def stop(self) -> None:
        """Tell the last values; returns when the thread has ended. The ring may be closed then."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell(self) -> None:
        """Write the values that are new. One that is no whole number is not told."""
        for counter in self._counters:
            value = counter.value
            if isinstance(value, int) and value != self._told.get(counter.key):
                self._told[counter.key] = value
                self._aux_ring.write(Kind.COUNTER, a=value & _VALUE, text=counter.key)

    def _follow(self) -> None:
        over = False
        while not over:
            over = self._stopped.wait(INTERVAL_S)
            self.tell()
