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
from types import BuiltinMethodType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.places import Places, callback_site, coroutine_code
from loopviz.wire.events import (
    B_SHIFT,
    NUMBER,
    RECORD,
    RECORD_SIZE,
    TASK_CANCELLED,
    TASK_RAISED,
    TASK_RETURNED,
    Kind,
    tag,
)
from loopviz.wire.ring import HEADER_SIZE, RingFile

__all__ = ["Hooks", "make_hooks"]

_NAMES_KEPT = 1000
"""Task names and paths are often unique per task: intern this many of each, then none."""


_STEP_CLASSES = ("TaskStepMethWrapper", "TaskStepWrapper")
_WAKEUP = "task_wakeup"
_PYTHON_STEPS = ("__step", "__wakeup")
"""What asyncio's C and Python tasks schedule for a step; `task.cancel`, say, is none."""

_NAME_AFTERWARDS = (asyncio.create_task.__code__, asyncio.TaskGroup.create_task.__code__)
"""Before 3.13 these give the task its name only after `loop.create_task` has returned."""


_numbers = itertools.count(1)
"""Task numbers, unique in the process. A task keeps its own as an attribute, in the form of its
step's record tag: a dictionary of tasks would cost twice as much per step, and could confuse two
that share an address."""


class Hooks(NamedTuple):
    """What `probe.install` puts into the loop, and what the other parts of the probe ask."""

    ready_queue: Callable[[], deque[Any]]
    """Make the deque that stands in for `loop._ready`."""
    select: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wrap a selector's `select`."""
    create_task: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wrap a loop's `create_task`."""
    write: Callable[[int, int, int], None]
    """`write(at, a, tag)`, for `wire.events.tag`. Loop's thread only."""
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
    append_, popleft_ = deque.append, deque.popleft
    timer_handle, task_type = asyncio.TimerHandle, asyncio.Task
    builtin, method, function = BuiltinMethodType, MethodType, FunctionType
    named_later, named_later_too = _NAME_AFTERWARDS
    wakeup, user_frame = _WAKEUP, places.user_frame
    step, callback_tag = tag(Kind.STEP), tag(Kind.CALLBACK)
    idle, polled, timer = tag(Kind.IDLE), tag(Kind.POLLED), tag(Kind.TIMER)
    task_start, task_end = tag(Kind.TASK_START), tag(Kind.TASK_END)
    request_started, request_ended = tag(Kind.REQUEST_START), tag(Kind.REQUEST_END)

    offset = first  # of the next record
    written = 0  # records so far; a record's seq counts from 1
    started = 0  # when the running callback started; 0 while idle
    who = 0  # its task's tag, 0 if it has no task
    owner: Any = None  # its task, held until the next switch to see whether it ended
    sites: dict[tuple[int, int, int], int] = {}  # of tasks; by id(code), see `Places`
    tags: dict[Any, int] = {}  # of callbacks, by id(code) or type and name
    kept: list[Any] = []  # what has its id in them, so that no other gets it
    names: dict[Any, int] = {}
    templates: dict[tuple[int, str], int] = {}  # of routes
    our_heartbeat: Any = None
    step_type: Any = None  # of C tasks; learnt from the first step

    def write(at: int, a: int, record_tag: int) -> None:
        nonlocal written, offset
        written += 1
        pack(buffer, offset, at, a, record_tag, written)
        offset += size
        if offset == end:
            offset = first

    def running() -> tuple[int, int]:
        return started, who & NUMBER

    def name_of(*words: str) -> int:
        known = names.get(words)
        if known is None:
            if len(names) >= _NAMES_KEPT:
                return 0
            known = names[words] = intern(" ".join(words))
        return known

    def end_task(task: Any, now: int) -> None:
        # task.exception() would mark the exception as retrieved; the attribute does not
        if task._exception is not None:
            outcome = TASK_RAISED
        else:
            outcome = TASK_CANCELLED if task.cancelled() else TASK_RETURNED
        write(now, 0, (task._loopviz_tag & NUMBER) | task_end | outcome << B_SHIFT)

    def register(
        task: Any,
        coroutine: Any,
        parent: int,
        spawned_at: CodeType | None,
        line: int,
        name: str | None,
    ) -> int:
        number = next(_numbers) & NUMBER
        task._loopviz_tag = number | step
        try:
            code = coroutine.cr_code
        except AttributeError:
            code = coroutine_code(coroutine)
        key = (id(code or type(coroutine)), id(spawned_at), line)
        b = sites.get(key)
        if b is None:
            kept.append((code or type(coroutine), spawned_at))
            what = code.co_qualname if code else type(coroutine).__qualname__
            place = spawned_at or code
            file = place.co_filename if place else ""
            at = line if spawned_at else code.co_firstlineno if code else 0
            inside = place.co_qualname if place else ""
            b = sites[key] = intern(f"{what}\t{file}\t{at}\t{inside}")
        named = 0 if not name or name.startswith("Task-") else name_of(name)
        write(clock(), (parent & NUMBER) << 32 | named, number | task_start | b << B_SHIFT)
        return number | step

    def adopt_task(task: Any) -> int:
        """A task that was made before us, or not by the loop's `create_task`."""
        return register(task, task.get_coro(), 0, None, 0, task.get_name())

    def learn(callback: Any, key: Any) -> int:
        """The tag of a callback that is new to us, kept under the key; 0 for a task's step."""
        nonlocal step_type
        kind = type(callback)
        if kind.__name__ in _STEP_CLASSES:
            step_type = kind
        is_step = kind is step_type or getattr(callback, "__name__", "") in _PYTHON_STEPS
        if is_step and isinstance(callback.__self__, task_type):
            return 0
        b = 0 if callback is our_heartbeat else intern(callback_site(callback))
        found = callback_tag | b << B_SHIFT
        if key is not None:
            tags[key] = found
            kept.append(getattr(getattr(callback, "__func__", callback), "__code__", None))
        return found

    def turn_to_other(handle: Any, callback: Any, kind: Any, ready: int, now: int) -> None:
        """The callback is no known C task's step: a timer's, a transport's, or a new task's."""
        nonlocal owner, who
        owner, who = None, 0
        if callback is None:
            return  # cancelled: the loop will pass over it
        key: Any = None
        if kind is method and type(callback.__func__) is function:
            key = id(callback.__func__.__code__)
        elif kind is function:
            key = id(callback.__code__)
        elif kind is builtin:
            key = type(callback.__self__), callback.__name__
        found = tags.get(key) or learn(callback, key)
        if found:
            write(now, ready, found)
            if type(handle) is timer_handle:
                write(now, round(handle.when() * 1e9), timer | (found >> B_SHIFT) << B_SHIFT)
        else:
            owner = callback.__self__
            who = getattr(owner, "_loopviz_tag", 0) or adopt_task(owner)
            write(now, ready, who)

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
                callback = handle._callback
                kind = type(callback)
                if kind is step_type or (kind is builtin and callback.__name__ == wakeup):
                    owner = callback.__self__
                    try:
                        who = owner._loopviz_tag
                    except AttributeError:  # it was made before us, or without the loop
                        who = adopt_task(owner)
                    written += 1
                    pack(buffer, offset, now, ready, who, written)
                    offset += size
                    if offset == end:
                        offset = first
                else:
                    turn_to_other(handle, callback, kind, ready, now)
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
                    write(began, 0, idle)
            except Exception as error:  # noqa: BLE001
                fail("select", error)
            events = original(timeout)
            try:
                write(clock(), began, polled | len(events) << B_SHIFT)
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
                name = options.get("name")
                code = caller.f_code
                if name is None and (code is named_later or code is named_later_too):
                    name = caller.f_locals.get("name")
                frame = user_frame(caller)
                spawned_at, line = (frame.f_code, frame.f_lineno) if frame else (None, 0)
                register(task, coro, parent, spawned_at, line, name and str(name))
            except Exception as error:  # noqa: BLE001
                fail("create_task", error)
            return task

        return create_task

    def request_start(scope: dict[str, Any], sent: int) -> None:
        try:
            b = name_of(scope["method"], scope["path"])
            write(clock(), sent, (who & NUMBER) | request_started | b << B_SHIFT)
        except Exception as error:  # noqa: BLE001
            fail("request_start", error)

    def request_end(scope: dict[str, Any], status: int) -> None:
        try:
            route = scope.get("route")
            method_and_route = id(route), scope["method"]
            b = templates.get(method_and_route)
            if b is None:
                path = getattr(route, "path", None)
                if path is None:
                    b = name_of(scope["method"], scope["path"])
                else:  # routes are few: each has its name, however many paths came before
                    kept.append(route)
                    b = templates[method_and_route] = intern(f"{scope['method']} {path}")
            write(clock(), status, (who & NUMBER) | request_ended | b << B_SHIFT)
        except Exception as error:  # noqa: BLE001
            fail("request_end", error)

    def heartbeat(callback: Any) -> None:
        nonlocal our_heartbeat
        our_heartbeat = callback

    def adopt(tasks: Iterable[Any], current: Any) -> None:
        nonlocal owner, who, started
        for task in tasks:
            if not task.done():
                adopt_task(task)
        if current is not None:
            owner, who, started = current, current._loopviz_tag, clock()
            write(started, started, who)

    def stop() -> None:
        nonlocal owner, who, started
        owner, who, started = None, 0, 0
        try:
            write(clock(), 0, tag(Kind.STOPPED))
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
