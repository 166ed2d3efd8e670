from libc.stdint cimport uint64_t


cdef class AwaitSites:
    cdef object places, intern, look_at
    cdef dict kinds, known
    cdef list kept

    cdef uint64_t place_of(self, outer) except? 0
