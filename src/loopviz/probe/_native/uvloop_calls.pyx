"""The hooks of a uvloop, as in `probe.uvloop_calls`."""

import threading
from asyncio import _get_running_loop

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint64_t

from loopviz.clock import monotonic_ns
from loopviz.probe import uvloop_calls as twin
from loopviz.probe._native.loop cimport LoopHooks, hooks_of
from loopviz.probe._native.ring cimport now, put
from loopviz.probe._native.tasks cimport is_done
from loopviz.probe.tasks import cares
from loopviz.wire.events import B_SHIFT as _B_SHIFT, Kind, tag

__all__ = ["make_uvloop_hooks"]

cdef extern from *:
    """
    typedef PyObject *(*loopviz_ternary)(PyObject *, PyObject *, PyObject *);

    /* A function of Cython's would be a line in each traceback that passes through it. */
    static void loopviz_set_call(PyTypeObject *type, loopviz_ternary function) {
        type->tp_call = function;
        PyType_Modified(type);
    }

    typedef PyObject *(*loopviz_fastcall)(
        PyObject *, PyObject *const *, Py_ssize_t, PyObject *
    );

    static PyMethodDef loopviz_call_soon = {
        "call_soon", NULL, METH_FASTCALL | METH_KEYWORDS, NULL
    };

    /* A method with `*args` would make a tuple and a dictionary for each call. */
    static PyObject *loopviz_make_call_soon(loopviz_fastcall function, PyObject *self) {
        loopviz_call_soon.ml_meth = (PyCFunction)(void (*)(void))function;
        return PyCFunction_New(&loopviz_call_soon, self);
    }
    """
    ctypedef PyObject *(*loopviz_ternary)(PyObject *, PyObject *, PyObject *) noexcept
    void loopviz_set_call(PyTypeObject *, loopviz_ternary) noexcept
    ctypedef PyObject *const_arguments "PyObject *const"
    ctypedef PyObject *(*loopviz_fastcall)(
        PyObject *, const_arguments *, Py_ssize_t, PyObject *
    ) noexcept
    object loopviz_make_call_soon(loopviz_fastcall, object)

cdef extern from "Python.h":
    PyObject *call_raw "PyObject_Call" (PyObject *, PyObject *, PyObject *) noexcept
    PyObject *vectorcall "PyObject_Vectorcall" (
        PyObject *, const_arguments *, size_t, PyObject *
    ) noexcept
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    PyObject *PyEval_GetFrame "(PyObject *)PyEval_GetFrame" () noexcept
    unsigned long PyThread_get_thread_ident() noexcept
    void PyErr_Fetch(PyObject **, PyObject **, PyObject **) noexcept
    void PyErr_Restore(PyObject *, PyObject *, PyObject *) noexcept

cdef extern from "<time.h>" nogil:
    ctypedef int clockid_t
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(clockid_t, timespec *) noexcept

cdef extern from *:
    """
    #include <pthread.h>
    #if defined(__linux__)
    static int loopviz_cpu_clock(unsigned long thread, clockid_t *clock) {
        return pthread_getcpuclockid((pthread_t)thread, clock);
    }
    #else
    static int loopviz_cpu_clock(unsigned long thread, clockid_t *clock) {
        (void)thread, (void)clock;
        return -1;
    }
    #endif
    """
    int loopviz_cpu_clock(unsigned long, clockid_t *) noexcept

cdef int B_SHIFT = _B_SHIFT
cdef uint64_t IDLE = tag(Kind.IDLE), POLLED = tag(Kind.POLLED), STOPPED = tag(Kind.STOPPED)
cdef uint64_t NOTABLE_NS = twin.NOTABLE_NS
cdef object is_soon = twin.is_soon, runs_between = twin.runs_between

cdef enum:
    UNKNOWN, CALL, IN_IO, POLL, IN_IDLE
    MOST_ARGUMENTS = 14


@cython.final
@cython.freelist(256)
@cython.no_gc_clear
cdef class WatchedCall:
    """A callback that records when it runs. To a handle it looks like the callback."""

    cdef Calls calls
    cdef object callback
    cdef uint64_t ready_ns, cause, due, number
    cdef bint queued

    def __dealloc__(self):
        if self.number:
            self.calls.gone(self.number)

    def __getattr__(self, name):
        return getattr(self.callback, name)

    def __repr__(self):
        return repr(self.callback)

    def __str__(self):
        return str(self.callback)


cdef PyObject *run(PyObject *self, PyObject *args, PyObject *options) noexcept:
    """`WatchedCall.__call__`."""
    cdef PyObject *kind
    cdef PyObject *error
    cdef PyObject *traceback
    cdef WatchedCall call = <WatchedCall>self
    call.calls.begin(call)
    cdef PyObject *result = call_raw(<PyObject *>call.callback, args, options)
    if result is NULL:
        PyErr_Fetch(&kind, &error, &traceback)
        call.calls.end(call)
        PyErr_Restore(kind, error, traceback)
    else:
        call.calls.end(call)
    return result


loopviz_set_call(<PyTypeObject *>WatchedCall, run)


cdef PyObject *call_soon(
    PyObject *self, const_arguments *args, Py_ssize_t n, PyObject *names
) noexcept:
    """`Calls.call_soon(callback, *args, context=None)`."""
    cdef PyObject *passed[MOST_ARGUMENTS + 2]
    cdef Py_ssize_t i, total = n + (0 if names is NULL else len(<tuple>names))
    cdef Calls calls = <Calls>self
    cdef PyObject *own = <PyObject *>calls.own_call_soon
    if n < 1 or total > MOST_ARGUMENTS:
        return vectorcall(own, args, n, names)
    call = calls.soon(<object>args[0], <object>args[1] if n > 1 else None)
    passed[1] = <PyObject *>call
    for i in range(1, total):
        passed[i + 1] = args[i]
    return vectorcall(own, <const_arguments *>passed + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, names)


cdef class Calls:
    """The calls of one loop, and what it does between them."""

    cdef LoopHooks hooks
    cdef object loop, places, adopt_tasks
    cdef object own_call_soon, own_call_soon_threadsafe, own_call_later, own_call_at
    cdef object own_add_reader, own_add_writer
    cdef uint64_t io, newest, batch, since, cpu_before
    cdef Py_ssize_t waiting, left
    cdef int phase
    cdef bint noticed, has_cpu
    cdef unsigned long thread
    cdef PyObject *runner
    cdef clockid_t cpu

    def __init__(self, loop, LoopHooks hooks, ring, places):
        self.hooks, self.loop, self.places = hooks, loop, places
        for_loop = {name: getattr(loop, name) for name in twin.METHODS}
        self.own_call_soon = for_loop["call_soon"]
        self.own_call_soon_threadsafe = for_loop["call_soon_threadsafe"]
        self.own_call_later, self.own_call_at = for_loop["call_later"], for_loop["call_at"]
        self.own_add_reader, self.own_add_writer = for_loop["add_reader"], for_loop["add_writer"]
        self.io = tag(Kind.CALLBACK, 0, ring.intern(twin.IO))
        self.phase = UNKNOWN

    # ---- methods of the loop

    cdef object soon(self, callback, argument):
        """A call for `call_soon`, see above."""
        try:
            if self.phase != CALL:
                self.show()
            if argument is not None and argument is self.hooks.owner and cares(callback):
                self.noticed = True
            return self.queue(callback, self.hooks.cause)
        except Exception as error:
            self.hooks.break_off("callback", error)
            return callback

    def call_soon_threadsafe(self, callback, *args, context=None):
        call = self.queue(callback, 0)  # not by what the loop runs at the moment
        return self.own_call_soon_threadsafe(call, *args, context=context)

    def call_later(self, delay, callback, *args, context=None):
        cdef WatchedCall call
        if type(callback) is not WatchedCall:
            call = self.timer(callback, is_soon(delay))
            call.due = now(self.hooks.writer) + <uint64_t>round(max(delay, 0) * 1e9) if delay < 1e9 else 0
            callback = call
        return self.own_call_later(delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        cdef WatchedCall call = self.timer(callback, is_soon(when - self.loop.time()))
        call.due = <uint64_t>round(max(when, 0) * 1e9) if when < 1e9 else 0
        return self.own_call_at(when, call, *args, context=context)  # by `call_later`

    def add_reader(self, fileobj, callback, *args):
        return self.own_add_reader(fileobj, self.make(callback), *args)

    def add_writer(self, fileobj, callback, *args):
        return self.own_add_writer(fileobj, self.make(callback), *args)

    cdef WatchedCall make(self, callback):
        cdef WatchedCall call = WatchedCall.__new__(WatchedCall)
        call.calls, call.callback = self, callback
        return call

    cdef WatchedCall timer(self, callback, bint soon):
        return self.queue(callback, self.hooks.cause) if soon else self.make(callback)

    cdef WatchedCall queue(self, callback, uint64_t cause):
        cdef WatchedCall call = WatchedCall.__new__(WatchedCall)
        call.calls, call.callback = self, callback
        call.ready_ns, call.cause = now(self.hooks.writer), cause
        self.newest += 1
        self.waiting += 1
        call.number, call.queued = self.newest, True
        return call

    cdef void gone(self, uint64_t number) noexcept:
        """A call of the queue will not run."""
        self.waiting -= 1
        if number <= self.batch and self.left:
            self.left -= 1

    # ---- what the loop does

    cdef void begin(self, WatchedCall call) noexcept:
        """The loop turns to a call."""
        cdef LoopHooks hooks = self.hooks
        cdef int before = self.phase
        try:
            self.phase = CALL
            if not call.number:
                self.left = 0
            elif not self.left:
                self.batch, self.left = self.newest, self.waiting
            if call.number:
                self.waiting -= 1
                self.left -= 1
                call.number = 0
            if before != CALL:
                self.arrive(before)
                self.note_runner()
            self.noticed = False
            if call.queued:
                hooks.turn(call.callback, call.ready_ns, call.cause)
            else:
                hooks.turn(call.callback, hooks.turned, 0)
            if call.due and hooks.calling:
                hooks.write_due(min(call.due, hooks.started))
        except Exception as error:
            hooks.break_off("callback", error)

    cdef void end(self, WatchedCall call) noexcept:
        """The call is over."""
        cdef LoopHooks hooks = self.hooks
        try:
            self.over()
            if not self.left:
                self.leave(call.queued)
        except Exception as error:
            hooks.break_off("callback", error)

    def first(self):
        """End the step in which the probe was installed. Runs as a callback of its own."""
        if self.phase == IN_IO:
            self.noticed = False
            self.over()
            self.note_runner()
            self.leave(True)

    cdef int over(self) except -1:
        cdef LoopHooks hooks = self.hooks
        if hooks.owner is not None:
            if is_done(hooks.owner):
                hooks.tasks.end_noticed(hooks.owner, now(hooks.writer), self.noticed)
            hooks.owner = None
        hooks.task_tag = hooks.cause = hooks.calling = 0
        return 0

    cdef int leave(self, bint batch) except -1:
        """The loop goes on in C."""
        cdef LoopHooks hooks = self.hooks
        cdef uint64_t at = now(hooks.writer)
        self.since = at
        if not self.waiting:
            put(hooks.writer, at, 0, IDLE)
            hooks.started = hooks.calling = 0
            self.cpu_before = self.cpu_now()
            self.phase = IN_IDLE
        elif batch:
            self.turn(at, at, POLL)
        else:
            self.phase = POLL
        return 0

    cdef int arrive(self, int before) except -1:
        """A call or code run from C begins; `before`: what the loop did, as far as was known."""
        cdef uint64_t at, used, woke
        cdef int phase = self.phase
        if before == IN_IDLE:
            at, used = now(self.hooks.writer), self.cpu_now() - self.cpu_before
            woke = self.since if used > at - self.since else at - used
            self.turn(woke, self.since, phase)
            if at - woke >= NOTABLE_NS:
                self.turn_to_io(woke)
                self.phase = phase
        elif before == UNKNOWN:
            at = now(self.hooks.writer)
            self.turn(at, at, phase)
        return 0

    cdef int turn(self, uint64_t at, uint64_t since, int phase) except -1:
        """An iteration begins; the one before it ended at `since`."""
        put(self.hooks.writer, at, since, POLLED | <uint64_t>(at > since) << B_SHIFT)
        self.hooks.turned = at
        self.hooks.started = self.hooks.calling = 0
        self.phase = phase
        return 0

    cdef int turn_to_io(self, uint64_t at) except -1:
        put(self.hooks.writer, at, at, self.io)
        self.hooks.started, self.hooks.calling = at, self.io
        self.phase = IN_IO
        return 0

    cdef int show(self) except -1:
        """Code that the loop runs from C gives a sign of itself."""
        cdef int before = self.phase
        if before == IN_IO or PyThread_get_thread_ident() != self.thread:
            return 0
        if not self.loop.is_running():
            if before != UNKNOWN:
                put(self.hooks.writer, now(self.hooks.writer), 0, STOPPED)
                self.phase = UNKNOWN
            return 0
        self.arrive(before)
        if self.phase != IN_IO:
            self.turn_to_io(self.since if before == POLL else self.hooks.turned)
        return 0

    cdef int note_runner(self) except -1:
        """The frame that runs the loop; stacks end there."""
        cdef PyObject *frame = PyEval_GetFrame()
        if frame is NULL:
            return 0
        if frame is not self.runner or PyThread_get_thread_ident() != self.thread:
            self.runner, self.thread = frame, PyThread_get_thread_ident()
            self.has_cpu = (
                self.hooks.writer.clock is None and not loopviz_cpu_clock(self.thread, &self.cpu)
            )
            self.places.add_runner((<object>frame).f_code)
        return 0

    cdef uint64_t cpu_now(self) noexcept:
        """The CPU time of the loop's thread."""
        cdef timespec at
        if not self.has_cpu or clock_gettime(self.cpu, &at):
            return 0
        return <uint64_t>at.tv_sec * 1000000000 + <uint64_t>at.tv_nsec

    # ---- the probe's own

    def running(self):
        """As `Hooks.running`. The watchdog asks: what runs from C is then seen, too."""
        cdef LoopHooks hooks = self.hooks
        cdef uint64_t at
        if self.phase not in (CALL, UNKNOWN) and self.runner is not NULL and self.loop.is_running():
            inside = runs_between(self.thread, <size_t>self.runner)
            at = now(hooks.writer)
            if self.phase == IN_IO and inside is False and not self.waiting:
                self.leave(False)
            elif self.phase in (IN_IDLE, POLL) and inside:
                if self.phase == IN_IDLE:
                    self.turn(at, self.since, IN_IO)
                self.turn_to_io(at)
        return hooks.running()

    def adopt(self, tasks, current):
        """As `Hooks.adopt`."""
        self.hooks.adopt(tasks, current)
        if _get_running_loop() is self.loop:
            self.phase = IN_IO
            self.own_call_soon(self.first)


def make_uvloop_hooks(loop, ring, places, clock, fail):
    """The hooks of a uvloop, as `make_hooks`."""
    factories = twin.TaskFactories(loop)
    hooks = LoopHooks(loop, ring, places, clock, fail, factories)
    calls = Calls(loop, hooks, ring, places)
    methods = {name: getattr(calls, name, None) for name in twin.METHODS}
    methods["call_soon"] = loopviz_make_call_soon(call_soon, calls)
    return hooks_of(hooks, ring, fail)._replace(
        running=calls.running,
        adopt=calls.adopt,
        methods=methods | {"set_task_factory": factories.set_task_factory},
    )
