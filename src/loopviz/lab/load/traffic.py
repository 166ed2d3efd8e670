"""The load as a whole: its open loop, its closed loop, and the clients that both send with."""

from collections.abc import Sequence

from loopviz.clock import SECOND
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import Address
from loopviz.lab.load.client import Client
from loopviz.lab.load.closed_loop import ClosedLoop, Crowd
from loopviz.lab.load.ledger import Done, Ledger, Reply
from loopviz.lab.load.open_loop import OpenLoop
from loopviz.lab.load.schedule import Arrival, ArrivalSchedule
from loopviz.lab.load.streams import Over, streams
from loopviz.options import RunOptions

__all__ = ["Traffic"]


class Traffic:
    """Sends requests to one address, from `start` to `stop`, as `ledger` tells."""

    def __init__(
        self,
        routes: Sequence[LoadInfo],
        address: Address,
        options: RunOptions,
        origin_ns: int,
        *,
        reuse: bool = True,
    ) -> None:
        """`reuse=False`: each request has a connection of its own."""
        sizes = [len(route.rows) for route in routes]
        rows = [sum(sizes[:i]) for i in range(len(sizes))]
        self.ledger = Ledger(sum(sizes))
        self._origin_ns = origin_ns
        self._client = Client(routes, address, reuse=reuse)
        self._streams = streams(routes, rows, self.ledger, address)
        end_ns = None if options.duration_s is None else round(options.duration_s * SECOND)
        schedule = ArrivalSchedule(routes, options.seed, options.rate, end_ns)
        at_once = [route.at_once for route in routes]
        self._open = OpenLoop(schedule, self._send, self.ledger, rows, origin_ns, at_once=at_once)
        self._crowds = [
            Crowd(i, row, route.clients)
            for i, (route, row) in enumerate(zip(routes, rows, strict=True))
            if route.clients
        ]
        self._closed = ClosedLoop(
            self._crowds,
            self._begin,
            self.ledger,
            factor=options.rate,
            end_ns=None if end_ns is None else origin_ns + end_ns,
        )

    def start(self) -> None:
        """The schedule begins at its origin, and so do the clients."""
        self._open.start()
        self._closed.start(self._origin_ns)

    def set_rate(self, factor: float) -> None:
        """Scale the arrivals, and the number of clients; 0 pauses both."""
        self._open.set_rate(factor)
        self._closed.set_rate(factor)
        for crowd in self._crowds:
            if (stream := self._streams.get(crowd.route)) is not None:
                stream.keep(crowd.wanted)

    def aim(self, address: Address) -> None:
        """Send there from now on."""
        self._client.aim(address)
        for each in self._streams.values():
            each.aim(address)

    def stop(self) -> None:
        """Send nothing more. Requests in flight go on; clients that only listen leave."""
        self._open.stop()
        self._closed.stop()
        for each in self._streams.values():
            each.keep(0)

    def close(self) -> None:
        """Close the connections on which nothing is under way."""
        self._client.close()

    def _send(self, arrival: Arrival, done: Done) -> None:
        if (stream := self._streams.get(arrival.route)) is not None:
            stream.begin(arrival, done, _nobody_waits)
        else:
            self._client.send(arrival, done)

    def _begin(self, arrival: Arrival, done: Done, over: Over) -> None:
        if (stream := self._streams.get(arrival.route)) is not None:
            stream.begin(arrival, done, over)
            return

        def answered(reply: Reply) -> None:
            done(reply)
            over(reply.status > 0)

        self._client.send(arrival, answered)


def _nobody_waits(answered: bool) -> None:
    """The next client arrives at its own time."""
