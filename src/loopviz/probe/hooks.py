"""The hooks: what runs on the loop's own thread for every callback. Closures, and nothing else.

Everything hot lives in one function, `make_hooks`, since closure cells are the cheapest state
that Python has (attributes cost twice as much). The loop itself gives all the moments:

- its ready queue (`loop._ready`) is replaced by a deque whose `append` notes when a callback
  became ready and whose `popleft` is the moment at which the loop turns to it;
- `selector.select` is where it goes idle and where an iteration starts;
- `loop.create_task` is where tasks come from, uvicorn's too.

A hook that raises is reported once; however often it does, the loop goes on.
"""

import asyncio
import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.places import Places, callback_key, callback_site, coroutine_code
from loopviz.wire.events import (
    RECORD,
    RECORD_SIZE,
    TASK_CANCELLED,
    TASK_RAISED,
    TASK_RETURNED,
    Kind,
)
from loopviz.wire.ring import HEADER_SIZE, RingFile

__all__ = ["Hooks", "make_hooks"]

_NAMES_KEPT = 1000
"""Task names and paths are often unique per task: intern this many of each, then none."""


_STEP_CLASSES = ("TaskStepMethWrapper", "TaskStepWrapper")
_STEP_NAMES = ("task_wakeup", "__step", "__wakeup")
"""What asyncio's C and Python tasks schedule for a step; `task.cancel`, say, is none."""

_NAME_AFTERWARDS = (asyncio.create_task.__code__, asyncio.TaskGroup.create_task.__code__)
"""Before 3.13 these give the task its name only after `loop.create_task` has returned."""


_numbers = itertools.count(1)
"""Task numbers, unique in the process. A task keeps its own as an attribute: a dictionary of
tasks would cost twice as much per step, and could confuse two that share an address."""


class Hooks(NamedTuple):
    """What `probe.install` puts into the loop, and what the other parts of the probe ask."""

    ready_queue: Callable[[], deque[Any]]
    """Make the deque that stands in for `loop._ready`."""
    select: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wrap a selector's `select`."""
    create_task: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wrap a loop's `create_task`."""
    write: Callable[[int, int, int, int], None]
    """`write(kind, a, who, b)` at this moment. Loop's thread only."""
    running: Callable[[], tuple[int, int]]
    """When the running callback started (0: the loop is idle) and its task. Any thread."""
    request_start: Callable[[dict[str, Any], int], None]
    request_end: Callable[[dict[str, Any], int], None]
    heartbeat: Callable[[Any], None]
    """Tell the hooks which callback is our own heartbeat, so that it is shown as such."""
    adopt: Callable[[Iterable[Any], Any], None]
    """Take up the tasks that are there already, the one whose step is running among them."""
    stop: Callable[[], None]
    """Nothing is recorded from here on."""


def make_hooks(
    ring: RingFile, places: Places, clock: Clock, fail: Callable[[str, BaseException], None]
) -> Hooks:
    """The hooks of one loop, writing into `ring`. `fail(hook, error)` hears of a broken one."""
    buffer, first, end = ring.buffer, HEADER_SIZE, HEADER_SIZE + ring.capacity * RECORD_SIZE
    pack, size, intern = RECORD.pack_into, RECORD_SIZE, ring.intern
    step, callback_ = int(Kind.STEP), int(Kind.CALLBACK)
    idle, polled = int(Kind.IDLE), int(Kind.POLLED)
    append_, popleft_ = deque.append, deque.popleft
    step_names = _STEP_NAMES
    timer_handle, task_type = asyncio.TimerHandle, asyncio.Task

    offset = first  # of the next record
    written = 0  # records so far; a record's seq counts from 1
    started = 0  # when the running callback started; 0 while idle
    who = 0  # its task's number
    owner: Any = None  # its task, held until the next switch to see whether it ended
    sites: dict[Any, int] = {}
    names: dict[str, int] = {}
    our_heartbeat: Any = None
    step_type: Any = None  # of C tasks; learnt from the first step

    def write(kind: int, a: int, task: int, b: int, at: int = 0) -> None:
        nonlocal written, offset
        written += 1
        pack(buffer, offset, at or clock(), a, task, b << 8 | kind, written)
        offset += size
        if offset == end:
            offset = first

    def running() -> tuple[int, int]:
        return started, who

    def name_of(text: str) -> int:
        known = names.get(text)
        if known is None:
            if len(names) >= _NAMES_KEPT:
                return 0
            known = names[text] = intern(text)
        return known

    def end_task(task: Any, now: int) -> None:
        if task.cancelled():
            outcome = TASK_CANCELLED
        else:
            # task.exception() would mark the exception as retrieved; the attribute does not
            outcome = TASK_RAISED if task._exception is not None else TASK_RETURNED
        write(Kind.TASK_END, 0, task._loopviz_number, outcome, now)

    def register(
        task: Any,
        parent: int = 0,
        spawned_at: CodeType | None = None,
        line: int = 0,
        name: str = "",
    ) -> int:
        number = task._loopviz_number = next(_numbers)
        coroutine = task.get_coro()
        code = coroutine_code(coroutine)
        key = (code or type(coroutine), spawned_at, line)
        b = sites.get(key)
        if b is None:
            what = code.co_qualname if code else type(coroutine).__qualname__
            place = spawned_at or code
            file = place.co_filename if place else ""
            at = line if spawned_at else code.co_firstlineno if code else 0
            inside = place.co_qualname if place else ""
            b = sites[key] = intern(f"{what}\t{file}\t{at}\t{inside}")
        name = name or task.get_name()
        a = (parent << 32) | (0 if name.startswith("Task-") else name_of(name))
        write(Kind.TASK_START, a, number, b)
        return number

    def is_step(callback: Any) -> bool:
        nonlocal step_type
        if type(callback).__name__ in _STEP_CLASSES:
            step_type = type(callback)
            return True
        return getattr(callback, "__name__", "") in _STEP_NAMES

    def turn_to_other(handle: Any, ready: int, now: int) -> None:
        """The callback is no known task's step: a timer's, a transport's, or a new task's."""
        nonlocal owner, who
        owner, who = None, 0
        callback = handle._callback
        if callback is None:
            return  # cancelled: the loop will pass over it
        bound = getattr(callback, "__self__", None)
        if isinstance(bound, task_type) and is_step(callback):
            owner, who = bound, getattr(bound, "_loopviz_number", 0) or register(bound)
            write(step, ready, who, 0, now)
            return
        b = 0
        if callback is not our_heartbeat:
            key = callback_key(callback)
            b = sites.get(key, 0)
            if not b:
                b = sites[key] = intern(callback_site(callback))
        write(callback_, ready, 0, b, now)
        if type(handle) is timer_handle:
            write(Kind.TIMER, round(handle.when() * 1e9), 0, b, now)

    class ReadyQueue(deque[Any]):
        """The loop's ready queue, each callback with the time at which it became ready."""

        __slots__ = ()

        def append(self, handle: Any) -> None:
            append_(self, (handle, clock()))

        def popleft(self) -> Any:
            nonlocal written, offset, started, who, owner
            handle, ready = popleft_(self)
            try:
                started = now = clock()
                if owner is not None and owner.done():
                    end_task(owner, now)
                try:
                    callback = handle._callback
                    owner = callback.__self__
                    who = owner._loopviz_number
                    if type(callback) is not step_type and callback.__name__ not in step_names:
                        raise AttributeError  # noqa: TRY301 - a timeout's `task.cancel`, say
                except AttributeError:
                    turn_to_other(handle, ready, now)
                else:
                    written += 1
                    pack(buffer, offset, now, ready, who, step, written)
                    offset += size
                    if offset == end:
                        offset = first
            except Exception as error:  # noqa: BLE001 - the app must go on
                owner, who = None, 0
                fail("callback", error)
            return handle

        def appendleft(self, handle: Any) -> None:
            deque.appendleft(self, (handle, clock()))

        def insert(self, index: int, handle: Any) -> None:
            deque.insert(self, index, (handle, clock()))

        def extend(self, handles: Any) -> None:
            for handle in handles:
                self.append(handle)

        def __iter__(self) -> Iterator[Any]:
            return (pair[0] for pair in deque.__iter__(self))

        def __contains__(self, handle: object) -> bool:
            return any(pair[0] is handle for pair in deque.__iter__(self))

        def __getitem__(self, index: Any) -> Any:
            return deque.__getitem__(self, index)[0]

        def pairs(self) -> list[tuple[Any, int]]:
            return list(deque.__iter__(self))

    def wrap_select(original: Callable[..., Any]) -> Callable[..., Any]:
        def select(timeout: float | None = None) -> Any:
            nonlocal started, owner, who
            began = clock()
            try:
                if owner is not None:
                    if owner.done():
                        end_task(owner, began)
                    owner = None
                started = who = 0
                if timeout is None or timeout > 0:
                    write(idle, 0, 0, 0, began)
            except Exception as error:  # noqa: BLE001
                fail("select", error)
            events = original(timeout)
            try:
                write(polled, began, 0, len(events))
            except Exception as error:  # noqa: BLE001
                fail("select", error)
            return events

        return select

    def wrap_create_task(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_task(coro: Any, **options: Any) -> Any:
            parent = who
            task = original(coro, **options)
            try:
                if task.done():
                    return task  # an eager task may be over already
                caller = sys._getframe(1)
                late_name = caller.f_code in _NAME_AFTERWARDS and caller.f_locals.get("name")
                frame = places.user_frame(caller)
                spawned_at, line = (frame.f_code, frame.f_lineno) if frame else (None, 0)
                register(task, parent, spawned_at, line, str(late_name or ""))
            except Exception as error:  # noqa: BLE001
                fail("create_task", error)
            return task

        return create_task

    def request_start(scope: dict[str, Any], sent: int) -> None:
        try:
            write(Kind.REQUEST_START, sent, who, name_of(f"{scope['method']} {scope['path']}"))
        except Exception as error:  # noqa: BLE001
            fail("request_start", error)

    def request_end(scope: dict[str, Any], status: int) -> None:
        try:
            path = getattr(scope.get("route"), "path", None)
            name = f"{scope['method']} {path or scope['path']}"
            # templates are few: each has its name, however many paths came before
            write(Kind.REQUEST_END, status, who, intern(name) if path else name_of(name))
        except Exception as error:  # noqa: BLE001
            fail("request_end", error)

    def heartbeat(callback: Any) -> None:
        nonlocal our_heartbeat
        our_heartbeat = callback

    def adopt(tasks: Iterable[Any], current: Any) -> None:
        nonlocal owner, who, started
        for task in tasks:
            if not task.done():
                register(task)
        if current is not None:
            owner, who, started = current, current._loopviz_number, clock()
            write(step, started, who, 0, started)

    def stop() -> None:
        nonlocal owner, who, started
        owner, who, started = None, 0, 0
        try:
            write(Kind.STOPPED, 0, 0, 0)
        except Exception as error:  # noqa: BLE001
            fail("stop", error)

    return Hooks(
        ReadyQueue,
        wrap_select,
        wrap_create_task,
        write,
        running,
        request_start,
        request_end,
        heartbeat,
        adopt,
        stop,
    )
