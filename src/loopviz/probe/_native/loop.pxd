from libc.stdint cimport uint64_t

from loopviz.probe._native.await_site cimport AwaitSites
from loopviz.probe._native.ring cimport Writer
from loopviz.probe._native.tasks cimport Running


cdef class LoopHooks(Running):
    cdef Writer writer
    cdef AwaitSites sites
    cdef object places, intern, fail
    cdef object asyncios, ready, append
    cdef uint64_t turned, started, cause, calling
    cdef object owner
    cdef dict spawns, tags
    cdef list kept
    cdef bint recording_tasks
    cdef object our_heartbeat, step_type, create
    cdef bint steps_begin_with_task
    cdef const void *wakeup
    cdef dict loops
    cdef bint stock_create, stock_events

    cdef int record_task(self, task, coroutine, caller, options) except -1
    cdef uint64_t learn(self, callback, key) except? 0
    cdef int turn_to(self, handle, callback) except -1
    cdef int write_due(self, uint64_t due) except -1
    cdef int turn(self, callback, uint64_t at_ready, uint64_t before) except -1
    cdef int turn_to_step(self, task, uint64_t at_ready) except -1
    cdef uint64_t place_if_started(self, task) except? 0
    cdef int turn_to_woken(self, task, uint64_t at_ready, uint64_t waker) except -1
    cdef object call_soon_carefully(self, callback, args, context)
    cdef object make_handle(self, callback, args, context)
    cdef object take(self, ready)
    cdef int process_events(self, came) except -1
    cdef object of_loop(self, name)
    cdef bint is_plain(self) except -1
    cdef int run_handle(self, handle, bint debug) except -1
    cdef object break_off(self, hook, error)


cpdef object hooks_of(LoopHooks hooks, ring, fail)
