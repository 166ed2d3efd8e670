"""One request and its response, on an HTTP/1.1 connection that may serve others afterwards."""

import asyncio
from collections.abc import Callable

import httptools

from loopviz.clock import monotonic_ns
from loopviz.lab.load.precise_loop import readable_since
from loopviz.wire.samples import CONNECTION

__all__ = ["Connection", "Exchange"]


class Exchange:
    """One request. It ends once: with a response, or without one."""

    def __init__(self, request: bytes, ended: Callable[["Exchange", int], None]) -> None:
        """`ended(exchange, status)` is called once; `status` as in `Sample`."""
        self.request = request
        self.is_head = request.startswith(b"HEAD ")
        self.done_ns = 0
        """When the last byte could be read, or the request failed; 0: it is open."""
        self.unread_ns = 0
        """How long that byte then lay unread, because the load was busy."""
        self.connection: Connection | None = None
        """None: it is still being opened."""
        self._ended = ended

    def end(self, status: int, came_ns: int = 0) -> None:
        """Its outcome is known, from what came then (0: now). Later calls do nothing."""
        if not self.done_ns:
            now_ns = monotonic_ns()
            self.done_ns = came_ns or now_ns
            self.unread_ns = now_ns - self.done_ns
            self._ended(self, status)

    def give_up(self, status: int) -> None:
        """Close its connection and end without a response."""
        if self.connection is not None:
            self.connection.abort()
        self.end(status)


class Connection(asyncio.Protocol):
    """A connection to the target. It carries one exchange at a time."""

    def __init__(self, idle: Callable[["Connection"], None]) -> None:
        """`idle(connection)` is called after each exchange that leaves the connection usable."""
        self._idle = idle
        self._transport: asyncio.Transport
        self._fd = -1
        self._since = readable_since(asyncio.get_running_loop())
        self._came_ns = 0
        """When what is being read came; 0: nothing is."""
        self._exchange: Exchange | None = None
        self._parser: httptools.HttpResponseParser
        self._framed = False
        """The end of the body is known by its length or its last chunk, not by the connection's."""
        self._headers_complete = False
        self.idle_since_ns = 0
        self.closed = False

    def start(self, exchange: Exchange) -> None:
        """Send the request. The connection must be idle."""
        self._exchange = exchange
        exchange.connection = self
        self._parser = httptools.HttpResponseParser(self)
        self._framed = self._headers_complete = False
        self._transport.write(exchange.request)

    def abort(self) -> None:
        """Close at once: nothing that is under way is sent or received any more."""
        self.closed = True
        self._exchange = None
        self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._fd = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:  # a response that nobody asked for
            self.abort()
            return
        self._came_ns = self._since(self._fd)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(self._parser.get_status_code(), reusable=False)
        except httptools.HttpParserError:
            self._end(CONNECTION, reusable=False)
        self._came_ns = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        whole = exc is None and self._headers_complete and not self._framed
        self._end(self._parser.get_status_code() if whole else CONNECTION, reusable=False)

    # httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-length" or (
            name == b"transfer-encoding" and b"chunked" in value.lower()
        ):
            self._framed = True

    def on_headers_complete(self) -> None:
        self._headers_complete = self._parser.get_status_code() >= 200
        if self._headers_complete and self._exchange is not None and self._exchange.is_head:
            self._complete()

    def on_message_complete(self) -> None:
        if self._headers_complete:  # else it was "100 Continue" or "103 Early Hints"
            self._complete()

    def _complete(self) -> None:
        status = self._parser.get_status_code()
        # uvicorn closes a connection right after an exception's 500, and does not say so
        self._end(status, reusable=status < 500 and self._parser.should_keep_alive())

    def _end(self, status: int, *, reusable: bool) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if not reusable and not self.closed:
            self.closed = True
            self._transport.close()
        exchange.connection = None
        exchange.end(status, self._came_ns)
        if reusable:
            self.idle_since_ns = monotonic_ns()
            self._idle(self)
