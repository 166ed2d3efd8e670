"""The watchdog: a thread that records which line blocks the loop, while it does."""

import _thread
import atexit
import contextlib
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from loopviz.clock import MS, Clock
from loopviz.probe.cpu_time import CpuShares, ThreadEndedError, ThreadTimes
from loopviz.probe.places import Places
from loopviz.probe.stacks import (
    Stack,
    dumped_stack,
    stack_frames,
    stack_of,
    thread_frames,
)
from loopviz.probe.tripwire import STARVED_NS, Tripwire
from loopviz.wire.dump import DUMP_FILE
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["Watchdog"]

PATIENCE_NS = 10 * MS
"""The watchdog's period, and the age from which a running callback is sampled.

Getting the GIL takes up to 5 ms more, so a callback of 20 ms is sampled while it runs. The period
is no shorter because each system call of the loop releases the GIL and wakes a waiting thread in
vain.
"""

_WAITS = ("threading.py", "queue.py", "selectors.py", "concurrent/futures/thread.py", "socket.py")
"""Files of a waiting thread's innermost frame; such a thread does not compute."""


_NOTE_NS = 1_000_000_000
"""Interval at which the threads' CPU times are noted, to find the busiest since then."""


class Watchdog:
    """Samples the stack of the loop's thread whenever a callback runs for too long.

    Each sample is a `STALL` record in the aux ring; its text is the culprit's index and the
    numbers of the frames' strings, innermost first: `1:12,7,3`. A sample stands for the time since
    the previous one. Every callback of 20 ms or more gets at least one, while it runs; if C code
    holds the GIL throughout, as soon as it releases it.

    With the tripwire, if C code holds the GIL for long, the loop's thread itself writes its stack
    into the file `wire.dump.DUMP_FILE` beside the ring, where another process can read it at once
    (see `probe.tripwire`); afterwards it becomes a sample, too. If its callback is over by then,
    the record's `a` is 0, and its time is that of the dump.

    If the loop's thread, in library code, gets no CPU time while other threads of the process burn
    it, the loop waits for the GIL: then the stack is that of the thread that computes, and the text
    starts with `gil:`.
    """

    def __init__(
        self,
        running: Callable[[], tuple[int, int]],
        thread_id: int,
        aux_ring: LockedRing,
        places: Places,
        clock: Clock,
        fail: Callable[[str, Exception], None],
        *,
        tripwire: bool = False,
    ) -> None:
        self._fail = fail
        self._running = running
        self._thread_id = thread_id
        self._aux_ring = aux_ring
        self._places = places
        self._clock = clock
        self._cpu, self._threads = CpuShares(thread_id, clock), ThreadTimes()
        self._wants_tripwire = tripwire
        self._tripwire: Tripwire | None = None
        self._greenlet: Any = None
        self._stop = threading.Lock()
        self._stop.acquire()
        self._over = False
        self._ended = threading.Lock()

    def start(self) -> None:
        """Start the thread. On another thread than the loop's, there is no tripwire or greenlet.

        Raises RuntimeError if the system gives no more threads.
        """
        if threading.get_ident() == self._thread_id:
            self._greenlet = _main_greenlet()
        if threading.get_ident() == self._thread_id and self._wants_tripwire:
            with contextlib.suppress(Exception):  # else samples come after the block
                path = self._aux_ring.path.with_name(DUMP_FILE)
                self._tripwire = Tripwire(path, self._places.folders())
                self._tripwire.put_off()
        self._ended.acquire()
        try:
            _thread.start_new_thread(
                self._watch, ()
            )  # so it is not counted among the app's threads
        except RuntimeError:
            self._ended.release()
            if self._tripwire is not None:
                self._tripwire.disarm()
                self._tripwire.close()
            raise
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the thread and wait for its end. Safe to call twice."""
        if self._over:
            return
        self._over = True
        atexit.unregister(self.stop)
        self._stop.release()
        with self._ended:
            pass
        if self._tripwire is not None:
            self._tripwire.close()

    def _watch(self) -> None:
        try:
            self._go_round()
        except ThreadEndedError:
            pass  # the loop and its probe end with it
        except Exception as error:  # noqa: BLE001 - the app must go on
            self._fail("watchdog", error)
        finally:
            if self._tripwire is not None:
                self._tripwire.disarm()
            self._ended.release()

    def _go_round(self) -> None:
        stop, running, clock, note = self._stop.acquire, self._running, self._clock, self._cpu.note
        tripwire = self._tripwire
        last = came = clock()
        sampled = noted = 0
        while True:
            started, task = running()
            due = came + PATIENCE_NS
            if started:
                sample_due = max(started, sampled) + PATIENCE_NS
                if came < sample_due:
                    due = sample_due
                else:
                    self._sample(started, task, was_starved=came - last > STARVED_NS)
                    sampled = clock()
            if tripwire is not None:
                if came - last > STARVED_NS:
                    self._write_dump()
                tripwire.put_off()
            note()
            if came - noted > _NOTE_NS:
                noted = came
                self._threads.note()
            # A round that lost the GIL or its core may end in the middle of a long callback, or at
            # its very end: then the next one begins at once.
            if stop(True, max(due - clock(), 0) / 1e9):
                return
            last, came = came, clock()

    def _sample(self, started: int, task: int, *, was_starved: bool) -> None:
        # The stack comes first, then the check that it is that callback's: the loop waits for the
        # GIL, and may get it at any step if this thread loses its core for 5 ms.
        seen = thread_frames(self._thread_id)
        if self._running()[0] != started:
            return
        around = [] if self._greenlet is None else stack_frames(self._greenlet.gr_frame)
        stack = stack_of(self._places, seen + around)
        text = ""
        if self._cpu.starved() and not self._places.has_user_frame(frame for frame, _ in seen):
            computes = self._computing(sys._current_frames())
            if computes is not None:
                stack = stack_of(self._places, stack_frames(computes))
            text = "gil:"
        elif was_starved:
            self._write_dump(started, task, stack)
        self._write(stack, started, task, text)

    def _write_dump(self, started: int = 0, task: int = 0, stack: Stack | None = None) -> None:
        """Write a dump, if there is one, as a sample; of that callback unless it is over by now."""
        dump = None if self._tripwire is None else self._tripwire.take()
        if dump is None or self._cpu.starved():
            return
        dumped = dumped_stack(self._places, dump.frames, stack)
        if stack is None or started > dump.at_ns:  # the dump's callback is over
            self._write(dumped, 0, 0, at=dump.at_ns)
        elif dumped.frames[:1] != stack.frames[:1]:
            self._write(dumped, started, task)

    def _write(self, stack: Stack, started: int, task: int, prefix: str = "", at: int = 0) -> None:
        if stack.frames:
            text = prefix + stack.text(self._aux_ring.intern_all(stack.frames))
            self._aux_ring.write(Kind.STALL, a=started, task_id=task, text=text, at=at)

    def _computing(self, frames: dict[int, FrameType]) -> FrameType | None:
        """The innermost frame of the busiest thread, except the loop's and loopviz's own."""
        most, found = -1, None
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.ident == self._thread_id:
                continue
            if frame.f_code.co_filename.endswith(_WAITS) or thread.name.startswith("loopviz "):
                continue
            used = self._threads.used(thread)  # the frame does not show a wait in C code
            if used > most:
                most, found = used, frame
        return found


def _main_greenlet() -> Any:
    """The thread's outermost greenlet, where the loop runs; None if greenlets are not used."""
    greenlet = sys.modules.get("greenlet")
    found = greenlet.getcurrent() if greenlet is not None else None
    while found is not None and found.parent is not None:
        found = found.parent
    return found
