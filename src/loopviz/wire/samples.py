"""Requests as the load sees them."""

from typing import NamedTuple

__all__ = ["CONNECTION", "LEFT", "SENT_HEADER", "TIMEOUT", "Sample"]

SENT_HEADER = b"x-loopviz-sent"
"""Request header with the time at which the load sent it: nanoseconds, monotonic clock."""

TIMEOUT, CONNECTION, LEFT = 0, -1, -2
"""`Sample.status` of a request that got no response; LEFT: its client disconnected on purpose."""


class Sample(NamedTuple):
    """One request. Times are nanoseconds of the monotonic clock."""

    route: int
    """Index into the load's list of routes."""
    scheduled_ns: int
    sent_ns: int
    done_ns: int
    status: int
    """HTTP status, or `TIMEOUT`, `CONNECTION` (refused, reset, closed half-way), `LEFT`."""
