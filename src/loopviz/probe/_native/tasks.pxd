from libc.stdint cimport uint64_t

from loopviz.probe._native.ring cimport Writer


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
