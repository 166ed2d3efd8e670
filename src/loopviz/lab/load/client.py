"""Sends requests with httpx, which no other module knows, and reports how each one went.

Two measurements made it what it is (2 cores, a bare ASGI target, a 1 s route at 100 rps). A
connection pool looks through all its connections at the start and at the end of every request:
with 100 in flight httpx's p99 was as much as 4.9 s, where 1.00 s is true. So each request in
flight has a transport of its own with a single connection, reused afterwards: 1.02 s, at a
quarter of the CPU. And where sniffio is not installed, httpcore searches sys.path for it several
times per request, which took a quarter of what was left.
"""

import asyncio
import math
import ssl
import sys
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from loopviz.clock import SECOND, monotonic_ns
from loopviz.errors import LoopvizError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import split_route
from loopviz.lab.load.schedule import Arrival
from loopviz.wire.samples import CONNECTION, LEFT, SENT_HEADER, TIMEOUT

try:
    import sniffio  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
except ImportError:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # so that no request searches for it again
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # its command line: 0.1 s

import httpx  # noqa: E402

__all__ = ["Client", "Reply"]

HOST = "127.0.0.1"
NUMBER = "{n}"
IDLE_NS = 2 * SECOND
"""An unused connection is closed before the server does it (uvicorn: after 5 s)."""

_LIMITS = httpx.Limits(max_connections=1, keepalive_expiry=IDLE_NS / SECOND)
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; making the default one takes 20 ms
_NO_BODY = httpx.ByteStream(b"")


class Reply(NamedTuple):
    """The outcome of one request; times are nanoseconds of the monotonic clock."""

    sent_ns: int
    done_ns: int
    """When the last byte came, or the request failed."""
    status: int
    """As in `Sample`."""


class _Target(NamedTuple):
    """What all requests of a route have in common."""

    method: str
    base: httpx.URL
    path: str
    url: httpx.URL | None
    """None: the path has a number, so each request has a URL of its own."""
    headers: list[tuple[bytes, bytes]]
    timeout_s: float

    def url_of(self, number: int) -> httpx.URL:
        return self.url or self.base.join(self.path.replace(NUMBER, str(number)))


class Client:
    """Sends requests to one target on this machine, any number at a time."""

    def __init__(self, routes: Sequence[LoadInfo], url: str, *, reuse: bool = True) -> None:
        """`reuse=False`: a connection for each request."""
        self._routes = routes
        self._idle_ns = IDLE_NS if reuse else 0
        self._idle: deque[tuple[int, httpx.AsyncHTTPTransport]] = deque()
        self._targets: list[_Target] = []
        self.aim(url)

    def aim(self, url: str) -> None:
        """Send to `url` from now on. Raises LoopvizError unless it is `http://127.0.0.1:PORT`."""
        try:
            base = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise LoopvizError(f"The load cannot be sent to {url!r}: {error}.") from error
        if base.scheme != "http" or base.host != HOST:
            raise LoopvizError(f"The load is sent to http://{HOST} only, not to {url!r}.")
        self._targets = [_target(base, route, self._idle_ns) for route in self._routes]

    async def send(self, arrival: Arrival) -> Reply:
        """Send one request and read the whole response, unless the client leaves. Never raises.

        A client that leaves closes its connection.
        """
        target = self._targets[arrival.route]
        leaves_s = math.inf if arrival.leaves_s is None else arrival.leaves_s
        transport = self._idle.pop()[1] if self._idle else _new_transport()
        sent_ns = monotonic_ns()
        request = httpx.Request(
            target.method,
            target.url_of(arrival.number),
            headers=httpx.Headers([*target.headers, (SENT_HEADER, b"%d" % sent_ns)]),
            stream=_NO_BODY,
        )
        try:
            async with asyncio.timeout(min(target.timeout_s, leaves_s)):
                status = await _exchange(transport, request)
        except TimeoutError:
            status = LEFT if leaves_s < target.timeout_s else TIMEOUT
        except (httpx.TransportError, OSError):
            status = CONNECTION
        done_ns = monotonic_ns()
        if 0 < status < 500:  # uvicorn closes a connection right after an exception's 500
            self._idle.append((done_ns, transport))
        else:
            await transport.aclose()
        await self._close_idle(done_ns - self._idle_ns)
        return Reply(sent_ns, done_ns, status)

    async def aclose(self) -> None:
        """Close the connections that are not in use."""
        await self._close_idle(monotonic_ns())

    async def _close_idle(self, before_ns: int) -> None:
        """Close connections last used before then; the least recently used are on the left."""
        while self._idle and self._idle[0][0] <= before_ns:
            await self._idle.popleft()[1].aclose()


async def _exchange(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> int:
    response = await transport.handle_async_request(request)
    body = response.stream
    assert isinstance(body, httpx.AsyncByteStream)
    try:
        async for _ in body:
            pass
    finally:
        await body.aclose()
    return response.status_code


def _new_transport() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=_TLS, trust_env=False, limits=_LIMITS)


def _target(base: httpx.URL, route: LoadInfo, idle_ns: int) -> _Target:
    method, path = split_route(route.route)
    headers = [
        (b"host", base.netloc),
        (b"accept", b"*/*"),
        (b"user-agent", b"loopviz"),
    ]
    if not idle_ns:
        headers.append((b"connection", b"close"))
    if method in ("POST", "PUT", "PATCH"):
        headers.append((b"content-length", b"0"))
    url = None if NUMBER in path else base.join(path)
    return _Target(method, base, path, url, headers, route.timeout_s)
