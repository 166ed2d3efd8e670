"""Clients that hold a connection open: of WebSockets, and of server-sent events.

A WebSocket's client sends a message, waits for the next one from the server, and sends again. What
is measured: how long it takes to connect, and from each message to its answer. A client of events
only listens: how long it takes to the first one, and between each and the next.
"""

import asyncio
import base64
import hashlib
import math
import os
from collections.abc import Callable, Sequence

import httptools

from loopviz.clock import monotonic_ns
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import Address, connect
from loopviz.lab.load.config import split_route
from loopviz.lab.load.deadlines import Deadlines
from loopviz.lab.load.events import Events
from loopviz.lab.load.frames import CLOSE, PING, PONG, TEXT, Frames, frame
from loopviz.lab.load.ledger import Done, Ledger, Reply
from loopviz.lab.load.precise_loop import readable_since
from loopviz.lab.load.request import NUMBER, RequestTemplate, content
from loopviz.lab.load.schedule import Arrival
from loopviz.wire.samples import CONNECTION, NO_EVENT, TIMEOUT

__all__ = ["MESSAGE", "Over", "Streams", "streams"]

MESSAGE = b'{"n": {n}}'
"""What a WebSocket's client sends unless it is told otherwise: text, and JSON as well."""
_ACCEPTS = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Over = Callable[[bool], None]
"""Is called when a client has ended; whether there was any response."""


class Streams:
    """All clients of one route."""

    def __init__(self, route: LoadInfo, row: int, ledger: Ledger, address: Address) -> None:
        """`row`: the ledger's first row of the route; the next one is of what comes later."""
        self.row, self.ledger = row + 1, ledger
        self.messages = route.messages or (math.inf if route.clients else 1)
        self.text = (content(route) or MESSAGE).split(NUMBER.encode())
        self.deadlines = Deadlines["HeldConnection"](route.timeout_s, _time_out)
        self.held: dict[HeldConnection, None] = {}
        """Those that are open, the oldest first."""
        self._kind: type[HeldConnection] = _KINDS[split_route(route.route)[0]]
        self._route, self._address = route, address
        self._opening: set[asyncio.Task[None]] = set()
        self.aim(address)

    def aim(self, address: Address) -> None:
        """Connect to that address from now on."""
        self._address = address
        self._request = RequestTemplate(self._route, address.netloc, more=self._kind.headers)

    def begin(self, arrival: Arrival, done: Done, over: Over) -> None:
        """Connect. `done` takes the outcome of that, or of the first event."""
        sent_ns = monotonic_ns()
        request = self._request.at(arrival.number, sent_ns)
        stream = self._kind(self, request, arrival.number, over)
        stream.expect(done, sent_ns)
        task = asyncio.get_running_loop().create_task(self._open(stream))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def keep(self, count: int) -> None:
        """All but so many leave, those that wait for an answer when they have it."""
        for stream in list(self.held)[count:]:
            stream.dismiss()

    async def _open(self, stream: "HeldConnection") -> None:
        try:
            await connect(self._address, lambda: stream)
        except OSError:
            stream.fail(CONNECTION)


class HeldConnection(asyncio.Protocol):
    """One client's connection, from its request to its end."""

    headers: tuple[str, ...] = ()

    def __init__(self, of: Streams, request: bytes, number: int, over: Over) -> None:
        self._of, self._request, self._number, self._over = of, request, number, over
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._done: Done | None = None
        self._sent_ns = self._came_ns = 0
        self._answered = self._ended = self._dismissed = False
        self._received = 0
        """Messages or events so far."""

    @property
    def waits(self) -> bool:
        """Whether an answer is to come."""
        return self._done is not None

    def expect(self, done: Done, sent_ns: int) -> None:
        """An answer is to come to what was sent then."""
        self._done, self._sent_ns = done, sent_ns
        self._of.deadlines.add(self)

    def settle(self, status: int) -> None:
        """What was expected has come, or never will; does nothing if nothing was expected."""
        done, self._done = self._done, None
        if done is not None:
            self._of.deadlines.discard(self)
            self._answered |= status > 0
            done(self._reply(self._sent_ns, status))

    def fail(self, status: int) -> None:
        """What is expected will not come."""
        self.settle(status)
        self.leave()

    def dismiss(self) -> None:
        """Leave as soon as no answer is to come."""
        self._dismissed = True
        if not self.waits:
            self.leave()

    def leave(self) -> None:
        """Close the connection; the client has ended."""
        if self._ended:
            return
        self._ended = True
        self._of.held.pop(self, None)
        if self._transport is not None:
            self._transport.close()
        self._over(self._answered)

    def _reply(self, sent_ns: int, status: int) -> Reply:
        now_ns = monotonic_ns()
        came_ns = self._came_ns or now_ns
        return Reply(sent_ns, came_ns, status, now_ns - came_ns)

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._since = readable_since(asyncio.get_running_loop())
        self._fd = transport.get_extra_info("socket").fileno()
        if self._ended:  # it has waited too long meanwhile
            transport.abort()
            return
        self._of.held[self] = None
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._came_ns = self._since(self._fd)
        try:
            self._read(data)
        except (httptools.HttpParserError, ValueError):
            self.fail(CONNECTION)
        self._came_ns = 0

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.fail(CONNECTION)

    # for subclasses

    def _read(self, data: bytes) -> None:
        """Raises ValueError or HttpParserError for what is no such stream."""
        self._parser.feed_data(data)


class _WebSocket(HeldConnection):
    headers = ("connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13")

    def __init__(self, of: Streams, request: bytes, number: int, over: Over) -> None:
        key = base64.b64encode(os.urandom(16))
        request = request[:-2] + b"sec-websocket-key: " + key + b"\r\n\r\n"
        super().__init__(of, request, number, over)
        digest = hashlib.sha1(key + _ACCEPTS, usedforsecurity=False).digest()
        self._wanted = base64.b64encode(digest)
        self._accepted = b""
        self._frames: Frames | None = None
        """None: it is not open yet."""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"sec-websocket-accept":
            self._accepted = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 101:
            self.fail(status)

    def _read(self, data: bytes) -> None:
        if self._frames is None:
            rest = self._opened(data)
            if rest is None or self._ended:
                return
            data = rest
            if self._accepted != self._wanted:
                raise ValueError("the server has not accepted this key")
            self._frames = Frames()
            self.settle(200)
            self._say()
        for kind, content_ in self._frames.feed(data):
            self._take(kind, content_)
            if self._ended:
                return

    def _opened(self, data: bytes) -> bytes | None:
        """What follows the server's consent; None: that has not come."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            at: int = upgrade.args[0]
            return data[at:]
        return None

    def _take(self, kind: int, content_: bytes) -> None:
        assert self._transport is not None
        if kind == PING:
            self._transport.write(frame(PONG, content_))
        elif kind == CLOSE:
            self._transport.write(frame(CLOSE, content_[:2]))
            self.fail(CONNECTION)
        elif kind != PONG and self.waits:
            self._received += 1
            self.settle(200)
            self._say()

    def _say(self) -> None:
        """Send the next message, or leave."""
        assert self._transport is not None
        if self._received >= self._of.messages or self._dismissed:
            self.leave()
            return
        sent_ns = monotonic_ns()
        self.expect(self._of.ledger.opened(self._of.row, sent_ns), sent_ns)
        message = (b"%d" % (self._number + self._received)).join(self._of.text)
        self._transport.write(frame(TEXT, message))

    def leave(self) -> None:
        if not self._ended and self._frames is not None and self._transport is not None:
            self._transport.write(frame(CLOSE, (1000).to_bytes(2)))
        super().leave()


class _EventStream(HeldConnection):
    headers = ("accept: text/event-stream", "cache-control: no-cache")

    def __init__(self, of: Streams, request: bytes, number: int, over: Over) -> None:
        super().__init__(of, request, number, over)
        self._events = Events()
        self._event_ns = 0
        """When the last event came."""

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status > 200:  # below, another one follows
            self.fail(status)

    def on_body(self, body: bytes) -> None:
        for _ in range(self._events.feed(body)):
            if self._ended:
                return
            self._take()

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._answered = True
            self.fail(NO_EVENT)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended and self._received:  # it broke off
            self._of.ledger.happened(self._of.row, self._reply(self._event_ns, CONNECTION))
        super().connection_lost(exc)

    def _take(self) -> None:
        self._received += 1
        if self.waits:
            self.settle(200)
        else:
            self._of.ledger.happened(self._of.row, self._reply(self._event_ns, 200))
        self._event_ns = self._came_ns
        if self._received >= self._of.messages or self._dismissed:
            self.leave()


def _time_out(stream: HeldConnection) -> None:
    stream.fail(TIMEOUT)


_KINDS: dict[str, type[HeldConnection]] = {"WS": _WebSocket, "SSE": _EventStream}


def streams(
    routes: Sequence[LoadInfo], rows: Sequence[int], ledger: Ledger, address: Address
) -> dict[int, Streams]:
    """By their index, those of the routes that are streams."""
    return {
        i: Streams(route, row, ledger, address)
        for i, (route, row) in enumerate(zip(routes, rows, strict=True))
        if split_route(route.route)[0] in _KINDS
    }
