"""Garbage in small pieces: no frame is held up while the interpreter looks at all there is."""

import gc

from loopviz.clock import SECOND

__all__ = ["Sweep"]

EVERY_NS = SECOND


class Sweep:
    """Collects what was made since the last time; what has outlived that is not looked at again.

    It dies when nothing refers to it, like most. A cycle that lives for longer than a second is
    kept for good: those are the few screens that were opened and closed. The interpreter's own
    collection would look at a minute's requests instead, 25 to 100 ms at a time.
    """

    def __init__(self) -> None:
        self._at_ns = -EVERY_NS

    def begin(self) -> None:
        """From now on nothing is collected but here."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def sweep(self, now_ns: int) -> None:
        """Call it before a frame that nobody waits for."""
        if not gc.isenabled() and now_ns - self._at_ns >= EVERY_NS:
            self._at_ns = now_ns
            gc.collect(0)
            gc.freeze()

    def end(self) -> None:
        """As it was before `begin`, if that was called."""
        if not gc.isenabled():
            gc.unfreeze()
            gc.enable()
