from libc.stdint cimport uint64_t

from loopviz.probe._native.ring cimport Writer


cdef extern from "Python.h":
    object call_one "PyObject_CallOneArg" (object, object)

cdef object Task, task_is_done


cdef inline bint is_done(task) except -1:
    """`task.done()`, which a task of asyncio's own has as a function of its type."""
    if type(task) is Task:
        return call_one(task_is_done, task) is True
    return task.done()


cdef class Tasks:
    cdef Writer writer
    cdef object intern
    cdef dict sites
    cdef list kept
    cdef dict names
    cdef object raised

    cdef uint64_t name_of(self, name) except? 0
    cdef uint64_t tag_of(self, task) except? 0
    cdef uint64_t adopt(self, task) except? 0
    cdef uint64_t register(
        self, task, coroutine, uint64_t parent, spawned_at, lasti, name
    ) except? 0
    cdef uint64_t site(self, coroutine, spawned_at, lasti) except? 0
    cdef uint64_t start(self, task, uint64_t parent, uint64_t b, name) except? 0
    cdef int end(self, task, uint64_t at) except -1
    cdef int end_noticed(self, task, uint64_t at, bint noticed) except -1


cdef class Running:
    cdef Tasks tasks
    cdef object loop, factories
    cdef uint64_t task_tag

    cdef uint64_t running_number(self) except? 0
