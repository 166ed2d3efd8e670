"""What patched primitives and frameworks record most often, as in `probe.recorder`."""

from libc.stdint cimport uint64_t

from loopviz.probe._native.ring cimport Writer, now, put
from loopviz.probe._native.tasks cimport Running
from loopviz.wire.events import B_SHIFT as _B_SHIFT, WAIT_PUT, Kind, tag

__all__ = ["hasten"]

cdef int B_SHIFT = _B_SHIFT
cdef uint64_t ACQUIRED = tag(Kind.ACQUIRED), RELEASED = tag(Kind.RELEASED)
cdef uint64_t QUEUE_SIZE = tag(Kind.QUEUE_SIZE), WAIT = tag(Kind.WAIT)
cdef uint64_t WAIT_OVER = tag(Kind.WAIT_OVER), MOST = (1 << 24) - 1


cdef class Records:
    """The methods of a `Recorder` that run most often."""

    cdef Writer writer
    cdef Running running
    cdef object recorder, number, intern
    cdef dict waits, phases

    def __init__(self, recorder, Writer writer, Running running, intern):
        self.recorder, self.writer, self.running, self.intern = recorder, writer, running, intern
        self.waits, self.number = recorder._waits, recorder._number
        self.phases = {}

    def wait_over(self, resource, uint64_t direction=WAIT_PUT, task_id=None):
        cdef uint64_t number
        try:
            if task_id is None:
                task_id = self.running.running_number()
            self.forget_wait(task_id, resource.number)
            number = task_id
            put(
                self.writer,
                now(self.writer),
                <uint64_t>resource.number | direction << 32,
                number | WAIT_OVER,
            )
        except Exception as error:
            self.recorder.fail("wait", error)

    def acquired(self, resource, in_use, task_id=None, uint64_t place=0):
        try:
            if task_id is None:
                task_id = self.running.running_number()
            if task_id in self.waits:
                self.forget_wait(task_id, resource.number)
            self.write_units(ACQUIRED, resource, in_use, task_id, place)
        except Exception as error:
            self.recorder.fail("acquired", error)

    def released(self, resource, in_use, task_id=None):
        try:
            if task_id is None:
                task_id = self.running.running_number()
            if resource.number in self.waits.get(task_id, ()):
                task_id = 0
            self.write_units(RELEASED, resource, in_use, task_id, 0)
        except Exception as error:
            self.recorder.fail("released", error)

    def queue_size(self, resource, items):
        try:
            self.write_units(QUEUE_SIZE, resource, items, self.running.running_number(), 0)
        except Exception as error:
            self.recorder.fail("queue_size", error)

    def phase(self, name, task_id=None):
        cdef uint64_t known, number
        try:
            found = self.phases.get(name)
            if found is None:
                text = self.intern(name) if name else 0
                found = self.phases[name] = tag(Kind.PHASE, 0, text)
            number = self.running.running_number() if task_id is None else task_id
            known = found
            put(self.writer, now(self.writer), 0, number | known)
        except Exception as error:
            self.recorder.fail("phase", error)

    cdef int write_units(
        self, uint64_t kind, resource, in_use, uint64_t task_id, uint64_t place
    ) except -1:
        cdef uint64_t number
        if self.number not in resource.introduced_by:
            self.recorder._introduce(resource)
        in_use = 0 if in_use < 0 else min(MOST, in_use)
        resource.in_use = in_use
        number = resource.number
        put(
            self.writer,
            now(self.writer),
            number | place << 32,
            task_id | kind | <uint64_t>in_use << B_SHIFT,
        )
        return 0

    cdef int forget_wait(self, task_id, number) except -1:
        waits = self.waits.get(task_id)
        if waits is not None:
            if number in waits:
                waits.remove(number)
            if not waits:
                del self.waits[task_id]
        return 0


def hasten(recorder, write, task, intern):
    """Give the recorder of a loop with native hooks the methods of this module.

    `write` is these hooks'; a recorder that writes otherwise keeps its own.
    """
    writer, running = getattr(write, "__self__", None), getattr(task, "__self__", None)
    if type(writer) is not Writer or not isinstance(running, Running):
        return
    records = Records(recorder, writer, running, intern)
    for name in ("wait_over", "acquired", "released", "queue_size", "phase"):
        setattr(recorder, name, getattr(records, name))


