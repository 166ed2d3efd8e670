"""FastAPI's phases, as in `probe.frameworks`."""

from asyncio import _get_running_loop as running_loop

cimport cython
from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject *PyEval_GetFrame "(PyObject *)PyEval_GetFrame" ()


def operation_of(original, phases_of, recorders):
    """Wrap the function that begins FastAPI's spans, see `probe.frameworks`."""
    cdef dict by_endpoint = {}

    @cython.binding(True)  # it looks like the original, attributes included
    def operation(*, name, function=None):
        cdef PyObject *caller
        try:
            phases = by_endpoint.get(function)
            if phases is None:
                caller = PyEval_GetFrame()
                phases = ()
                if caller is not NULL:  # as it is at the bottom of a thread
                    phases = by_endpoint[function] = phases_of((<object>caller).f_locals)
            if name in phases:
                recorder = recorders.get(running_loop())
                if recorder is not None:
                    recorder.phase(name)
        except Exception:  # an unhashable endpoint: it has no phases
            pass
        return original(name=name, function=function)

    return operation
