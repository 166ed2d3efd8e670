"""The watchdog: a thread that says which line holds the loop, while it holds it."""

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from loopviz.clock import MS, Clock
from loopviz.probe.places import Places
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["Watchdog"]

PATIENCE_NS = 10 * MS
"""A callback is looked at once it has run this long, and again every such time after."""

_WAITS = ("threading.py", "queue.py", "selectors.py", "concurrent/futures/thread.py", "socket.py")
"""A thread whose innermost frame is here waits; it does not compute."""


class Watchdog:
    """Samples the stack of the loop's thread whenever a callback runs for too long.

    One `STALL` record per sample, in the shared side ring; its text is the culprit's index and
    the numbers of the frames' strings, innermost first: `1:12,7,3`. Every callback of 20 ms or
    more gets at least one while it still runs, unless C code holds the GIL throughout.

    If the loop's thread gets no CPU time, in library code, while other threads of the process
    burn it, the loop waits for the GIL: then the stack is that of a thread which computes, and the
    text starts with `gil:`.
    """

    def __init__(
        self,
        running: Callable[[], tuple[int, int]],
        thread_id: int,
        side: LockedRing,
        places: Places,
        clock: Clock,
        fail: Callable[[str, BaseException], None],
    ) -> None:
        self._fail = fail
        self._running = running
        self._thread_id = thread_id
        self._side = side
        self._places = places
        self._clock = clock
        self._cpu = _CpuShares(thread_id, clock)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loopviz watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread to end."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - the app must go on
            self._fail("watchdog", error)

    def _follow(self) -> None:
        sampled_at = 0
        pause_ns = PATIENCE_NS
        while not self._stop.wait(pause_ns / 1e9):
            started, task = self._running()
            now = self._clock()
            due = max(started, sampled_at) + PATIENCE_NS
            if not started:
                pause_ns = PATIENCE_NS
            elif now < due:
                pause_ns = due - now
            else:
                self._sample(started, task)
                sampled_at, pause_ns = self._clock(), PATIENCE_NS
            self._cpu.note()

    def _sample(self, started: int, task: int) -> None:
        frames_by_thread = sys._current_frames()
        frame = frames_by_thread.get(self._thread_id)
        text = ""
        if self._cpu.starved() and self._places.user_frame(frame) is None:
            text, frame = "gil:", self._computing(frames_by_thread) or frame
        frames, culprit = self._places.stack(frame)
        del frame, frames_by_thread
        if frames and self._running()[0] == started:  # else it ended while we looked
            text += f"{culprit}:{','.join(map(str, self._side.intern_all(frames)))}"
            self._side.write(Kind.STALL, a=started, who=task, text=text)

    def _computing(self, frames: dict[int, FrameType]) -> FrameType | None:
        """The innermost frame of a thread that does not wait, neither the loop's nor ours."""
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.ident == self._thread_id:
                continue
            waits = frame.f_code.co_filename.endswith(_WAITS)
            if not waits and not thread.name.startswith("loopviz "):
                return frame
        return None


class _CpuShares:
    """How the CPU time since the last `note` was shared between the loop's thread and others."""

    def __init__(self, thread_id: int, clock: Clock) -> None:
        get_clock_id = getattr(time, "pthread_getcpuclockid", None)  # not on macOS
        self._clock_id = get_clock_id(thread_id) if get_clock_id else None
        self._clock = clock
        self._noted = self._read()

    def note(self) -> None:
        self._noted = self._read()

    def starved(self) -> bool:
        """The loop's thread had less than half a core, and others more than that."""
        if self._clock_id is None:
            return False
        wall, loop, process = (
            now - then for now, then in zip(self._read(), self._noted, strict=True)
        )
        return loop < wall / 2 < process - loop

    def _read(self) -> tuple[int, int, int]:
        loop = 0 if self._clock_id is None else time.clock_gettime_ns(self._clock_id)
        return self._clock(), loop, time.process_time_ns()
