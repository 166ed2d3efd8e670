"""The closed loop: a number of clients, each of which sends when its last request is answered.

A slow target gets fewer requests then, and those that real users would have sent meanwhile are
missing from the latencies: coordinated omission. So the reader of such figures is told which kind
of load they come from.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from loopviz.clock import MS, SECOND, Clock, monotonic_ns
from loopviz.lab.load.ledger import Done, Ledger
from loopviz.lab.load.schedule import Arrival

__all__ = ["AGAIN_NS", "ClosedLoop", "Crowd"]

AGAIN_NS = 100 * MS
"""How long a client that got no response waits, so that none knocks at a closed door all the
time."""

Begin = Callable[[Arrival, Done, Callable[[bool], None]], None]
"""Begins what a client does once, with the outcome of its request, and a call at its end: whether
there was a response. Never raises."""


@dataclass(slots=True)
class Crowd:
    """The clients of one route."""

    route: int
    """The index of the route."""
    row: int
    """The ledger's row."""
    size: int
    """How many clients there are at factor 1."""
    wanted: int = 0
    """How many there are to be now."""
    present: int = 0
    """How many there are: one that leaves does so when it has its answer."""
    numbers: "count[int]" = field(default_factory=count)


class ClosedLoop:
    """Keeps each crowd at its size on the running asyncio loop, from `start` to `stop`."""

    def __init__(
        self,
        crowds: Sequence[Crowd],
        begin: Begin,
        ledger: Ledger,
        *,
        factor: float = 1.0,
        end_ns: int | None = None,
        clock: Clock = monotonic_ns,
    ) -> None:
        """`end_ns`: no request is sent from then on (the clock's time)."""
        self._crowds, self._begin, self._ledger = crowds, begin, ledger
        self._factor, self._end_ns, self._clock = factor, end_ns, clock
        self._running = False

    def start(self, at_ns: int) -> None:
        """All clients begin at that time, or at once if it is past."""
        loop = asyncio.get_running_loop()
        self._running = True
        loop.call_at(at_ns / SECOND, self.set_rate, self._factor)

    def set_rate(self, factor: float) -> None:
        """Scale the number of clients; 0 pauses them all."""
        self._factor = factor
        if not self._running:
            return
        for crowd in self._crowds:
            crowd.wanted = max(1, round(crowd.size * factor)) if factor else 0
            while crowd.present < crowd.wanted:
                crowd.present += 1
                self._next(crowd)

    def stop(self) -> None:
        """Send nothing more. Requests in flight go on."""
        self._running = False

    def _next(self, crowd: Crowd) -> None:
        now_ns = self._clock()
        over = self._end_ns is not None and now_ns >= self._end_ns
        if over or not self._running or crowd.present > crowd.wanted:
            crowd.present -= 1
            return
        arrival = Arrival(now_ns, crowd.route, next(crowd.numbers))
        done = self._ledger.opened(crowd.row, now_ns)
        self._begin(arrival, done, lambda answered: self._free(crowd, answered))

    def _free(self, crowd: Crowd, answered: bool) -> None:
        loop = asyncio.get_running_loop()
        if answered:
            loop.call_soon(self._next, crowd)
        else:
            loop.call_later(AGAIN_NS / SECOND, self._next, crowd)
