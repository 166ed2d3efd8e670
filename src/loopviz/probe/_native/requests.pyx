"""Requests: their records, as in `probe.requests`, and what passes, as in `probe.served_request`."""

cimport cython
from libc.stdint cimport uint64_t

from loopviz.probe import served_request as twin
from loopviz.probe._native.ring cimport Writer, now, put
from loopviz.probe._native.tasks cimport Running
from loopviz.probe.frameworks import reporting_cycles
from loopviz.probe.requests import RequestTags
from loopviz.probe.route_names import ROUTE as _ROUTE
from loopviz.probe.streams import message, opened
from loopviz.wire.samples import SENT_HEADER as _SENT_HEADER

__all__ = ["ServedRequest", "Requests"]

cdef object MISSING = object()
cdef set REPORTING = reporting_cycles
cdef bytes SENT_HEADER = _SENT_HEADER
cdef str ROUTE = _ROUTE
cdef object is_event_stream = twin.is_event_stream


cdef class Requests:
    """The request hooks of one loop."""

    cdef Writer writer
    cdef Running running
    cdef object fail, tags
    cdef dict starts, ends
    cdef bint recording

    def __init__(self, Writer writer, Running running, intern, fail):
        self.writer, self.running, self.fail = writer, running, fail
        self.tags = RequestTags(intern)
        self.starts, self.ends = self.tags.starts, self.tags.ends
        self.recording = True

    def start(self, scope, sent):
        return self.start_of(scope, sent)

    cdef uint64_t start_of(self, scope, uint64_t sent) except? 0:
        cdef uint64_t number = 0, own
        if not self.recording:
            return number
        try:
            number = self.running.running_number()
            method, path = method_of(scope), scope["path"]
            known = self.starts.get((method, path))
            if known is None:
                known = self.tags.of_start(method, path)
            own = known
            put(self.writer, now(self.writer), sent, number | own)
        except Exception as error:
            self.recording = False
            self.fail("request", error)
        return number

    def end(self, scope, status, bytes_sent, number):
        self.end_of(scope, status, bytes_sent, number)

    cdef int end_of(self, scope, status, uint64_t bytes_sent, uint64_t number) except -1:
        cdef uint64_t own, begun
        if not self.recording:
            return 0
        try:
            route, prefix = route_of(scope), ""
            if route is None:
                known = self.ends.get((left_template(scope), method_of(scope), ""))
            else:
                prefix = scope["root_path"] if "app_root_path" in scope else ""
                known = self.ends.get((id(route), method_of(scope), prefix))
            if known is None:
                known = self.tags.of_end(scope, route, prefix, status)
            own, begun = known, status
            put(self.writer, now(self.writer), begun | bytes_sent << 16, number | own)
        except Exception as error:
            self.recording = False
            self.fail("request", error)
        return 0


cdef inline object method_of(scope):
    return "WS" if scope["type"] == "websocket" else scope["method"]


cdef inline object left_template(scope):
    known = scope.get("path_template") or scope.get(ROUTE)
    return known if isinstance(known, str) else ""


cdef inline object route_of(scope):
    """The route of Starlette or FastAPI that has served the scope, see `probe.route_names`."""
    route = scope.get("route")
    included = scope.get("fastapi")
    if included is not None:
        route = included.get("effective_route_context") or route
    if route is None or getattr(route, "routes", MISSING) is not MISSING:
        return None
    return route


@cython.final
@cython.freelist(64)
cdef class ServedRequest:
    """A request that an app serves, from its start record to its end record."""

    cdef Requests requests
    cdef object end_, scope, send_, cycle, status
    cdef uint64_t bytes_sent
    cdef bint streams
    cdef readonly uint64_t number

    def __init__(self, start, end, scope, receive, send):
        cdef uint64_t sent = 0
        self.end_, self.scope, self.send_ = end, scope, send
        self.status = 0
        try:
            name, value = scope["headers"][-1]
            if name == SENT_HEADER and len(value) < 19 and value.isdigit():
                sent = int(value)
        except Exception:
            pass
        hooks = getattr(start, "__self__", None)
        if type(hooks) is Requests:  # without a detour through Python's calls
            self.requests = hooks
            self.number = self.requests.start_of(scope, sent)
        else:
            self.number = start(scope, sent)
        cycle = getattr(receive, "__self__", None)
        if type(cycle) in REPORTING:
            cycle._loopviz_task = self.number
            self.cycle = cycle

    @property
    def reports(self):
        """True if the server's own class reports a client that leaves."""
        return self.cycle is not None

    def send(self, sending):
        """Note what the app sends, and send it."""
        try:
            self.note(sending)
        except Exception:
            pass
        return self.send_(sending)

    cdef int note(self, sending) except -1:
        kind = sending["type"]
        if kind == "http.response.body":
            body = sending.get("body")
            size = len(body) if body else 0
            self.bytes_sent += size
            if not self.streams and sending.get("more_body"):
                self.streams = True
                opened(self.number, self.scope)
            if self.streams and size:
                message(self.number, size)
        elif kind == "http.response.start":
            self.status = sending["status"]
            if not has_length(sending):
                self.streams = True
                opened(self.number, self.scope, lasts=is_event_stream(self.scope, sending))
        return 0

    def over(self):
        """Record the end."""
        if self.cycle is not None:
            self.cycle._loopviz_task = 0
        if self.requests is not None:
            self.requests.end_of(self.scope, self.status, self.bytes_sent, self.number)
        else:
            self.end_(self.scope, self.status, self.bytes_sent, self.number)


cdef bint has_length(start) except -1:
    """True if a response declares its length or has no body; others may send their parts late."""
    if start["status"] in (204, 304):
        return True
    headers = start.get("headers", ())
    if type(headers) is not list and iter(headers) is headers:  # the server could not read what was read here
        return False
    for name, _ in headers:
        if name == b"content-length":
            return True
    return False
