"""The hooks of a uvloop: those of asyncio's loop, and what tells them what uvloop turns to.

uvloop runs its iterations in C, but callbacks come to it through methods that can be replaced on
the loop. Ours hand it a `WatchedCall` in the place of each callback, which records it as asyncio's
loop would. uvloop makes the handles and runs them: all that an app sees of these is its own.

Between two calls uvloop works in C. What is known of that:

- While calls are queued it does not wait, so it is busy.
- Else it is idle, but for the CPU time that its thread takes until the next call.
- It runs protocols' methods from C. That becomes known when one schedules a callback, makes a task
  or is seen by the watchdog, and is recorded as the callback `IO`.
"""

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from loopviz.clock import MS, Clock, monotonic_ns
from loopviz.probe.hooks import Handle, Hooks, Turns, make_python_hooks
from loopviz.probe.places import Places
from loopviz.probe.tasks import cares
from loopviz.wire.events import B_SHIFT, Kind, tag
from loopviz.wire.ring import Ring

__all__ = [
    "IO",
    "METHODS",
    "NOTABLE_NS",
    "TaskFactories",
    "WatchedCall",
    "cpu_clock",
    "is_soon",
    "is_uvloop",
    "make_uvloop_hooks",
    "runs_between",
]

IO = "uvloop's I/O\t\t0\t"
"""The site of what uvloop runs from C: protocols, mostly."""
NOTABLE_NS = 1 * MS
"""If its thread computed for that long before a call, it was not only on its way to that."""
_UNKNOWN, _CALL, _IO, _POLL, _IDLE = range(5)
"""What the loop does: not known; a call, or one of a batch; code that it runs from C; what it does
between calls while more are queued; it waits, as far as is known."""
METHODS = (
    "call_soon",
    "call_soon_threadsafe",
    "call_later",
    "call_at",
    "add_reader",
    "add_writer",
)
_OWN = __file__


def is_uvloop(loop: Any) -> bool:
    """True if it is a uvloop whose own methods take its callbacks."""
    base = getattr(sys.modules.get("uvloop"), "Loop", None)
    if base is None or not isinstance(loop, base):
        return False
    return all(
        name not in vars(loop) and getattr(type(loop), name) is getattr(base, name)
        for name in (*METHODS, "create_task", "set_task_factory")
    )


class TaskFactories:
    """Knows the task factory of a uvloop, which does not say where it keeps it."""

    def __init__(self, loop: Any) -> None:
        self._set, self._get = loop.set_task_factory, loop.get_task_factory
        self._task_factory = self._get()

    def set_task_factory(self, factory: Any) -> None:
        """In the place of the loop's own."""
        self._set(factory)
        self._task_factory = self._get()


class WatchedCall:
    """A callback that records when it runs. To a handle it looks like the callback."""

    __slots__ = ("_callback", "_calls", "_due", "_handle", "_number")

    def __init__(self, calls: "_Calls", callback: Any) -> None:
        self._calls, self._callback = calls, callback
        self._due = 0
        """When it is due, of a timer; 0: none, or not known."""
        self._number = 0
        """Of a call in the loop's queue; 0: it is in none, or has run."""
        self._handle: Handle | None = None
        """Of such a call: since when it is ready, and what made it so."""

    def __call__(self, *args: Any) -> Any:
        self._calls.begin(self)
        try:
            return self._callback(*args)
        finally:
            self._calls.end(self)

    def __del__(self) -> None:
        if self._number:  # the handle was cancelled
            self._calls.gone(self._number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._callback, name)

    def __repr__(self) -> str:
        return repr(self._callback)

    def __str__(self) -> str:
        return str(self._callback)


class _Calls:
    """The calls of one loop, and what it does between them."""

    def __init__(
        self,
        loop: Any,
        hooks: Hooks,
        ring: Ring,
        places: Places,
        clock: Clock,
        fail: Callable[[str, Exception], None],
    ) -> None:
        assert hooks.turns is not None
        self.fail = fail
        self._loop, self._hooks, self._places, self._clock = loop, hooks, places, clock
        self._turns: Turns = hooks.turns
        self._own = {name: getattr(loop, name) for name in METHODS}
        self._io = tag(Kind.CALLBACK, 0, ring.intern(IO))
        self._numbers = itertools.count(1)
        self._queued: set[int] = set()
        """Those that are queued and have not run. Other threads add to it."""
        self._newest = 0
        self._batch, self._left = 0, 0
        """The newest call of the batch that runs, and how many of it are left."""
        self._phase = _UNKNOWN
        self._since = self._turned = 0
        """When the loop went on to C code; when its iteration began."""
        self._noticed = False
        """Somebody notices the end of the task whose step runs."""
        self._thread = self._runner = 0
        """The loop's thread; the id of the frame that runs the loop on it."""
        self._cpu: Callable[[], int] | None = None
        self._cpu_before = 0

    # ---- methods of the loop

    def methods(self) -> dict[str, Callable[..., Any]]:
        return {name: getattr(self, name) for name in METHODS}

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        if self._phase != _CALL:
            self._show()
        _, _, cause, task = self._turns.now()
        if args and args[0] is task and task is not None and cares(callback):
            self._noticed = True
        return self._own["call_soon"](self._queue(callback, cause), *args, context=context)

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        call = self._queue(callback, 0)  # not by what the loop runs at the moment
        return self._own["call_soon_threadsafe"](call, *args, context=context)

    def call_later(self, delay: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        if not isinstance(callback, WatchedCall):
            due = self._clock() + round(delay * 1e9) if delay < 1e9 else 0
            callback = self._timer(callback, due, soon=is_soon(delay))
        return self._own["call_later"](delay, callback, *args, context=context)

    def call_at(self, when: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        soon = is_soon(when - self._loop.time())
        callback = self._timer(callback, round(when * 1e9) if when < 1e9 else 0, soon=soon)
        return self._own["call_at"](when, callback, *args, context=context)  # by `call_later`

    def add_reader(self, fileobj: Any, callback: Any, *args: Any) -> Any:
        return self._own["add_reader"](fileobj, WatchedCall(self, callback), *args)

    def add_writer(self, fileobj: Any, callback: Any, *args: Any) -> Any:
        return self._own["add_writer"](fileobj, WatchedCall(self, callback), *args)

    def _timer(self, callback: Any, due: int, *, soon: bool) -> WatchedCall:
        call = self._queue(callback, self._turns.now()[2]) if soon else WatchedCall(self, callback)
        call._due = due
        return call

    def _queue(self, callback: Any, cause: int) -> WatchedCall:
        call = WatchedCall(self, callback)
        handle = call._handle = Handle()
        handle._callback = callback
        handle.ready_ns, handle.cause = self._clock(), cause
        self._newest = number = next(self._numbers)
        self._queued.add(number)
        call._number = number
        return call

    def gone(self, number: int) -> None:
        """A call of the queue will not run."""
        if number in self._queued:
            self._queued.discard(number)
            if number <= self._batch:
                self._left = max(self._left - 1, 0)

    # ---- what the loop does

    def begin(self, call: WatchedCall) -> None:
        """The loop turns to a call."""
        try:
            before, self._phase = self._phase, _CALL
            if not call._number:
                self._left = 0
            elif not self._left:
                self._batch, self._left = self._newest, len(self._queued)
            if before != _CALL:
                self._arrive(before)
                self._note_runner(sys._getframe(2))
            if call._number:
                self._queued.discard(call._number)
                self._left -= 1
                call._number = 0
            self._noticed = False
            found = self._turns.to(call._handle or call)
            if call._due and found:
                started = self._turns.now()[0]
                site = found >> B_SHIFT << B_SHIFT
                self._hooks.write(started, min(call._due, started), tag(Kind.TIMER) | site)
        except Exception as error:  # noqa: BLE001 - the app must go on
            self.fail("callback", error)

    def end(self, call: WatchedCall) -> None:
        """The call is over."""
        try:
            self._turns.over(self._noticed)
            if not self._left:
                self._leave(batch=call._handle is not None)
        except Exception as error:  # noqa: BLE001
            self.fail("callback", error)

    def first(self) -> None:
        """End the step in which the probe was installed. Runs as a callback of its own."""
        if self._phase == _IO:
            self._turns.over(False)
            self._note_runner(sys._getframe(1))
            self._leave(batch=True)

    def _leave(self, *, batch: bool) -> None:
        """The loop goes on in C."""
        now = self._since = self._clock()
        if not self._queued:
            self._hooks.write(now, 0, tag(Kind.IDLE))
            self._turns.set(0, 0, self._turned)
            self._cpu_before = self._cpu() if self._cpu is not None else 0
            self._phase = _IDLE
        elif batch:
            self._turn(now, now, _POLL)
        else:
            self._phase = _POLL

    def _arrive(self, before: int) -> None:
        """A call or code run from C begins; `before`: what the loop did, as far as was known."""
        if before == _IDLE:
            now = self._clock()
            used = self._cpu() - self._cpu_before if self._cpu is not None else 0
            woke = max(now - max(used, 0), self._since)
            phase = self._phase
            self._turn(woke, self._since, phase)
            if now - woke >= NOTABLE_NS:
                self._turn_to_io(woke)
                self._phase = phase
        elif before == _UNKNOWN:
            now = self._clock()
            self._turn(now, now, self._phase)

    def _turn(self, at: int, since: int, phase: int) -> None:
        """An iteration begins; the one before it ended at `since`."""
        self._hooks.write(at, since, tag(Kind.POLLED, 0, int(at > since)))
        self._turned = at
        self._turns.set(0, 0, at)
        self._phase = phase

    def _turn_to_io(self, at: int) -> None:
        self._hooks.write(at, at, self._io)
        self._turns.set(at, self._io, self._turned)
        self._phase = _IO

    def _show(self) -> None:
        """Code that the loop runs from C gives a sign of itself."""
        try:
            before = self._phase
            if before == _IO or threading.get_ident() != self._thread:
                return
            if not self._loop.is_running():
                if before != _UNKNOWN:
                    self._hooks.write(self._clock(), 0, tag(Kind.STOPPED))
                    self._phase = _UNKNOWN
                return
            self._arrive(before)
            if self._phase != _IO:
                self._turn_to_io(self._since if before == _POLL else self._turned)
        except Exception as error:  # noqa: BLE001
            self.fail("callback", error)

    def _note_runner(self, frame: FrameType) -> None:
        """The frame that runs the loop; stacks end there."""
        found = id(frame), threading.get_ident()
        if found != (self._runner, self._thread):
            self._runner, self._thread = found
            self._cpu = cpu_clock(self._thread) if self._clock is monotonic_ns else None
            self._places.add_runner(frame.f_code)

    # ---- the probe's own

    def running(self) -> tuple[int, int]:
        """As `Hooks.running`. The watchdog asks: what runs from C is then seen, too."""
        started, task = self._hooks.running()
        if self._phase in (_CALL, _UNKNOWN) or not self._runner or not self._loop.is_running():
            return started, task
        inside = runs_between(self._thread, self._runner)
        if inside is None:
            return started, task
        now = self._clock()
        if self._phase == _IO and not inside and not self._queued:
            self._leave(batch=False)
            return 0, 0
        if self._phase != _IO and inside:
            if self._phase == _IDLE:
                self._turn(now, self._since, _IO)
            self._turn_to_io(now)
            return now, 0
        return started, task

    def adopt(self, tasks: Any, current: Any) -> None:
        """As `Hooks.adopt`."""
        self._hooks.adopt(tasks, current)
        if asyncio._get_running_loop() is self._loop:
            self._phase = _IO
            self._own["call_soon"](self.first)


def make_uvloop_hooks(
    loop: Any, ring: Ring, places: Places, clock: Clock, fail: Callable[[str, Exception], None]
) -> Hooks:
    """The hooks of a uvloop, as `make_python_hooks`."""
    factories = TaskFactories(loop)
    hooks = make_python_hooks(loop, ring, places, clock, fail, factories)
    calls = _Calls(loop, hooks, ring, places, clock, fail)
    return hooks._replace(
        running=calls.running,
        adopt=calls.adopt,
        methods=calls.methods() | {"set_task_factory": factories.set_task_factory},
    )


def is_soon(delay: Any) -> bool:
    """True if uvloop, whose timers are due to the millisecond, queues such a callback at once."""
    return bool(delay < 0.01) and round(max(delay, 0) * 1000) == 0


def cpu_clock(thread: int) -> Callable[[], int] | None:
    """The CPU time of a thread in ns, for any thread; None if the system does not tell."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    clock = time.pthread_getcpuclockid(thread)
    return lambda: time.clock_gettime_ns(clock)


def runs_between(thread: int, runner: int) -> bool | None:
    """True if the loop runs Python code on that thread that is no call; None: one begins or ends.

    `runner` is the id of the frame that runs the loop.
    """
    frame = innermost = sys._current_frames().get(thread)
    while frame is not None and id(frame) != runner:
        if frame.f_code.co_filename == _OWN:
            return None
        frame = frame.f_back
    return frame is not None and frame is not innermost
