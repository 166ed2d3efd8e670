from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>

    static inline uint64_t loopviz_clock(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }

    /* `seq` last: a reader that finds it finds the whole record. */
    static inline void loopviz_put(
        uint64_t *record, uint64_t at, uint64_t a, uint64_t tag, uint64_t seq
    ) {
        record[0] = at;
        record[1] = a;
        record[2] = tag;
        __atomic_store_n(record + 3, seq, __ATOMIC_RELEASE);
    }
    """
    uint64_t loopviz_clock() noexcept nogil
    void loopviz_put(uint64_t *, uint64_t, uint64_t, uint64_t, uint64_t) noexcept nogil


cdef class Writer:
    cdef uint64_t *records
    cdef uint64_t mask
    cdef uint64_t seq
    cdef object clock, ring
    cdef Py_buffer view

    cpdef abandon(self)


cdef inline uint64_t now(Writer writer) except? 0:
    """The time in nanoseconds."""
    if writer.clock is None:
        return loopviz_clock()
    return writer.clock()


cdef inline void put(Writer writer, uint64_t at, uint64_t a, uint64_t tag) noexcept:
    """Write a record. No Python code runs between taking its number and writing it."""
    if writer.records is not NULL:
        writer.seq += 1
        loopviz_put(
            writer.records + (writer.seq << 2 & writer.mask), at, a, tag, writer.seq
        )
