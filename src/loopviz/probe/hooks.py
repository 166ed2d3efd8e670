"""The hooks: closures that run on the loop's own thread for every callback.

All hot code is in one function, `make_python_hooks`, since closure cells are the cheapest state
that Python has (attributes cost twice as much). The loop gets, on its instance:

- a `_run_once` that follows asyncio's line by line, with a record for each thing it turns to;
- a `call_soon` that notes when a callback became ready, and by which task. It makes the handle
  itself, and so costs no more than asyncio's;
- a `create_task`, through which all tasks come, uvicorn's too.

A hook that raises is disabled and reported; the loop goes on.
"""

import asyncio
import contextlib
import heapq
import inspect
import itertools
import math
import sys
from asyncio import base_events, events, format_helpers
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from types import BuiltinMethodType, CoroutineType, FunctionType, MethodType
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.await_site import make_place_of
from loopviz.probe.places import Places, callback_site
from loopviz.probe.requests import make_requests
from loopviz.probe.tasks import group_owner, make_tasks, name_given, task_numbers
from loopviz.wire.events import (
    B_SHIFT,
    NUMBER,
    RECORD,
    Kind,
    tag,
)
from loopviz.wire.ring import Ring

__all__ = ["Handle", "Hooks", "Turns", "drop_cancelled", "make_python_hooks", "write_nothing"]

_SPAWNS_KEPT, _TAGS_KEPT = 1000, 10_000
"""Cache limits, in entries. Beyond them a lookup is recomputed each time, so a program that makes
functions without end does not grow the caches."""

SAMPLED = 1021
"""Of a step that waited for nothing, the place is recorded if the record's number is a multiple of
this: so whoever polls with `sleep(0)` is found, at no cost. It is a prime: an iteration of one task
is two records, and every 1,024th would never be a step."""

_STEP_CLASSES = ("TaskStepMethWrapper", "TaskStepWrapper")
_WAKEUP = "task_wakeup"
_PYTHON_STEPS = ("__step", "__wakeup")
"""Names of what asyncio's C and Python tasks schedule for a step; `task.cancel`, say, is none."""

_MANY_TIMERS: int = base_events._MIN_SCHEDULED_TIMER_HANDLES  # type: ignore[attr-defined]
_MANY_CANCELLED: float = base_events._MIN_CANCELLED_TIMER_HANDLES_FRACTION  # type: ignore[attr-defined]
_LONGEST_SELECT: int = base_events.MAXIMUM_SELECT_TIMEOUT  # type: ignore[attr-defined]

_callback_source: Any = format_helpers._format_callback_source
_CAN_BE_SHORT = "debug" in inspect.signature(_callback_source).parameters  # in newer versions


class Handle(events.Handle):
    """A callback's handle, with the time at which it became ready and the task that caused it."""

    __slots__ = ("cause", "ready_ns")
    __init__ = object.__init__


class Turns(NamedTuple):
    """With these a loop is recorded that runs its callbacks itself, see `probe.uvloop_calls`."""

    to: Callable[[Any], int]
    """Record that the loop turns to a handle; returns the callback's tag, 0 for a task's step."""
    over: Callable[[bool], None]
    """The callback is over. If it was its task's last step: did anybody notice its end?"""
    set: Callable[[int, int, int], None]
    """Set what runs: since when (0: nothing), its tag, and when this iteration began."""
    now: Callable[[], tuple[int, int, int, Any]]
    """What runs: since when, the task by its tag, the task that caused it, that task itself."""


class Hooks(NamedTuple):
    """Functions that `probe.install` puts into the loop or that other parts of the probe call."""

    run_once: Callable[[], None]
    call_soon: Callable[..., Any]
    call_soon_from_anywhere: Callable[..., Any]
    """The replacement of `loop._call_soon`, by which `call_soon_threadsafe` schedules."""
    create_task: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Wrap a loop's `create_task`."""
    first_iteration: Callable[[], None]
    """Watch the iteration that asyncio's own `_run_once` has begun, to its end."""
    last_iteration: Callable[[], None]
    """Stop watching that iteration, if it has not ended."""
    write: Callable[[int, int, int], None]
    """`write(at, a, tag)`, for `wire.events.tag`. From any thread, and from finalizers."""
    task: Callable[[], int]
    """The number of the running task, 0 if none runs. Loop's thread only."""
    number: Callable[[Any], int]
    """A task's number; an unknown task is adopted. Loop's thread only."""
    running: Callable[[], tuple[int, int]]
    """Start of the running callback in ns (0: the loop is idle), and its task. Any thread."""
    request_start: Callable[[dict[str, Any], int], int]
    request_end: Callable[[dict[str, Any], int, int, int], None]
    """See `probe.requests`."""
    heartbeat: Callable[[Any], None]
    """Set the probe's own heartbeat callback, so that it is recorded as such."""
    adopt: Callable[[Iterable[Any], Any], None]
    """Record the tasks that exist already, and the current one, whose step is running."""
    stop: Callable[[], None]
    """Record `STOPPED`, then nothing more."""
    abandon: Callable[[], None]
    """Record nothing more: in the child of a fork, the ring is the parent's."""
    turns: Turns | None = None
    """Of the Python core."""
    methods: dict[str, Callable[..., Any]] = {}  # noqa: RUF012 - never changed
    """What replaces methods of a foreign loop, by their names."""
    native: Any = None
    """Of the native core: what `_native.quiet` reads without the GIL."""


def write_nothing(*_: Any) -> None:
    """Do nothing; replaces the packing of records once recording has stopped."""


def make_python_hooks(
    loop: Any,
    ring: Ring,
    places: Places,
    clock: Clock,
    fail: Callable[[str, Exception], None],
    factories: Any = None,
) -> Hooks:
    """The hooks of one loop, which write into `ring`. One that raises calls `fail(hook, error)`.

    `factories` has the loop's task factory as its `_task_factory`; by default the loop has.
    """
    factories = loop if factories is None else factories
    records, pack, intern = ring.records, RECORD.pack_into, ring.intern
    # a record's number is taken in one C call, and its slot follows from it: so a finalizer or
    # another thread may write between any two bytecodes of this one
    claim, mask = itertools.count(ring.written + 1).__next__, ring.bytes_mask
    heappop, repeat, ulp = heapq.heappop, itertools.repeat, math.ulp
    timer_handle, task_type, handles = asyncio.TimerHandle, asyncio.Task, Handle
    builtin, method, function = BuiltinMethodType, MethodType, FunctionType
    wakeup, user_frame = _WAKEUP, places.user_frame
    place_of = make_place_of(places, intern)
    callback_tag = tag(Kind.CALLBACK)
    idle, polled, timer = tag(Kind.IDLE), tag(Kind.POLLED), tag(Kind.TIMER)
    woken = tag(Kind.WOKEN)

    asyncios: deque[Any] = getattr(loop, "_ready", deque())  # a foreign loop hides its own
    ready = asyncios  # another deque only until asyncio's own iteration ends
    turned = clock()  # when this iteration began: asyncio's own handles became ready then
    started = 0  # when the running callback started; 0 while idle
    task_tag = 0  # its task's tag, 0 if it has no task
    cause = 0  # the task whose step it is, or whose step made this callback ready
    owner: Any = None  # its task, kept until the next switch to see whether it ended
    spawns: dict[tuple[int, int, int, int], int] = {}  # start tags of tasks that callbacks make
    tags: dict[Any, int] = {}  # of callbacks, by function, id(code), or type and name
    kept: list[Any] = []  # keeps the ids in those keys from being reused
    calling = 0  # the tag of the running callback, if it is no task's step
    recording_tasks = True
    create: Any = None  # asyncio's own `create_task`
    our_heartbeat: Any = None
    step_type: Any = None  # of C tasks; learnt from the first step

    def write(at: int, a: int, record_tag: int) -> None:
        seq = claim()
        pack(records, seq << 5 & mask, at, a, record_tag, seq)

    tasks = make_tasks(write, intern, clock)
    register, adopt_task, end_task, number_of = tasks.register, tasks.adopt, tasks.end, tasks.number
    site_of, start_task, getframe = tasks.site, tasks.start, sys._getframe
    coroutine_type = CoroutineType
    next_number, step, task_start = task_numbers.__next__, tag(Kind.STEP), tag(Kind.TASK_START)

    def running() -> tuple[int, int]:
        return started, task_tag & NUMBER

    # ---- tasks

    def running_task() -> int:
        if factories._task_factory is None:
            return task_tag & NUMBER
        task = asyncio.current_task(loop)  # an eager task's first step runs within another's
        if task is None:
            return 0
        if not hasattr(task, "_loopviz_tag"):
            register(task, task.get_coro(), task_tag, None, 0, task.get_name())
        return number_of(task)

    def wrap_create_task(original: Callable[..., Any]) -> Callable[..., Any]:
        nonlocal create
        create = original

        def create_task(coro: Any, **options: Any) -> Any:
            nonlocal recording_tasks
            task = original(coro, **options)
            if not recording_tasks:
                return task
            try:
                caller = getframe(1)
                if calling and type(coro) is coroutine_type:
                    key = (calling, id(caller.f_code), caller.f_lasti, id(coro.cr_code))
                    start = spawns.get(key)
                    if start is not None:  # a callback reaches that instruction by the same path
                        number = next_number() & NUMBER
                        task._loopviz_tag = number | step
                        seq = claim()
                        pack(records, seq << 5 & mask, clock(), 0, number | start, seq)
                        return task
                record_task(task, coro, caller, options)
            except Exception as error:  # noqa: BLE001 - the app must go on
                recording_tasks = False  # tasks are then recorded at their first step
                fail("create_task", error)
            return task

        return create_task

    def record_task(task: Any, coroutine: Any, caller: Any, options: dict[str, Any]) -> None:
        """Record a task that `caller`, a frame, has just made."""
        if factories._task_factory is not None and hasattr(task, "_loopviz_tag"):
            if task.done():  # an eager task, adopted when it recorded something
                end_task(task, clock())
            return
        name = name_given(caller, options)
        frame = user_frame(caller)
        spawned_at, lasti = (frame.f_code, frame.f_lasti) if frame else (None, 0)
        b = site_of(coroutine, spawned_at, lasti)
        owner = group_owner(caller)  # it outlives the caller, and awaits the task
        if owner is not None:
            parent = number_of(owner)
        else:  # between two runs of the loop nobody is
            parent = running_task() if loop.is_running() else 0
        start_task(task, parent, b, name)
        if task.done():
            end_task(task, clock())  # an eager task that never had to wait
        elif (
            calling
            and name is None
            and factories._task_factory is None
            and len(spawns) < _SPAWNS_KEPT
        ):
            code = getattr(coroutine, "cr_code", None)
            kept.append((caller.f_code, code))
            key = (calling, id(caller.f_code), caller.f_lasti, id(code))
            spawns[key] = task_start | b << B_SHIFT

    requests = make_requests(write, running_task, intern, clock, fail)

    # ---- callbacks

    def learn(callback: Any, key: Any) -> int:
        """The tag of a new callback, cached under `key`; 0 for a task's step."""
        nonlocal step_type
        kind = type(callback)
        if kind.__name__ in _STEP_CLASSES:
            step_type = kind
        is_step = kind is step_type or getattr(callback, "__name__", "") in _PYTHON_STEPS
        if is_step and isinstance(callback.__self__, task_type):
            return 0
        if callback is vars(loop).get("create_task"):  # ours; asyncio calls it to end a generator
            callback = create
        b = 0 if callback is our_heartbeat else intern(callback_site(callback))
        found = callback_tag | b << B_SHIFT
        if key is not None and len(tags) < _TAGS_KEPT:
            tags[key] = found
            kept.append(getattr(getattr(callback, "__func__", callback), "__code__", None))
        return found

    def turn_to(handle: Any) -> None:
        """Record that the loop turns to a handle of any kind; `_run_once` inlines frequent ones."""
        nonlocal started, task_tag, owner, cause, calling
        try:
            started = now = clock()
            if owner is not None and owner.done():
                end_task(owner, now)
            if type(handle) is Handle:
                at_ready, cause = handle.ready_ns, handle.cause
            else:
                at_ready, cause = turned, 0
            callback = handle._callback
            kind = type(callback)
            key: Any = None
            if kind is method:
                key = callback.__func__
                if type(key) is not function:
                    key = None  # it may not be hashable
            elif kind is builtin:
                key = callback.__name__
                if key == wakeup:
                    turn_to_woken(callback.__self__, at_ready)
                    return
                key = type(callback.__self__), key
            elif kind is function:
                key = id(callback.__code__)
            found = tags.get(key) or learn(callback, key)
            if found:
                owner, task_tag, calling = None, 0, found
                seq = claim()
                pack(records, seq << 5 & mask, now, at_ready, found, seq)
                if type(handle) is timer_handle:
                    due = round(handle.when() * 1e9)
                    write(now, due, timer | (found >> B_SHIFT) << B_SHIFT)
            else:
                owner, calling = callback.__self__, 0
                task_tag = cause = getattr(owner, "_loopviz_tag", 0) or adopt_task(owner)
                seq = claim()
                at = 0 if seq % SAMPLED else place_if_started(owner)
                pack(records, seq << 5 & mask, now, at_ready, task_tag | at << B_SHIFT, seq)
        except Exception as error:  # noqa: BLE001 - the app must go on
            break_off("callback", error)

    def place_if_started(task: Any) -> int:
        """Where the task was suspended; 0 if this is its first step."""
        coroutine = task.get_coro()
        return 0 if getattr(coroutine, "cr_await", None) is None else place_of(coroutine)

    def turn_to_woken(task: Any, at_ready: int) -> None:
        """Record a task's wake-up: the place at which it waited, and the task that woke it."""
        nonlocal task_tag, owner, cause, calling
        waker, owner, calling = cause, task, 0
        task_tag = cause = getattr(task, "_loopviz_tag", 0) or adopt_task(task)
        write(started, at_ready, task_tag | place_of(task.get_coro()) << B_SHIFT)
        if waker and waker != task_tag:
            write(started, waker & NUMBER, (task_tag & NUMBER) | woken)

    def call_soon(callback: Any, *args: Any, context: Any = None) -> Any:
        if loop._debug or loop._closed:
            return call_soon_carefully(callback, args, context)
        handle = handles()
        handle._context = copy_context() if context is None else context
        handle._loop = loop
        handle._callback = callback
        handle._args = args
        handle._cancelled = False
        handle._repr = handle._source_traceback = None
        handle.ready_ns = clock()
        handle.cause = cause
        ready.append(handle)
        return handle

    def call_soon_carefully(callback: Any, args: Any, context: Any) -> Any:
        loop._check_closed()
        loop._check_thread()
        loop._check_callback(callback, "call_soon")
        handle = Handle()
        events.Handle.__init__(handle, callback, args, loop, context)
        if handle._source_traceback:
            del handle._source_traceback[-2:]  # this function and `call_soon`
        handle.ready_ns, handle.cause = clock(), cause
        ready.append(handle)
        return handle

    def call_soon_from_anywhere(callback: Any, args: Any, context: Any) -> Any:
        handle = Handle()
        events.Handle.__init__(handle, callback, args, loop, context)
        if handle._source_traceback:
            del handle._source_traceback[-1]
        handle.ready_ns, handle.cause = clock(), 0  # not by what the loop runs at the moment
        ready.append(handle)
        return handle

    # ---- the loop

    class FirstIteration(deque[Any]):
        """The ready queue until asyncio's own `_run_once` has ended its iteration."""

        __slots__ = ()

        def popleft(self) -> Any:
            handle = deque.popleft(self)
            if not handle._cancelled:
                turn_to(handle)
            return handle

    def first_iteration() -> None:
        nonlocal ready
        ready = loop._ready = FirstIteration(asyncios)
        asyncios.clear()

    def last_iteration() -> None:
        nonlocal ready
        if ready is not asyncios:
            asyncios.extend(ready)
            ready = loop._ready = asyncios

    def _run_once() -> None:
        """Run one iteration, like `asyncio.base_events.BaseEventLoop._run_once` (3.11 to 3.14)."""
        nonlocal ready, turned, started, task_tag, cause, owner, calling
        if ready is not asyncios:
            last_iteration()
        scheduled = loop._scheduled
        if (
            len(scheduled) > _MANY_TIMERS
            and loop._timer_cancelled_count / len(scheduled) > _MANY_CANCELLED
        ):
            scheduled = drop_cancelled(loop)
        else:
            while scheduled and scheduled[0]._cancelled:
                loop._timer_cancelled_count -= 1
                heappop(scheduled)._scheduled = False
        timeout = None
        if ready or loop._stopping:
            timeout = 0
        elif scheduled:
            timeout = min(max(0, scheduled[0]._when - loop.time()), _LONGEST_SELECT)

        began = clock()
        try:
            if owner is not None and owner.done():
                end_task(owner, began)
            if timeout != 0:
                write(began, 0, idle)
        except Exception as error:  # noqa: BLE001 - the app must go on
            break_off("select", error)
        owner = None
        started = task_tag = cause = calling = 0
        came = loop._selector.select(timeout)
        turned = clock()
        try:
            seq = claim()
            pack(records, seq << 5 & mask, turned, began, polled | len(came) << B_SHIFT, seq)
        except Exception as error:  # noqa: BLE001
            break_off("select", error)
        loop._process_events(came)
        came = None
        now = loop.time()
        end_time = now + max(loop._clock_resolution, ulp(now))  # as from 3.15 on
        while scheduled and scheduled[0]._when < end_time:
            handle = heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)

        popleft, debug, ours, timers = ready.popleft, loop._debug, handles, timer_handle
        sampled = SAMPLED
        for _ in repeat(None, len(ready)):
            try:
                handle = popleft()
            except IndexError:  # uninstalled; another probe has taken them
                break
            if handle._cancelled:
                continue
            callback = handle._callback
            kind = type(callback)
            try:  # `turn_to`, inlined for the most frequent kinds
                if kind is step_type and owner is None:
                    at_ready, task = handle.ready_ns, callback.__self__
                    task_tag = cause = task._loopviz_tag
                    owner, calling, started = task, 0, clock()
                    seq = claim()
                    at = 0 if seq % sampled else place_if_started(task) << B_SHIFT
                    pack(records, seq << 5 & mask, started, at_ready, task_tag | at, seq)
                elif owner is None and type(handle) is not timers:
                    if kind is method:
                        found = tags[callback.__func__]
                    elif kind is builtin and (name := callback.__name__) != wakeup:
                        found = tags[type(callback.__self__), name]
                    else:
                        found = 0
                    if found:
                        if type(handle) is ours:
                            at_ready, cause = handle.ready_ns, handle.cause
                        else:
                            at_ready, cause = turned, 0
                        task_tag, calling, started = 0, found, clock()
                        seq = claim()
                        pack(records, seq << 5 & mask, started, at_ready, found, seq)
                    else:
                        turn_to(handle)
                else:
                    turn_to(handle)
            except (AttributeError, KeyError, TypeError):  # not our handle, or a new callback
                turn_to(handle)
            except Exception as error:  # noqa: BLE001 - the app must go on
                break_off("callback", error)
            if debug:
                _run_slowly(loop, handle)
            else:
                try:  # `Handle._run`, inlined
                    handle._context.run(callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001
                    _report(loop, handle, error)
            if owner is not None:
                if owner.done():
                    try:
                        end_task(owner, clock())
                    except Exception as error:  # noqa: BLE001 - the app must go on
                        break_off("task_end", error)
                owner = None
        handle = callback = task = None  # a traceback may keep this frame: drop what it refers to

    # ---- for a loop that runs its callbacks itself

    def to(handle: Any) -> int:
        turn_to(handle)
        return calling

    def over(noticed: bool) -> None:
        nonlocal owner, task_tag, cause, calling
        if owner is not None:
            if owner.done():
                end_task(owner, clock(), noticed)
            owner = None
        task_tag = cause = calling = 0

    def set_running(since: int, found: int, iteration: int) -> None:
        nonlocal started, calling, turned
        started, calling, turned = since, found, iteration

    def now_running() -> tuple[int, int, int, Any]:
        return started, task_tag, cause, owner

    # ---- the probe's own

    def heartbeat(callback: Any) -> None:
        nonlocal our_heartbeat
        our_heartbeat = callback

    def suspended_since_before(task: Any, own: int) -> None:
        if getattr(task, "_fut_waiter", None) is not None:
            place = place_of(task.get_coro())
            write(clock(), 0, tag(Kind.SUSPENDED, own, place))

    def adopt(tasks: Iterable[Any], current: Any) -> None:
        nonlocal owner, task_tag, cause, started
        for task in tasks:
            if not task.done():
                suspended_since_before(task, adopt_task(task))
        if current is not None:
            owner, started = current, clock()
            task_tag = cause = current._loopviz_tag
            write(started, started, task_tag)

    def stop() -> None:
        with contextlib.suppress(Exception):  # then the ring is what broke
            write(clock(), 0, tag(Kind.STOPPED))
        abandon()

    def break_off(hook: str, error: Exception) -> None:
        """Stop recording after an error: without the switches, all else would be wrong."""
        fail(hook, error)
        stop()

    def abandon() -> None:
        nonlocal owner, task_tag, cause, started, pack
        owner, task_tag, cause, started = None, 0, 0, 0
        if pack is not write_nothing:
            pack = write_nothing
            ring.written = claim() - 1

    return Hooks(
        run_once=_run_once,
        call_soon=call_soon,
        call_soon_from_anywhere=call_soon_from_anywhere,
        create_task=wrap_create_task,
        first_iteration=first_iteration,
        last_iteration=last_iteration,
        write=write,
        task=running_task,
        number=number_of,
        running=running,
        request_start=requests.start,
        request_end=requests.end,
        heartbeat=heartbeat,
        adopt=adopt,
        stop=stop,
        abandon=abandon,
        turns=Turns(to, over, set_running, now_running),
    )


def drop_cancelled(loop: Any) -> list[Any]:
    """Remove all cancelled timers from the loop's heap, of which there are many; returns it."""
    for handle in loop._scheduled:
        if handle._cancelled:
            handle._scheduled = False
    loop._scheduled = [handle for handle in loop._scheduled if not handle._cancelled]
    heapq.heapify(loop._scheduled)
    loop._timer_cancelled_count = 0
    return loop._scheduled  # type: ignore[no-any-return]


def _report(loop: Any, handle: Any, error: BaseException) -> None:
    """Report a callback's error, as `asyncio.events.Handle._run` does."""
    debug = {"debug": loop.get_debug()} if _CAN_BE_SHORT else {}
    what = _callback_source(handle._callback, handle._args, **debug)
    context = {"message": f"Exception in callback {what}", "exception": error, "handle": handle}
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    handle._loop.call_exception_handler(context)


def _run_slowly(loop: Any, handle: Any) -> None:
    """Run a handle and log it if it is slow, as asyncio does in debug mode."""
    try:
        loop._current_handle = handle
        began = loop.time()
        handle._run()
        took = loop.time() - began
        module = str(getattr(handle._callback, "__module__", ""))
        if took >= loop.slow_callback_duration and not module.startswith("loopviz.probe."):
            what = base_events._format_handle(handle)  # type: ignore[attr-defined]
            logger: Any = base_events.logger  # type: ignore[attr-defined]
            logger.warning("Executing %s took %.3f seconds", what, took)
    finally:
        loop._current_handle = handle = None
