"""The watchdog's waiting, without the GIL, as long as it would find nothing to record."""

import sys
import time

from cpython.pythread cimport (
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.stdint cimport int64_t, uint64_t

from loopviz.probe._native.loop cimport LoopHooks
from loopviz.probe._native.ring cimport loopviz_clock
from loopviz.probe.cpu_time import NOTABLE_NS as _NOTABLE_NS, Position
from loopviz.probe.kernel import CoreTime

__all__ = ["Quiet", "make_quiet"]

cdef extern from "Python.h":
    int PyThread_acquire_lock_timed(PyThread_type_lock, long long us, int intr) noexcept nogil

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(__linux__)
    #include <signal.h>
    #include <stdio.h>
    #include <time.h>
    #include <unistd.h>

    /* CPU time in nanoseconds; -1 if the thread has ended. */
    static int64_t loopviz_cpu(long clock) {
        struct timespec now;
        if (clock_gettime((clockid_t)clock, &now)) {
            return -1;
        }
        return (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_nsec;
    }

    /* As `probe.kernel.core_waits`; 0 if it is not known. */
    static int loopviz_core_waits(int fd, uint64_t *queued, uint64_t *slices) {
        char text[128];
        unsigned long long ran, waited, times;
        ssize_t size = pread(fd, text, sizeof text - 1, 0);
        if (size <= 0) {
            return 0;
        }
        text[size] = 0;
        if (sscanf(text, "%llu %llu %llu", &ran, &waited, &times) != 3 || !ran) {
            return 0;
        }
        *queued = waited, *slices = times;
        return 1;
    }

    static void loopviz_set_timer(void *timer, long ns) {
        struct itimerspec setting = {{0, 0}, {ns / 1000000000, ns % 1000000000}};
        timer_settime((timer_t)timer, 0, &setting, NULL);
    }
    static long loopviz_process_clock(void) { return CLOCK_PROCESS_CPUTIME_ID; }
    #else  /* `make_quiet` makes none there */
    static int64_t loopviz_cpu(long clock) { return (void)clock, -1; }
    static int loopviz_core_waits(int fd, uint64_t *queued, uint64_t *slices) {
        return (void)fd, (void)queued, (void)slices, 0;
    }
    static void loopviz_set_timer(void *timer, long ns) { (void)timer, (void)ns; }
    static long loopviz_process_clock(void) { return 0; }
    #endif
    static uint64_t loopviz_load(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_RELAXED);
    }
    """
    int64_t loopviz_cpu(long) noexcept nogil
    bint loopviz_core_waits(int, uint64_t *, uint64_t *) noexcept nogil
    void loopviz_set_timer(void *, long) noexcept nogil
    long loopviz_process_clock() noexcept nogil
    uint64_t loopviz_load(const uint64_t *) noexcept nogil

cdef int64_t NOTABLE_NS = _NOTABLE_NS
cdef uint64_t LATE_NS = 2_000_000
"""A round that comes so much too late is the watchdog's own: it finds out why."""
cdef uint64_t LONGEST_NS = 1_000_000_000
"""The longest wait: after it the watchdog counts how often the CPU limit was reached."""

cdef enum:
    MOST_TIMERS = 2


cdef struct Clocks:
    # as `probe.cpu_time.Position`
    uint64_t at, queued, slices
    int64_t cpu, process, off_core


cdef class Quiet:
    """Waits in rounds, as the watchdog does, until a round finds something or `stop` is called.

    A round finds nothing if no callback has run for the patience, no thread but the loop's computed
    for a quarter of the time, the loop's thread did not wait for a core, and the round was in time.
    Then it only puts off the tripwire, and remembers where the clocks stood.
    """

    cdef LoopHooks hooks
    cdef const uint64_t *started
    cdef const uint64_t *written
    cdef uint64_t **records
    cdef uint64_t patience
    cdef bint by_records
    cdef PyThread_type_lock over
    cdef long cpu_clock, process_clock
    cdef int schedstat
    cdef void *timers[MOST_TIMERS]
    cdef long settings[MOST_TIMERS]
    cdef int count

    cdef Clocks last, young
    cdef uint64_t young_started, seen
    cdef readonly uint64_t due, last_came
    cdef readonly int rounds

    def __cinit__(self, LoopHooks hooks, uint64_t patience, bint by_records):
        """`by_records`: the start of a callback does not tell whether one runs (uvloop). Then a
        round in which the loop has written no record is the watchdog's own."""
        self.hooks = hooks
        self.started, self.written = &hooks.started, &hooks.writer.seq
        self.records = &hooks.writer.records
        self.patience, self.by_records = patience, by_records
        self.over = PyThread_allocate_lock()
        if self.over is NULL:
            raise MemoryError
        PyThread_acquire_lock(self.over, 1)
        self.process_clock = loopviz_process_clock()

    def __dealloc__(self):
        if self.over is not NULL:
            PyThread_free_lock(self.over)

    def watch(self, long cpu_clock, int schedstat, timers):
        """The clock and the file of the loop's thread; its timers, each with its nanoseconds."""
        self.cpu_clock, self.schedstat, self.count = cpu_clock, schedstat, 0
        for timer, ns in timers[:MOST_TIMERS]:
            self.timers[self.count], self.settings[self.count] = <void *><size_t>timer, ns
            self.count += 1

    def stop(self):
        """End the wait, now or when it begins. To be called once."""
        PyThread_release_lock(self.over)

    def wait(self, uint64_t due, last, before_last, uint64_t young_started):
        """Wait until a round that began by `due` finds something: its place of the clocks.

        `young_started`: of the callback that ran at the place `last`, since `before_last`; else 0.
        None once `stop` was called. `due` is that of the last round, `last_came` when the one
        before it came.
        """
        cdef bint stopped
        self.due, self.last_came, self.rounds = due, last.at_ns, 0
        self.young_started = young_started
        if young_started:
            self.young = clocks_of(last)
        self.last = clocks_of(before_last if young_started else last)
        self.seen = 0
        with nogil:
            stopped = self.go_round()
        if stopped:
            return None
        at = self.last
        waits = CoreTime(at.queued, at.slices) if self.schedstat >= 0 else None
        return Position(at.at, at.cpu, at.process, at.off_core, waits)

    cdef bint go_round(self) noexcept nogil:
        """True once `stop` was called; False after a round that found something."""
        cdef uint64_t entered = loopviz_clock(), at = entered
        cdef long long left_us
        while True:
            left_us = (self.due - at + 999) // 1000 if self.due > at else 0
            if PyThread_acquire_lock_timed(self.over, left_us, 0) == 1:
                PyThread_release_lock(self.over)
                return True
            at = loopviz_clock()
            self.rounds += 1
            if at - entered >= LONGEST_NS or not self.nothing_found(at):
                return False
            self.last_came = at
            for which in range(self.count):
                loopviz_set_timer(self.timers[which], self.settings[which])

    cdef bint nothing_found(self, uint64_t at) noexcept nogil:
        cdef Clocks now, before
        cdef uint64_t started = loopviz_load(self.started), written = loopviz_load(self.written)
        cdef int64_t on_core
        before = self.young if self.young_started else self.last
        if at >= self.due + LATE_NS or self.records[0] is NULL:
            return False
        if self.by_records and written == self.seen:
            return False
        if started and at >= started + self.patience:
            return False
        now.at, now.cpu, now.process = at, loopviz_cpu(self.cpu_clock), loopviz_cpu(self.process_clock)
        on_core = now.cpu - before.cpu
        if now.cpu < 0 or 4 * (now.process - before.process - on_core) >= <int64_t>(at - before.at):
            return False
        now.off_core = before.off_core + <int64_t>(at - before.at) - on_core
        now.queued, now.slices = before.queued, before.slices
        if now.off_core >= NOTABLE_NS and self.schedstat >= 0:
            if not loopviz_core_waits(self.schedstat, &now.queued, &now.slices):
                return False
            now.off_core = 0
            if <int64_t>(now.queued - before.queued) >= NOTABLE_NS:
                return False
        self.seen = written
        if self.young_started != started:
            self.last = before  # that one is over
        self.young_started = started
        if started:
            self.young = now  # what it does with its time is not known yet
            self.due = started + self.patience
        else:
            self.last = now
            self.due = at + self.patience
        return True


cdef Clocks clocks_of(position):
    cdef Clocks clocks
    clocks.at, clocks.cpu, clocks.process = position.at_ns, position.cpu_ns, position.process_ns
    clocks.off_core = position.off_core_ns
    clocks.queued, clocks.slices = position.waits or (0, 0)
    return clocks


def make_quiet(hooks, uint64_t patience, bint by_records):
    """A Quiet for the loop with these hooks; None if nothing can be told without the GIL."""
    native = hooks.native
    if sys.platform != "linux" or not hasattr(time, "pthread_getcpuclockid"):
        return None
    if type(native) is not LoopHooks:
        return None
    if (<LoopHooks>native).writer.clock is not None:
        return None  # a clock of the test's
    return Quiet(native, patience, by_records)
