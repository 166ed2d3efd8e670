"""Records of tasks, as in `probe.tasks`."""

import asyncio
from types import FunctionType

from cpython.object cimport PyObject

from loopviz.probe import tasks as twin
from loopviz.probe._native.ring cimport Writer, now, put
from loopviz.probe.places import coroutine_code
from loopviz.wire.events import (
    B_SHIFT as _B_SHIFT,
    NUMBER as _NUMBER,
    TASK_CANCELLED,
    TASK_RAISED,
    TASK_RETURNED,
    Kind,
    tag,
)

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    object PyObject_GenericGetDict(object, void *)

cdef uint64_t NUMBER = _NUMBER
cdef int B_SHIFT = _B_SHIFT
cdef uint64_t STEP = tag(Kind.STEP), STARTED = tag(Kind.TASK_START), ENDED = tag(Kind.TASK_END)
cdef uint64_t EXCEPTION = tag(Kind.TASK_EXCEPTION)
cdef uint64_t RETURNED = TASK_RETURNED, RAISED = TASK_RAISED, CANCELLED = TASK_CANCELLED
cdef object next_number = twin.task_numbers.__next__
cdef tuple INDIFFERENT = twin._INDIFFERENT
cdef object Task = asyncio.Task, task_is_done = asyncio.Task.done


cdef class Tasks:
    """The tasks of one loop."""

    def __init__(self, Writer writer, intern):
        self.writer = writer
        self.intern = intern
        self.sites = {}
        self.kept = []
        self.names = {}
        self.raised = twin.describe_raised(intern)

    cdef uint64_t name_of(self, name) except? 0:
        known = self.names.get(name)
        if known is None:
            if len(self.names) >= twin.NAMES_KEPT:
                return 0
            known = self.names[name] = self.intern(name)
        return known

    cdef uint64_t tag_of(self, task) except? 0:
        """The tag of a task's steps; an unknown task is adopted."""
        cdef PyObject *known
        if type(task) is Task:  # an attribute's lookup begins with the type and those it is made of
            known = PyDict_GetItemWithError(PyObject_GenericGetDict(task, NULL), "_loopviz_tag")
            return self.adopt(task) if known is NULL else <object>known
        found = getattr(task, "_loopviz_tag", None)
        return self.adopt(task) if found is None else found

    cdef uint64_t adopt(self, task) except? 0:
        return self.register(task, task.get_coro(), 0, None, 0, task.get_name())

    cdef uint64_t register(
        self, task, coroutine, uint64_t parent, spawned_at, lasti, name
    ) except? 0:
        return self.start(task, parent, self.site(coroutine, spawned_at, lasti), name)

    cdef uint64_t site(self, coroutine, spawned_at, lasti) except? 0:
        code = coroutine_code(coroutine)
        key = (id(code or type(coroutine)), id(spawned_at), lasti)
        b = self.sites.get(key)
        if b is None:
            self.kept.append((code or type(coroutine), spawned_at))
            b = self.sites[key] = self.intern(
                twin._site(code, type(coroutine), spawned_at, lasti)
            )
        return b

    cdef uint64_t start(self, task, uint64_t parent, uint64_t b, name) except? 0:
        cdef uint64_t number = next_number()
        cdef uint64_t a = (parent & NUMBER) << 32
        number &= NUMBER
        task._loopviz_tag = number | STEP
        if name is not None and not name.startswith("Task-"):
            a |= self.name_of(name)
        put(self.writer, now(self.writer), a, number | STARTED | b << B_SHIFT)
        return number | STEP

    cdef int end(self, task, uint64_t at) except -1:
        return self.end_noticed(task, at, is_noticed(task))

    cdef int end_noticed(self, task, uint64_t at, bint noticed) except -1:
        cdef uint64_t outcome, number, place, text
        number = <uint64_t>task._loopviz_tag & NUMBER
        # task.exception() would mark the exception as retrieved; the attribute does not
        if task._exception is not None:
            outcome = RAISED
            if not noticed:
                place, text = self.raised(task._exception)
                put(self.writer, at, place, number | EXCEPTION | text << B_SHIFT)
        else:
            outcome = CANCELLED if task.cancelled() else RETURNED
        put(self.writer, at, noticed, number | ENDED | outcome << B_SHIFT)
        return 0


cdef class Running:
    """The task whose step runs on a loop."""

    cdef uint64_t running_number(self) except? 0:
        """Its number; 0 if none does."""
        if self.factories._task_factory is None:
            return self.task_tag & NUMBER
        task = asyncio.current_task(self.loop)
        if task is None:
            return 0
        if not hasattr(task, "_loopviz_tag"):
            self.tasks.register(task, task.get_coro(), self.task_tag, None, 0, task.get_name())
        return self.tasks.tag_of(task) & NUMBER


cdef bint is_noticed(task) except? -1:
    """True if somebody is told that the task has ended, see `probe.tasks`."""
    cdef int at
    try:
        ready = task.get_loop()._ready
        for at in range(-1, -4, -1):
            handle = ready[at]
            if handle._args[0] is not task:
                return False
            callback = handle._callback
            if type(callback) is not FunctionType or callback.__qualname__ not in INDIFFERENT:
                return True
    except (AttributeError, IndexError, TypeError):
        pass
    return False
