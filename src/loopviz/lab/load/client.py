"""Sends requests over HTTP/1.1, and reports how each one went.

It is asyncio's protocols and httptools, without a task per request, since the load must not be the
limit of what it measures: a general client saturates a core at some hundred requests a second, and
then its own queue is taken for the server's latency.
"""

import asyncio
import math
import mimetypes
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from loopviz.clock import SECOND, monotonic_ns
from loopviz.errors import LoopvizError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import split_route
from loopviz.lab.load.deadlines import Deadlines
from loopviz.lab.load.exchange import Connection, Exchange
from loopviz.lab.load.schedule import Arrival
from loopviz.wire.samples import CONNECTION, LEFT, SENT_HEADER, TIMEOUT

__all__ = ["BODIES", "HOST", "Client", "Reply"]

HOST = "127.0.0.1"
NUMBER = "{n}"
BODIES = ("POST", "PUT", "PATCH")
"""Methods whose requests have a body."""
IDLE_NS = 2 * SECOND
"""An unused connection is closed before the server does it (uvicorn: after 5 s)."""
_IN_A_TARGET = "/?:@!$&'()*+,;=%[]~"
"""What is not percent-encoded in a path and its query; `%`: it may be encoded already."""


class Reply(NamedTuple):
    """The outcome of one request; times are nanoseconds of the monotonic clock."""

    sent_ns: int
    done_ns: int
    """When the last byte came, or the request failed."""
    status: int
    """As in `Sample`."""


Done = Callable[[Reply], None]


class Client:
    """Sends requests to one target on this machine, any number at a time."""

    def __init__(self, routes: Sequence[LoadInfo], url: str, *, reuse: bool = True) -> None:
        """`reuse=False`: a connection for each request. Raises LoopvizError as `aim` does."""
        self._routes = routes
        self._reuse = reuse
        self._idle: deque[Connection] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._deadlines = [Deadlines(route.timeout_s, _time_out) for route in routes]
        self._address = (HOST, 0)
        self._requests: list[_Request] = []
        self.aim(url)

    def aim(self, url: str) -> None:
        """Send to `url` from now on. Raises LoopvizError unless it is `http://127.0.0.1:PORT`."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise LoopvizError(f"The load cannot be sent to {url!r}: {error}.") from error
        if parts.scheme != "http" or host != HOST or parts.username is not None:
            raise LoopvizError(f"The load is sent to http://{HOST} only, not to {url!r}.")
        self._address = (HOST, port or 80)
        self.close()
        netloc = parts.netloc.encode()
        self._requests = [_Request(route, netloc, reuse=self._reuse) for route in self._routes]

    def send(self, arrival: Arrival, done: Done) -> None:
        """Send one request; `done` is called once, when the response is read or never comes.

        A client that leaves, or has waited too long, closes its connection.
        """
        sent_ns = monotonic_ns()
        deadlines = self._deadlines[arrival.route]
        leaving: asyncio.TimerHandle | None = None

        def ended(exchange: Exchange, status: int) -> None:
            deadlines.discard(exchange)
            if leaving is not None:
                leaving.cancel()
            done(Reply(sent_ns, exchange.done_ns, status))

        exchange = Exchange(self._requests[arrival.route].at(arrival.number, sent_ns), ended)
        deadlines.add(exchange)
        if arrival.leaves_s is not None and math.isfinite(arrival.leaves_s):
            loop = asyncio.get_running_loop()
            leaving = loop.call_later(arrival.leaves_s, exchange.give_up, LEFT)
        self._close_idle(sent_ns - IDLE_NS)
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                connection.start(exchange)
                return
        task = asyncio.get_running_loop().create_task(self._open(exchange))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().abort()

    async def _open(self, exchange: Exchange) -> None:
        loop, address = asyncio.get_running_loop(), self._address
        connection: Connection | None = None
        try:
            door = socket.socket()
            try:
                door.setblocking(False)
                await loop.sock_connect(door, address)
                _, connection = await loop.create_connection(
                    lambda: Connection(lambda idle: self._keep(idle, address)), sock=door
                )
            except BaseException:
                door.close()
                raise
        except OSError:
            exchange.end(CONNECTION)
            return
        if exchange.done_ns:  # its client has left meanwhile, or waited too long
            connection.abort()
        else:
            connection.start(exchange)

    def _keep(self, connection: Connection, address: tuple[str, int]) -> None:
        if self._reuse and address == self._address:
            self._idle.append(connection)
        else:
            connection.abort()

    def _close_idle(self, before_ns: int) -> None:
        """Close connections last used before then; the least recently used are on the left."""
        while self._idle and self._idle[0].idle_since_ns <= before_ns:
            self._idle.popleft().abort()


def _time_out(exchange: Exchange) -> None:
    exchange.give_up(TIMEOUT)


class _Request:
    """The bytes of a route's requests, but for the arrival's number and the time."""

    def __init__(self, route: LoadInfo, netloc: bytes, *, reuse: bool) -> None:
        method, path = split_route(route.route)
        target = [quote(part, safe=_IN_A_TARGET).encode() for part in _without_fragment(path)]
        headers = [b"host: " + netloc, *_headers(route)]
        if not reuse:
            headers.append(b"connection: close")
        self._body = Path(route.body).read_bytes().split(NUMBER.encode()) if route.body else []
        self._sends = method in BODIES
        head = b"\r\n".join([b" HTTP/1.1", *headers, b""])
        self._parts = [method.encode() + b" " + target[0], *target[1:]]
        self._parts[-1] += head

    def at(self, number: int, sent_ns: int) -> bytes:
        digits = b"%d" % number
        head, body = digits.join(self._parts), b""
        if self._sends:
            body = digits.join(self._body)
            head += b"content-length: %d\r\n" % len(body)
        return b"%b%b: %d\r\n\r\n%b" % (head, SENT_HEADER, sent_ns, body)


def _headers(route: LoadInfo) -> list[bytes]:
    """The route's own, and what a client says anyway unless they do."""
    own = [header.encode() for header in route.headers]
    given = {header.partition(b":")[0].lower() for header in own}
    usual = {b"accept": b"*/*", b"user-agent": b"loopviz"}
    if route.body:
        kind = mimetypes.guess_type(route.body)[0] or "application/octet-stream"
        usual[b"content-type"] = kind.encode()
    return [*(b"%b: %b" % each for each in usual.items() if each[0] not in given), *own]


def _without_fragment(path: str) -> list[str]:
    """The path and query, cut where the number goes."""
    return path.partition("#")[0].split(NUMBER)
