"""The open loop: every arrival is sent when it is due, whether or not earlier ones came back.

Its answer to coordinated omission: a sample carries the scheduled time beside the time it was
really sent, so neither a slow target nor a late load generator can hide a delay.
"""

import asyncio
from collections.abc import Callable, Sequence

from loopviz.clock import SECOND, Clock, monotonic_ns
from loopviz.lab.load.ledger import Done, Ledger
from loopviz.lab.load.schedule import Arrival, ArrivalSchedule

__all__ = ["IN_FLIGHT_MAX", "OpenLoop"]

IN_FLIGHT_MAX = 2_000
"""Requests in flight, over all routes, beyond which an arrival is shed."""

Send = Callable[[Arrival, Done], None]
"""Sends the request that is due, and calls back once with its outcome. Never raises."""


class OpenLoop:
    """Sends a schedule's arrivals on the running asyncio loop, from `start` to `stop`."""

    def __init__(
        self,
        schedule: ArrivalSchedule,
        send: Send,
        ledger: Ledger,
        rows: Sequence[int],
        origin_ns: int,
        *,
        clock: Clock = monotonic_ns,
        in_flight_max: int = IN_FLIGHT_MAX,
        at_once: Sequence[int] = (),
    ) -> None:
        """`rows`: the ledger's of each route; `at_once`: its most requests in flight, 0: any."""
        self._schedule = schedule
        self._send = send
        self.ledger, self._rows = ledger, rows
        self._origin_ns = origin_ns
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._at_once = at_once or [0] * len(rows)
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Start the arrivals. The first one is due at its offset from the origin."""
        self._fire()

    def set_rate(self, factor: float) -> None:
        """Scale the rate of future arrivals; 0 pauses them."""
        self._fire()
        self._schedule.set_factor(factor, self._clock() - self._origin_ns)
        self._arm()

    def stop(self) -> None:
        """Stop the arrivals. Requests in flight go on."""
        self._stopped = True
        self._arm()

    def _fire(self) -> None:
        """Send what is due, then wait for the next one."""
        if not self._stopped:
            for arrival in self._schedule.due(self._clock() - self._origin_ns):
                self._arrive(arrival)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_ns = self._schedule.next_ns
        if next_ns is not None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at((self._origin_ns + next_ns) / SECOND, self._fire)

    def _arrive(self, arrival: Arrival) -> None:
        row = self._rows[arrival.route]
        if 0 < self._at_once[arrival.route] <= self.ledger.in_flight[row]:
            return  # all users wait: nobody is there who would ask
        if self.ledger.open >= self._in_flight_max:
            self.ledger.shed[row] += 1
            return
        self._send(arrival, self.ledger.opened(row, self._origin_ns + arrival.offset_ns))
