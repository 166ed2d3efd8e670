"""The watchdog: a thread that says which line holds the loop, while it holds it."""

import sys
import threading
from collections.abc import Callable

from loopviz.clock import MS, Clock
from loopviz.probe.places import Places
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["Watchdog"]

PATIENCE_NS = 10 * MS
"""A callback is looked at once it has run this long, and again every such time after."""


class Watchdog:
    """Samples the stack of the loop's thread whenever a callback runs for too long.

    One `STALL` record per sample, in the shared side ring; its text is the culprit's index and the
    numbers of the frames' strings, innermost first: `1:12,7,3`. Every callback of 20 ms or more gets
    at least one while it still runs, unless C code holds the GIL throughout.
    """

    def __init__(
        self,
        running: Callable[[], tuple[int, int]],
        thread_id: int,
        side: LockedRing,
        places: Places,
        clock: Clock,
    ) -> None:
        self._running = running
        self._thread_id = thread_id
        self._side = side
        self._places = places
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loopviz watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread to end."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        sampled_at = 0
        pause_ns = PATIENCE_NS
        while not self._stop.wait(pause_ns / 1e9):
            started, task = self._running()
            now = self._clock()
            due = max(started + PATIENCE_NS, sampled_at + PATIENCE_NS)
            if not started:
                pause_ns = PATIENCE_NS
            elif now < due:
                pause_ns = due - now
            else:
                self._sample(started, task)
                sampled_at, pause_ns = self._clock(), PATIENCE_NS

    def _sample(self, started: int, task: int) -> None:
        frame = sys._current_frames().get(self._thread_id)
        frames, culprit = self._places.stack(frame)
        del frame
        if frames and self._running()[0] == started:  # else it ended while we looked
            stack = f"{culprit}:{','.join(map(str, self._side.intern_all(frames)))}"
            self._side.write(Kind.STALL, a=started, who=task, text=stack)
