"""The hooks of a loop, as in `probe.hooks`: its iteration, its handles, its tasks."""

import asyncio
import heapq
import math
import selectors
from asyncio import events
from asyncio.selector_events import BaseSelectorEventLoop
from collections import deque
from contextlib import suppress
from types import BuiltinMethodType, CoroutineType, FunctionType, MethodType

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from loopviz.probe import hooks as twin
from loopviz.probe._native.await_site cimport AwaitSites
from loopviz.probe._native cimport objects
from loopviz.probe._native.ring cimport Writer, now, put
from loopviz.probe._native.tasks cimport Running, Tasks, is_done
from loopviz.probe._native.requests import Requests
from loopviz.probe.places import callback_site
from loopviz.probe.tasks import group_owner, name_given, task_numbers
from loopviz.wire.events import B_SHIFT as _B_SHIFT, NUMBER as _NUMBER, Kind, tag

__all__ = ["Handle", "make_hooks"]

cdef extern from *:
    """
    /* As `context.run(callback, *args)`. */
    static PyObject *loopviz_run(PyObject *context, PyObject *callback, PyObject *args) {
        PyObject *result;
        if (PyContext_Enter(context) < 0) {
            return NULL;
        }
        result = PyObject_Call(callback, args, NULL);
        if (PyContext_Exit(context) < 0) {
            Py_CLEAR(result);
        }
        return result;
    }
    """
    object loopviz_run(object context, object callback, object args)

cdef extern from "Python.h":
    object PyContext_CopyCurrent()
    bint PyContext_CheckExact(object)
    bint PyCFunction_Check(object)
    PyObject *PyCFunction_GetSelf(object) except NULL
    PyObject *PyEval_GetFrame "(PyObject *)PyEval_GetFrame" ()
    PyObject *PyDict_GetItemWithError(dict, object) except? NULL

cdef uint64_t NUMBER = _NUMBER
cdef int B_SHIFT = _B_SHIFT
cdef uint64_t CALLBACK = tag(Kind.CALLBACK), IDLE = tag(Kind.IDLE), POLLED = tag(Kind.POLLED)
cdef uint64_t TIMER = tag(Kind.TIMER), WOKEN = tag(Kind.WOKEN), STEP = tag(Kind.STEP)
cdef uint64_t TASK_START = tag(Kind.TASK_START), STOPPED = tag(Kind.STOPPED)

cdef object tasks_module = asyncio.tasks  # its class of tasks may be replaced
cdef object Task = asyncio.Task, TimerHandle = asyncio.TimerHandle, AsyncioHandle = events.Handle
cdef object next_number = task_numbers.__next__, heappop = heapq.heappop, ulp = math.ulp
cdef object run_slowly = twin._run_slowly, report = twin._report
cdef object drop_cancelled = twin.drop_cancelled
cdef tuple STEP_CLASSES = twin._STEP_CLASSES, PYTHON_STEPS = twin._PYTHON_STEPS
cdef str WAKEUP = twin._WAKEUP
cdef uint64_t SAMPLED = twin.SAMPLED
cdef frozenset TASK_OPTIONS = frozenset(("name", "context"))
cdef int EVENT_READ = selectors.EVENT_READ, EVENT_WRITE = selectors.EVENT_WRITE
cdef Py_ssize_t MANY_TIMERS = twin._MANY_TIMERS
cdef double MANY_CANCELLED = twin._MANY_CANCELLED
cdef object LONGEST_SELECT = twin._LONGEST_SELECT
cdef Py_ssize_t CANCELLED_AT = objects.slot_offset(AsyncioHandle._cancelled)
cdef Py_ssize_t CALLBACK_AT = objects.slot_offset(AsyncioHandle._callback)
cdef Py_ssize_t ARGS_AT = objects.slot_offset(AsyncioHandle._args)
cdef Py_ssize_t CONTEXT_AT = objects.slot_offset(AsyncioHandle._context)
cdef bint HAS_SLOTS = CANCELLED_AT and CALLBACK_AT and ARGS_AT and CONTEXT_AT


@cython.final
@cython.freelist(256)
cdef class Handle:
    """A callback's handle, with the time at which it became ready and the task that caused it.

    To `isinstance` it is an `asyncio.Handle`, whose methods it has.
    """

    cdef public object _callback, _args, _context, _loop, _source_traceback, _repr
    cdef public bint _cancelled
    cdef readonly uint64_t ready_ns, cause
    cdef object __weakref__

    @property
    def __class__(self):
        return AsyncioHandle

    def __repr__(self):
        return AsyncioHandle.__repr__(self)

    def _repr_info(self):
        return AsyncioHandle._repr_info(self)

    def get_context(self):
        return self._context

    def cancel(self):
        AsyncioHandle.cancel(self)

    def cancelled(self):
        return self._cancelled

    def _run(self):
        AsyncioHandle._run(self)


cdef bint is_stock(method, name, owner) except -1:
    """True if the bound method is that of asyncio's class."""
    return getattr(method, "__func__", None) is vars(owner).get(name)


cdef inline object current_frame():
    """The innermost Python frame; this code has none."""
    cdef PyObject *frame = PyEval_GetFrame()
    return None if frame is NULL else <object>frame


cdef inline bint are_tasks(dict options) except -1:
    """True if these options are those of a task itself."""
    for name in options:
        if name not in TASK_OPTIONS:
            return False
    return True


class FirstIteration(deque):
    """The ready queue until asyncio's own `_run_once` has ended its iteration."""

    def __init__(self, handles, turn_to):
        super().__init__(handles)
        self._turn_to = turn_to

    def popleft(self):
        handle = deque.popleft(self)
        if not handle._cancelled:
            self._turn_to(handle)
        return handle


cdef class LoopHooks(Running):
    """The hooks of one loop. Attributes are as the variables of the same name in `probe.hooks`."""

    def __init__(self, loop, ring, places, clock, fail, factories):
        self.writer = Writer(ring, clock)
        self.intern = ring.intern
        self.tasks = Tasks(self.writer, ring.intern)
        self.sites = AwaitSites(places, ring.intern)
        self.loop, self.places, self.fail = loop, places, fail
        self.factories = loop if factories is None else factories
        self.asyncios = self.ready = getattr(loop, "_ready", [])
        self.append = self.ready.append
        self.turned = now(self.writer)
        self.started = self.task_tag = self.cause = self.calling = 0
        self.spawns, self.tags, self.kept = {}, {}, []
        self.loops = getattr(loop, "__dict__", {})
        self.steps_begin_with_task, self.wakeup = False, NULL
        self.recording_tasks = True
        self.stock_events = all(
            is_stock(getattr(loop, name, None), name, BaseSelectorEventLoop)
            for name in ("_process_events", "_add_callback")
        )

    # ---- tasks

    def running(self):
        return self.started, self.task_tag & NUMBER

    def running_task(self):
        return self.running_number()

    def number(self, task):
        return self.tasks.tag_of(task) & NUMBER

    def wrap_create_task(self, original):
        self.create = original
        self.stock_create = is_stock(original, "create_task", asyncio.BaseEventLoop)
        return self.create_task

    def create_task(self, coro, **options):
        if self.stock_create and self.is_plain() and are_tasks(options):
            task = tasks_module.Task(coro, loop=self.loop, **options)  # as asyncio's own does
        else:
            task = self.create(coro, **options)
        if self.recording_tasks:
            try:
                self.record_task(task, coro, current_frame(), options)
            except Exception as error:
                self.recording_tasks = False  # tasks are then recorded at their first step
                self.fail("create_task", error)
        return task

    cdef int record_task(self, task, coroutine, caller, options) except -1:
        cdef uint64_t parent, number, b
        key = None
        if self.calling and type(coroutine) is CoroutineType:
            key = (self.calling, id(caller.f_code), caller.f_lasti, id(coroutine.cr_code))
            start = self.spawns.get(key)
            if start is not None:
                number = next_number()
                number &= NUMBER
                task._loopviz_tag = number | STEP
                put(self.writer, now(self.writer), 0, number | <uint64_t>start)
                return 0
        plain = self.factories._task_factory is None
        if not plain and hasattr(task, "_loopviz_tag"):
            if task.done():  # an eager task, adopted when it recorded something
                self.tasks.end(task, now(self.writer))
            return 0
        name = name_given(caller, options)
        frame = self.places.user_frame(caller)
        if frame is None:
            b = self.tasks.site(coroutine, None, 0)
        else:
            b = self.tasks.site(coroutine, frame.f_code, frame.f_lasti)
        owner = group_owner(caller)
        if owner is not None:
            parent = self.tasks.tag_of(owner)
        else:
            parent = self.running_number() if self.loop.is_running() else 0
        self.tasks.start(task, parent, b, name)
        if task.done():
            self.tasks.end(task, now(self.writer))
        elif self.calling and name is None and plain and len(self.spawns) < twin._SPAWNS_KEPT:
            code = getattr(coroutine, "cr_code", None)
            self.kept.append((caller.f_code, code))
            key = (self.calling, id(caller.f_code), caller.f_lasti, id(code))
            self.spawns[key] = TASK_START | b << B_SHIFT
        return 0

    # ---- callbacks

    cdef uint64_t learn(self, callback, key) except? 0:
        """The tag of a new callback, cached under `key`; 0 for a task's step."""
        cdef uint64_t found, b
        kind = type(callback)
        if kind.__name__ in STEP_CLASSES:
            self.step_type = kind
        is_step = kind is self.step_type or getattr(callback, "__name__", "") in PYTHON_STEPS
        if is_step and isinstance(callback.__self__, Task):
            if kind is self.step_type:
                self.steps_begin_with_task = objects.begins_with(callback, callback.__self__)
            return 0
        if callback is self.loops.get("create_task"):
            callback = self.create
        b = 0 if callback is self.our_heartbeat else self.intern(callback_site(callback))
        found = CALLBACK | b << B_SHIFT
        if key is not None and len(self.tags) < twin._TAGS_KEPT:
            self.tags[key] = found
            self.kept.append(getattr(getattr(callback, "__func__", callback), "__code__", None))
        return found

    def turn_to_handle(self, handle):
        try:
            self.turn_to(handle, handle._callback)
        except Exception as error:
            self.break_off("callback", error)

    cdef int turn_to(self, handle, callback) except -1:
        """Record that the loop turns to a handle of any kind."""
        if type(handle) is Handle:
            return self.turn(callback, (<Handle>handle).ready_ns, (<Handle>handle).cause)
        self.turn(callback, self.turned, 0)
        if self.calling and type(handle) is TimerHandle:
            self.write_due(round(handle.when() * 1e9))
        return 0

    cdef int write_due(self, uint64_t due) except -1:
        """Record when the timer was due whose callback has just begun."""
        put(self.writer, self.started, due, TIMER | self.calling >> B_SHIFT << B_SHIFT)
        return 0

    cdef int turn(self, callback, uint64_t at_ready, uint64_t before) except -1:
        """Record that the loop turns to a callback, which the task `before` made ready."""
        cdef uint64_t at, found = 0
        kind = type(callback)
        self.started = at = now(self.writer)
        if self.owner is not None and is_done(self.owner):
            self.tasks.end(self.owner, at)
        if kind is self.step_type:
            if self.steps_begin_with_task:
                return self.turn_to_step(<object>objects.first(callback), at_ready)
            return self.turn_to_step(callback.__self__, at_ready)
        key = None
        if kind is MethodType:
            key = callback.__func__
            if type(key) is not FunctionType:
                key = None  # it may not be hashable
        elif kind is BuiltinMethodType:
            if objects.called(callback) == self.wakeup:
                return self.turn_to_woken(
                    <object>PyCFunction_GetSelf(callback), at_ready, before
                )
            key = callback.__name__
            if key == WAKEUP:
                self.wakeup = objects.called(callback)
                return self.turn_to_woken(callback.__self__, at_ready, before)
            key = type(callback.__self__), key
        elif kind is FunctionType:
            key = id(callback.__code__)
        known = None if key is None else self.tags.get(key)
        found = self.learn(callback, key) if known is None else known
        if not found:
            return self.turn_to_step(callback.__self__, at_ready)
        self.owner, self.task_tag, self.calling, self.cause = None, 0, found, before
        put(self.writer, at, at_ready, found)
        return 0

    cdef int turn_to_step(self, task, uint64_t at_ready) except -1:
        self.owner, self.calling = task, 0
        cdef uint64_t place = 0
        self.task_tag = self.cause = self.tasks.tag_of(task)
        if (self.writer.seq + 1) % SAMPLED == 0:
            place = self.place_if_started(task)
        put(self.writer, self.started, at_ready, self.task_tag | place << B_SHIFT)
        return 0

    cdef uint64_t place_if_started(self, task) except? 0:
        """Where the task was suspended; 0 if this is its first step."""
        coroutine = task.get_coro()
        if getattr(coroutine, "cr_await", None) is None:
            return 0
        return self.sites.place_of(coroutine)

    cdef int turn_to_woken(self, task, uint64_t at_ready, uint64_t waker) except -1:
        """Record a task's wake-up: the place at which it waited, and the task that woke it."""
        cdef uint64_t place
        self.owner, self.calling = task, 0
        self.task_tag = self.cause = self.tasks.tag_of(task)
        place = self.sites.place_of(task.get_coro())
        put(self.writer, self.started, at_ready, self.task_tag | place << B_SHIFT)
        if waker and waker != self.task_tag:
            put(self.writer, self.started, waker & NUMBER, self.task_tag & NUMBER | WOKEN)
        return 0

    def call_soon(self, callback, *args, context=None):
        cdef Handle handle
        if self.of_loop("_debug") or self.of_loop("_closed"):
            return self.call_soon_carefully(callback, args, context)
        handle = Handle.__new__(Handle)
        handle._context = PyContext_CopyCurrent() if context is None else context
        handle._loop = self.loop
        handle._callback = callback
        handle._args = args
        handle.ready_ns = now(self.writer)
        handle.cause = self.cause
        self.append(handle)
        return handle

    cdef object call_soon_carefully(self, callback, args, context):
        self.loop._check_closed()
        self.loop._check_thread()
        self.loop._check_callback(callback, "call_soon")
        handle = self.make_handle(callback, args, context)
        (<Handle>handle).cause = self.cause
        self.append(handle)
        return handle

    cdef object make_handle(self, callback, args, context):
        cdef Handle handle = Handle.__new__(Handle)
        AsyncioHandle.__init__(handle, callback, args, self.loop, context)
        # its source traceback, in debug mode, ends with whoever calls this: there is no frame here
        handle.ready_ns = now(self.writer)
        return handle

    def call_soon_from_anywhere(self, callback, args, context):
        handle = self.make_handle(callback, args, context)
        self.append(handle)
        return handle

    # ---- the loop

    cdef object of_loop(self, name):
        """An attribute of the loop's, which has it in its dictionary unless its class is another."""
        cdef PyObject *found = PyDict_GetItemWithError(self.loops, name)
        return getattr(self.loop, name) if found is NULL else <object>found

    cdef bint is_plain(self) except -1:
        """True if asyncio's own `create_task` would only make the task."""
        return (
            self.of_loop("_task_factory") is None
            and not self.of_loop("_closed")
            and not self.of_loop("_debug")
        )

    def first_iteration(self):
        self.take(FirstIteration(self.asyncios, self.turn_to_handle))
        self.asyncios.clear()

    def last_iteration(self):
        if self.ready is not self.asyncios:
            self.asyncios.extend(self.ready)
            self.take(self.asyncios)

    cdef object take(self, ready):
        self.ready = self.loop._ready = ready
        self.append = ready.append

    def run_once(self):
        """Run one iteration, like `asyncio.base_events.BaseEventLoop._run_once` (3.11 to 3.15)."""
        cdef uint64_t began
        cdef Py_ssize_t n
        loop = self.loop
        if self.ready is not self.asyncios:
            self.last_iteration()
        scheduled = loop._scheduled
        n = len(scheduled)
        if n > MANY_TIMERS and loop._timer_cancelled_count / <double>n > MANY_CANCELLED:
            scheduled = drop_cancelled(loop)
        else:
            while scheduled and scheduled[0]._cancelled:
                loop._timer_cancelled_count -= 1
                heappop(scheduled)._scheduled = False
        timeout = None
        if len(self.ready) or loop._stopping:
            timeout = 0
        elif scheduled:
            timeout = min(max(0, scheduled[0]._when - loop.time()), LONGEST_SELECT)

        began = now(self.writer)
        try:
            if self.owner is not None and is_done(self.owner):
                self.tasks.end(self.owner, began)
            if timeout != 0:
                put(self.writer, began, 0, IDLE)
        except Exception as error:
            self.break_off("select", error)
        self.owner = None
        self.started = self.task_tag = self.cause = self.calling = 0
        came = loop._selector.select(timeout)
        self.turned = now(self.writer)
        put(self.writer, self.turned, began, POLLED | <uint64_t>len(came) << B_SHIFT)
        if self.stock_events:
            self.process_events(came)
        else:
            loop._process_events(came)
        came = None
        at = loop.time()
        end_time = at + max(loop._clock_resolution, ulp(at))  # as from 3.15 on
        while scheduled and scheduled[0]._when < end_time:
            handle = heappop(scheduled)
            handle._scheduled = False
            self.append(handle)

        debug, popleft = loop._debug, self.ready.popleft
        n = len(self.ready)
        for _ in range(n):
            try:
                handle = popleft()
            except IndexError:  # uninstalled; another probe has taken them
                break
            self.run_handle(handle, debug)

    cdef int process_events(self, came) except -1:
        """As `BaseSelectorEventLoop._process_events`: readers and writers become ready."""
        for key, mask in came:
            reader, writer = key.data
            if mask & EVENT_READ and reader is not None:
                if reader._cancelled:
                    self.loop._remove_reader(key.fileobj)
                else:
                    self.append(reader)
            if mask & EVENT_WRITE and writer is not None:
                if writer._cancelled:
                    self.loop._remove_writer(key.fileobj)
                else:
                    self.append(writer)
        return 0

    cdef int run_handle(self, handle, bint debug) except -1:
        cdef Handle ours
        if type(handle) is Handle:
            ours = <Handle>handle
            if ours._cancelled:
                return 0
            callback, args, context = ours._callback, ours._args, ours._context
        elif HAS_SLOTS and (type(handle) is AsyncioHandle or type(handle) is TimerHandle):
            if <object>objects.at(handle, CANCELLED_AT):
                return 0
            callback = <object>objects.at(handle, CALLBACK_AT)
            args, context = <object>objects.at(handle, ARGS_AT), <object>objects.at(handle, CONTEXT_AT)
        else:
            if handle._cancelled:
                return 0
            callback, args, context = handle._callback, handle._args, handle._context
        try:
            self.turn_to(handle, callback)
        except Exception as error:
            self.break_off("callback", error)
        if debug:
            run_slowly(self.loop, handle)
        else:
            try:
                if PyContext_CheckExact(context) and type(args) is tuple:
                    loopviz_run(context, callback, args)
                else:
                    context.run(callback, *args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                report(self.loop, handle, error)
        if self.owner is not None:
            try:
                if is_done(self.owner):
                    self.tasks.end(self.owner, now(self.writer))
            except Exception as error:
                self.break_off("task_end", error)
            self.owner = None
        return 0

    # ---- the probe's own

    def heartbeat(self, callback):
        self.our_heartbeat = callback

    def adopt(self, tasks, current):
        cdef uint64_t own, place
        for task in tasks:
            if not task.done():
                own = self.tasks.adopt(task)
                if getattr(task, "_fut_waiter", None) is not None:
                    place = self.sites.place_of(task.get_coro())
                    put(self.writer, now(self.writer), 0, tag(Kind.SUSPENDED, own, place))
        if current is not None:
            self.owner, self.started = current, now(self.writer)
            self.task_tag = self.cause = current._loopviz_tag
            put(self.writer, self.started, self.started, self.task_tag)

    def stop(self):
        with suppress(Exception):
            put(self.writer, now(self.writer), 0, STOPPED)
        self.abandon()

    cdef object break_off(self, hook, error):
        """Stop recording after an error: without the switches, all else would be wrong."""
        self.fail(hook, error)
        self.stop()

    def abandon(self):
        self.owner = None
        self.task_tag = self.cause = self.started = 0
        self.writer.abandon()


def make_hooks(loop, ring, places, clock, fail, factories=None):
    """The hooks of one loop, which write into `ring`. One that raises calls `fail(hook, error)`."""
    return hooks_of(LoopHooks(loop, ring, places, clock, fail, factories), ring, fail)


cpdef object hooks_of(LoopHooks hooks, ring, fail):
    """What these hooks offer, as `probe.hooks.Hooks`."""
    write = hooks.writer.write
    requests = Requests(hooks.writer, hooks, ring.intern, fail)
    return twin.Hooks(
        run_once=hooks.run_once,
        call_soon=hooks.call_soon,
        call_soon_from_anywhere=hooks.call_soon_from_anywhere,
        create_task=hooks.wrap_create_task,
        first_iteration=hooks.first_iteration,
        last_iteration=hooks.last_iteration,
        write=write,
        task=hooks.running_task,
        number=hooks.number,
        running=hooks.running,
        request_start=requests.start,
        request_end=requests.end,
        heartbeat=hooks.heartbeat,
        adopt=hooks.adopt,
        stop=hooks.stop,
        abandon=hooks.abandon,
        native=hooks,
    )
