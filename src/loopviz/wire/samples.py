"""Requests as the load sees them."""

from typing import NamedTuple

__all__ = ["CONNECTION", "LEFT", "NO_EVENT", "SENT_HEADER", "TIMEOUT", "RouteRow", "Sample"]

SENT_HEADER = b"x-loopviz-sent"
"""Request header with the time at which the load sent it: nanoseconds, monotonic clock."""

TIMEOUT, CONNECTION, LEFT, NO_EVENT = 0, -1, -2, -3
"""`Sample.status` of a request that got no response; LEFT: its client disconnected on purpose;
NO_EVENT: a stream of events ended before the first one."""


class RouteRow(NamedTuple):
    """What is measured of the load: a route, or a part of what a stream does."""

    name: str
    rps: float
    """At factor 1; 0: it is not begun at a rate."""
    clients: int = 0
    """Of a closed loop, at factor 1."""
    seen_as: str = ""
    """The name of its requests as the app sees them, if that is another one."""


class Sample(NamedTuple):
    """One request. Times are nanoseconds of the monotonic clock."""

    route: int
    """Index into the load's list of rows."""
    scheduled_ns: int
    sent_ns: int
    done_ns: int
    """When the last byte of the answer could be read."""
    status: int
    """HTTP status, or `TIMEOUT`, `CONNECTION` (refused, reset, closed half-way), `LEFT`,
    `NO_EVENT`; 200 for a WebSocket that was opened, a message that was answered, and an event."""
    unread_ns: int = 0
    """How long the answer then lay unread, because the load was busy; no part of the latency."""
