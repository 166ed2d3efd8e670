"""Garbage collections: each is a pause of every loop of the process."""

import gc
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any

from loopviz.clock import MS, Clock, monotonic_ns

__all__ = ["PAUSES", "PauseListeners"]

_SHORTEST_NS = MS // 20
"""Shorter collections of the youngest generation are not recorded: a record costs more."""

OnPause = Callable[[int, int, int, bool], None]
"""`on_pause(started, ended, generation, on_the_loop's_thread)`; times in nanoseconds."""


class PauseListeners:
    """Calls each loop's probe after every garbage collection that paused its loop."""

    def __init__(self, clock: Clock = monotonic_ns) -> None:
        self._clock = clock
        self._started = 0
        self._listeners: dict[Any, OnPause] = {}

    def watch(self, loop: Any, on_pause: OnPause) -> None:
        """Call `on_pause` after each collection, on the thread on which it ran."""
        if not self._listeners:
            gc.callbacks.append(self._collected)
        self._listeners[loop] = on_pause

    def unwatch(self, loop: Any) -> None:
        """Stop the calls for that loop."""
        if self._listeners.pop(loop, None) is not None and not self._listeners:
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._started = self._clock()
            return
        ended, started = self._clock(), self._started
        generation = info["generation"]
        if generation or ended - started >= _SHORTEST_NS:
            here = _get_running_loop()
            for loop, on_pause in tuple(self._listeners.items()):
                try:
                    on_pause(started, ended, generation, loop is here)
                except Exception:  # noqa: BLE001 - its ring is broken, as its other hooks report
                    self._listeners.pop(loop, None)  # nothing else is safe within a collection


PAUSES = PauseListeners()
