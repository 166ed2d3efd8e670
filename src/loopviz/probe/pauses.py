"""Garbage collections: each is a pause of every loop of the process."""

import gc
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any

from loopviz.clock import MS, Clock, monotonic_ns

__all__ = ["PAUSES", "PauseListeners"]

_SHORTEST_NS = MS // 20
"""Shorter collections of the youngest generation are not told: they cost less than the telling."""

Told = Callable[[int, int, int, bool], None]


class PauseListeners:
    """Tells each loop's probe of the garbage collections that held it."""

    def __init__(self, clock: Clock = monotonic_ns) -> None:
        self._clock = clock
        self._started = 0
        self._told: dict[Any, Told] = {}

    def watch(self, loop: Any, told: Told) -> None:
        """`told(started, ended, generation, on_the_loop's_thread)` hears of each."""
        if not self._told:
            gc.callbacks.append(self._collected)
        self._told[loop] = told

    def unwatch(self, loop: Any) -> None:
        """No more for that loop."""
        if self._told.pop(loop, None) is not None and not self._told:
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._started = self._clock()
            return
        ended, started = self._clock(), self._started
        generation = info["generation"]
        if generation or ended - started >= _SHORTEST_NS:
            here = _get_running_loop()
            for loop, told in tuple(self._told.items()):
                try:
                    told(started, ended, generation, loop is here)
                except Exception:  # noqa: BLE001 - its ring is broken, as its other hooks will say
                    self._told.pop(loop, None)  # nothing else is safe within a collection


PAUSES = PauseListeners()
