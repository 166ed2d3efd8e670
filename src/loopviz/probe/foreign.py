"""Hooks for loops whose callbacks cannot be seen: they record tasks' steps, and lag.

Such a loop runs its callbacks in a way of its own, but accepts a task factory: ours gives each task
a coroutine that records when a step starts and ends. What the loop does in between is unknown and
recorded as such (`STOPPED` after each step); ready delay, idle time and utilization are, too.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from loopviz.clock import Clock
from loopviz.probe.await_site import make_place_of
from loopviz.probe.hooks import Hooks, write_nothing
from loopviz.probe.places import Places
from loopviz.probe.requests import make_requests
from loopviz.probe.tasks import group_owner, make_tasks, name_given
from loopviz.wire.events import B_SHIFT, NUMBER, RECORD, Kind, tag
from loopviz.wire.ring import Ring

__all__ = ["TaskFactory", "WatchedCoroutine", "make_foreign_hooks"]


_CREATE_TASK = asyncio.BaseEventLoop.create_task.__code__
_TASKS: tuple[Any, ...] = (asyncio.Task, asyncio.tasks._PyTask)  # type: ignore[attr-defined]


def _call_when_done(task: Any, callback: Callable[[Any], None]) -> None:
    """As `task.add_done_callback`, past what a subclass makes of that."""
    kind = next((kind for kind in _TASKS if isinstance(task, kind)), type(task))
    kind.add_done_callback(task, callback)


class WatchedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine that records its steps and otherwise behaves like the one that it wraps."""

    __slots__ = ("__weakref__", "_begin", "_coroutine", "_end", "_task")

    def __init__(self, coroutine: Any, begin: Any, end: Any) -> None:
        self._coroutine = coroutine
        self._begin = begin
        self._end = end
        self._task: Any = None

    def send(self, value: Any) -> Any:
        self._begin(self)
        try:
            return self._coroutine.send(value)
        finally:
            self._end()

    def throw(self, *error: Any) -> Any:
        self._begin(self)
        try:
            return self._coroutine.throw(*error)
        finally:
            del error  # its traceback refers to this frame
            self._end()

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Any:
        """To a factory of the app's that awaits it in a coroutine of its own."""
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)

    def __repr__(self) -> str:
        return repr(self._coroutine)


class TaskFactory:
    """Ours in a foreign loop, around the app's own, which the app may set and ask for as usual.

    aiomonitor, for one, sets one of its own while it runs; that replaced ours.
    """

    def __init__(self, loop: Any, make: Callable[[Any], Any]) -> None:
        """`make` makes ours of the app's (None: it has none)."""
        self._set, self._make = loop.set_task_factory, make
        self.set(loop.get_task_factory())

    def set(self, factory: Any) -> None:
        if factory is None or callable(factory):
            self._set(self._make(factory))
        else:
            self._set(factory)  # raises
        self._apps = factory

    def get(self) -> Any:
        return self._apps

    def restore(self) -> None:
        self._set(self._apps)


def make_foreign_hooks(
    loop: Any, ring: Ring, places: Places, clock: Clock, fail: Callable[[str, Exception], None]
) -> Hooks:
    """The hooks of a foreign loop, as `make_python_hooks`; but `create_task` makes a factory."""
    records, pack, intern = ring.records, RECORD.pack_into, ring.intern
    claim, mask = itertools.count(ring.written + 1).__next__, ring.bytes_mask
    stopped = tag(Kind.STOPPED)
    started, task_tag = 0, 0

    def write(at: int, a: int, record_tag: int) -> None:
        seq = claim()
        pack(records, seq << 5 & mask, at, a, record_tag, seq)

    tasks = make_tasks(write, intern, clock)
    place_of = make_place_of(places, intern)

    def running_task() -> int:
        return task_tag & NUMBER

    def begin(coroutine: WatchedCoroutine) -> None:
        nonlocal started, task_tag
        try:
            task = coroutine._task
            if task is None:
                task = coroutine._task = asyncio.current_task(loop)
            task_tag = getattr(task, "_loopviz_tag", 0) or tasks.adopt(task)
            place = place_of(coroutine._coroutine)
            started = now = clock()
            write(now, now, task_tag | place << B_SHIFT)
        except Exception as error:  # noqa: BLE001 - the app must go on
            fail("step", error)

    def end() -> None:
        nonlocal started, task_tag
        try:
            write(clock(), 0, stopped)
        except Exception as error:  # noqa: BLE001
            fail("step", error)
        started = task_tag = 0

    def make_factory(original: Any) -> Callable[..., Any]:
        make: Any = original or asyncio.Task

        def factory(on: Any, coro: Any, **options: Any) -> Any:
            parent = task_tag
            watched = WatchedCoroutine(coro, begin, end)
            task = make(on, watched, **options) if original else make(watched, loop=on, **options)
            try:
                if not hasattr(task, "_loopviz_tag"):
                    caller: Any = sys._getframe(1)
                    if caller.f_code is _CREATE_TASK and caller.f_locals.get("name") is None:
                        caller = caller.f_back  # it may name the task, or own its group
                    frame = places.user_frame(caller)
                    code, lasti = (frame.f_code, frame.f_lasti) if frame else (None, 0)
                    owner = group_owner(caller)
                    parent = parent if owner is None else tasks.number(owner)
                    tasks.register(task, coro, parent, code, lasti, name_given(caller, options))
                watched._task = task
                _call_when_done(task, lambda task: ended(task, watched))
            except Exception as error:  # noqa: BLE001
                fail("create_task", error)
            return task

        return factory

    def ended(task: Any, watched: WatchedCoroutine) -> None:
        try:
            watched._task = None  # breaks a cycle, or tasks would stay until a collection
            tasks.end(task, clock())
        except Exception as error:  # noqa: BLE001
            fail("task_end", error)

    def heartbeat(_callback: Any) -> None:
        """Do nothing: `install` records it."""

    def adopt(found: Iterable[Any], _current: Any) -> None:
        for task in found:  # of these no steps are seen, only the end
            if not task.done():
                own = tasks.adopt(task)
                if getattr(task, "_fut_waiter", None) is not None:
                    write(clock(), 0, tag(Kind.SUSPENDED, own, place_of(task.get_coro())))
                _call_when_done(task, lambda task: tasks.end(task, clock()))

    def stop() -> None:
        write(clock(), 0, stopped)
        abandon()

    def abandon() -> None:
        nonlocal pack, started, task_tag
        started, task_tag = 0, 0
        if pack is not write_nothing:
            pack = write_nothing
            ring.written = claim() - 1

    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("a foreign loop runs its callbacks itself")

    requests = make_requests(write, running_task, intern, clock, fail)
    return Hooks(
        run_once=refuse,
        call_soon=refuse,
        call_soon_from_anywhere=refuse,
        create_task=make_factory,
        first_iteration=refuse,
        last_iteration=refuse,
        write=write,
        task=running_task,
        number=tasks.number,
        running=lambda: (started, task_tag & NUMBER),
        request_start=requests.start,
        request_end=requests.end,
        heartbeat=heartbeat,
        adopt=adopt,
        stop=stop,
        abandon=abandon,
    )
