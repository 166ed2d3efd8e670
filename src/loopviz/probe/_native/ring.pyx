"""Writing records: a claim, the clock and four stores."""

import sys

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

from loopviz.clock import monotonic_ns


cdef class Writer:
    """Writes the records of one ring, until it is abandoned. From any thread, and from finalizers.

    Its position follows from the record's number by a mask: no number is outside of the ring.
    """

    def __cinit__(self, ring, clock):
        PyObject_GetBuffer(ring.records, &self.view, PyBUF_WRITABLE)
        self.records = <uint64_t *>self.view.buf
        self.mask = ring.capacity * 4 - 1
        self.ring, self.seq = ring, ring.written
        # on other systems `monotonic_ns` reads another clock
        direct = clock is monotonic_ns and sys.platform == "linux"
        self.clock = None if direct else clock

    def __dealloc__(self):
        if self.records is not NULL:
            PyBuffer_Release(&self.view)

    cpdef abandon(self):
        """Write nothing more, and let go of the ring."""
        if self.records is not NULL:
            self.records = NULL
            self.ring.written = self.seq
            PyBuffer_Release(&self.view)

    def write(self, uint64_t at, uint64_t a, uint64_t tag):
        """Write a record, see `wire.events`."""
        put(self, at, a, tag)
