"""Sends requests over HTTP/1.1, and reports how each one went.

It is asyncio's protocols and httptools, without a task per request, since the load must not be the
limit of what it measures: a general client saturates a core at some hundred requests a second, and
then its own queue is taken for the server's latency.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from loopviz.clock import SECOND, monotonic_ns
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import Address, connect
from loopviz.lab.load.deadlines import Deadlines
from loopviz.lab.load.exchange import Connection, Exchange
from loopviz.lab.load.ledger import Done, Reply
from loopviz.lab.load.request import RequestTemplate
from loopviz.lab.load.schedule import Arrival
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT

__all__ = ["Client"]

IDLE_NS = 2 * SECOND
"""An unused connection is closed before the server does it (uvicorn: after 5 s)."""


class Client:
    """Sends requests to one target on this machine, any number at a time."""

    def __init__(self, routes: Sequence[LoadInfo], address: Address, *, reuse: bool = True) -> None:
        """`reuse=False`: a connection for each request."""
        self._routes = routes
        self._reuse = reuse
        self._idle: deque[Connection] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._deadlines = [Deadlines(route.timeout_s, _time_out) for route in routes]
        self._address = address
        self._requests: list[RequestTemplate] = []
        self.aim(address)

    def aim(self, address: Address) -> None:
        """Send there from now on."""
        self._address = address
        self.close()
        self._requests = [
            RequestTemplate(route, address.netloc, reuse=self._reuse) for route in self._routes
        ]

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
            done(Reply(sent_ns, exchange.done_ns, status, exchange.unread_ns))

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
        address = self._address
        try:
            connection = await connect(
                address, lambda: Connection(lambda idle: self._keep(idle, address))
            )
        except OSError:
            exchange.end(CONNECTION)
            return
        if exchange.done_ns:  # its client has left meanwhile, or waited too long
            connection.abort()
        else:
            connection.start(exchange)

    def _keep(self, connection: Connection, address: Address) -> None:
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
