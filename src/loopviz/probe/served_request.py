"""One request and its response, as the ASGI wrapper sees them pass."""

from collections.abc import Callable
from typing import Any

from loopviz.probe.frameworks import reporting_cycles
from loopviz.probe.streams import message, opened
from loopviz.wire.samples import SENT_HEADER

__all__ = ["ServedRequest", "is_event_stream"]


class ServedRequest:
    """A request that an app serves, from its start record to its end record."""

    __slots__ = (
        "_bytes_sent",
        "_cycle",
        "_end",
        "_scope",
        "_send",
        "_status",
        "_streams",
        "number",
    )

    def __init__(
        self,
        start: Callable[[dict[str, Any], int], int],
        end: Callable[[dict[str, Any], int, int, int], None],
        scope: dict[str, Any],
        receive: Any,
        send: Any,
    ) -> None:
        """Record the start. `start` and `end`: see `requests.RequestHooks`."""
        self._end, self._scope, self._send = end, scope, send
        self._status = self._bytes_sent = 0
        self._streams = False
        sent = 0
        try:
            name, value = scope["headers"][-1]
            if name == SENT_HEADER and len(value) < 19 and value.isdigit():
                sent = int(value)
        except Exception:  # noqa: BLE001, S110 - there are none, or they are not a list
            pass
        self.number = start(scope, sent)
        """That of the task that serves it."""
        cycle: Any = getattr(receive, "__self__", None)
        self._cycle = cycle if type(cycle) in reporting_cycles else None
        if self._cycle is not None:
            cycle._loopviz_task = self.number

    @property
    def reports(self) -> bool:
        """True if the server's own class reports a client that leaves."""
        return self._cycle is not None

    def send(self, sending: dict[str, Any]) -> Any:
        """Note what the app sends, and send it."""
        try:
            if sending["type"] == "http.response.body":
                self._send_body(sending)
            elif sending["type"] == "http.response.start":
                self._status = sending["status"]
                if not _has_length(sending):
                    self._streams = True
                    opened(self.number, self._scope, lasts=is_event_stream(self._scope, sending))
        except Exception:  # noqa: BLE001, S110 - no proper message: the server will say so
            pass
        return self._send(sending)

    def _send_body(self, sending: dict[str, Any]) -> None:
        body = sending.get("body")
        size = len(body) if body else 0
        self._bytes_sent += size
        if not self._streams and sending.get("more_body"):
            self._streams = True
            opened(self.number, self._scope)
        if self._streams and size:
            message(self.number, size)

    def over(self) -> None:
        """Record the end."""
        if self._cycle is not None:
            self._cycle._loopviz_task = 0
        self._end(self._scope, self._status, self._bytes_sent, self.number)


def _has_length(start: dict[str, Any]) -> bool:
    """True if a response declares its length or has no body; others may send their parts late."""
    if start["status"] in (204, 304):
        return True
    headers = start.get("headers", ())
    if iter(headers) is headers:  # the server could not read what was read here
        return False
    return any(name == b"content-length" for name, _ in headers)


def is_event_stream(scope: dict[str, Any], start: dict[str, Any]) -> bool:
    """True for server-sent events that a GET asks for: they last as long as their client wants.

    As the answer to a POST (MCP, a language model) they end when that is done.
    """
    headers = start.get("headers", ())
    if scope["method"] != "GET" or iter(headers) is headers:
        return False
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream")
        for name, value in headers
    )
