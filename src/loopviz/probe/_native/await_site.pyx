"""The line at which a suspended task waits, as in `probe.await_site`."""

from types import CoroutineType

from loopviz.probe.await_site import describe_wait, passes_on
from loopviz.probe.places import USER as _USER

cdef object USER = _USER


cdef class AwaitSites:
    """Finds the interned places at which suspended coroutines wait."""

    def __init__(self, places, intern):
        self.places, self.intern = places, intern
        self.kinds, self.look_at = places.kinds, places.kind
        self.known = {}
        self.kept = []  # keeps the ids in the keys from being reused

    cdef uint64_t place_of(self, outer) except? 0:
        """0 for anything but a started coroutine."""
        cdef Py_ssize_t depth = 0
        at = outer
        user = innermost = None
        while type(at) is CoroutineType:
            code = at.cr_code
            kind = self.kinds.get(id(code)) or self.look_at(code)
            if kind == USER:
                user, depth = at, 0
            innermost = at
            depth += 1
            at = at.cr_await
        if innermost is None:
            return 0
        line_of = innermost if user is None else user
        frame = line_of.cr_frame
        if frame is None:
            return 0
        key = (id(line_of.cr_code), frame.f_lasti, id(innermost.cr_code), depth)
        place = self.known.get(key)
        if place is None:
            self.kept.extend((line_of.cr_code, innermost.cr_code))
            if user is not None and passes_on(user, self.places):
                place = self.intern(describe_wait(innermost, user))
            else:
                place = self.intern(describe_wait(line_of))
            self.known[key] = place
        return place
