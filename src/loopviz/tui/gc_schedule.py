"""Garbage in small pieces: no frame is held up while the interpreter looks at all there is."""

import gc

from loopviz.clock import SECOND

__all__ = ["GcSchedule"]

YOUNG_INTERVAL_NS = SECOND
"""The interval of collections of young objects."""
FULL_INTERVAL_NS = 30 * SECOND
"""The interval of full collections, if no key was pressed within `IDLE_KEYS_NS`."""
IDLE_KEYS_NS = 2 * SECOND
FULL_DEADLINE_NS = 120 * SECOND
"""The longest time without a full collection, whatever keys are pressed."""


class GcSchedule:
    """Once a second, collects what was made since the last time, and sets aside what is left.

    Cycles that live for longer (screens that were closed, Textual's own strips) are collected among
    all there is, which takes 25 to 100 ms: every half minute, when no key was pressed lately; at
    the latest after two minutes.
    """

    def __init__(self) -> None:
        self._at_ns = self._whole_ns = self._pressed_ns = -YOUNG_INTERVAL_NS

    def begin(self) -> None:
        """From now on nothing is collected but here; what the start left, in half a minute."""
        gc.freeze()
        gc.disable()

    def pressed(self, now_ns: int) -> None:
        """Somebody is at the keys."""
        self._pressed_ns = now_ns

    def collect(self, now_ns: int) -> None:
        """Call it before a frame that nobody waits for."""
        if gc.isenabled() or now_ns - self._at_ns < YOUNG_INTERVAL_NS:
            return
        if self._whole_ns < 0:
            self._whole_ns = now_ns
        self._at_ns = now_ns
        passed, quiet = now_ns - self._whole_ns, now_ns - self._pressed_ns >= IDLE_KEYS_NS
        if passed >= FULL_DEADLINE_NS or (passed >= FULL_INTERVAL_NS and quiet):
            self._whole_ns = now_ns
            gc.unfreeze()
            gc.collect()
        else:
            gc.collect(0)
        gc.freeze()

    def end(self) -> None:
        """Undo `begin`, if that was called."""
        if not gc.isenabled():
            gc.unfreeze()
            gc.enable()
