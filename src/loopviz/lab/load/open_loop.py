"""The open loop: every arrival is sent when it is due, whether or not earlier ones came back.

Its answer to coordinated omission: a sample carries the scheduled time beside the time it was
really sent, so neither a slow target nor a late load generator can hide a delay.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count, takewhile
from typing import Protocol

from loopviz.clock import SECOND, Clock, monotonic_ns
from loopviz.lab.load.schedule import Arrival, ArrivalSchedule
from loopviz.wire.samples import Sample

__all__ = ["IN_FLIGHT_MAX", "OpenLoop", "SendResult"]

IN_FLIGHT_MAX = 2_000
"""Requests in flight, over all routes, beyond which an arrival is shed."""


class SendResult(Protocol):
    """The outcome of one request; see `loopviz.lab.load.client.Reply`."""

    @property
    def sent_ns(self) -> int: ...
    @property
    def done_ns(self) -> int: ...
    @property
    def status(self) -> int: ...


Send = Callable[[Arrival, Callable[[SendResult], None]], None]
"""Sends the request that is due, and calls back once with its outcome. Never raises."""


class OpenLoop:
    """Sends a schedule's arrivals on the running asyncio loop, from `start` to `stop`."""

    def __init__(
        self,
        schedule: ArrivalSchedule,
        send: Send,
        routes: int,
        origin_ns: int,
        *,
        clock: Clock = monotonic_ns,
        in_flight_max: int = IN_FLIGHT_MAX,
        at_once: Sequence[int] = (),
    ) -> None:
        """`at_once` has the most requests in flight of each route; 0 is no limit."""
        self._schedule = schedule
        self._send = send
        self._origin_ns = origin_ns
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._at_once = at_once or [0] * routes
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = count()
        self._open: dict[int, tuple[int, int]] = {}
        """Requests without a reply: route and scheduled time, ordered by time."""
        self._samples: list[Sample] = []
        self._stopped = False
        self.sent = [0] * routes
        """Requests sent so far, by route."""
        self.in_flight = [0] * routes
        """Requests without a reply, by route."""
        self.shed = [0] * routes
        """Requests not sent because too many were in flight, by route; they have no sample."""

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

    def take(self) -> list[Sample]:
        """The samples since the last call, in the order of their replies."""
        taken, self._samples = self._samples, []
        return taken

    def waiting(self, before_ns: int) -> list[tuple[int, int]]:
        """Requests without a reply that were due by then: route and scheduled time, by time."""
        return list(takewhile(lambda request: request[1] <= before_ns, self._open.values()))

    def _fire(self) -> None:
        """Send what is due, then wait for the next one."""
        if not self._stopped:
            for arrival in self._schedule.due(self._clock() - self._origin_ns):
                self._arrive(arrival, self._origin_ns + arrival.offset_ns)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_ns = self._schedule.next_ns
        if next_ns is not None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at((self._origin_ns + next_ns) / SECOND, self._fire)

    def _arrive(self, arrival: Arrival, scheduled_ns: int) -> None:
        route = arrival.route
        if 0 < self._at_once[route] <= self.in_flight[route]:
            return  # all users wait: nobody is there who would ask
        if len(self._open) >= self._in_flight_max:
            self.shed[route] += 1
            return
        self.sent[route] += 1
        self.in_flight[route] += 1
        number = next(self._numbers)
        self._open[number] = route, scheduled_ns

        def done(reply: SendResult) -> None:
            self.in_flight[route] -= 1
            del self._open[number]
            self._samples.append(
                Sample(route, scheduled_ns, reply.sent_ns, reply.done_ns, reply.status)
            )

        self._send(arrival, done)
