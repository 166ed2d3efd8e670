"""The load child's first message: where to send, what, how often and since when."""

import math
import queue
from collections.abc import Iterable
from dataclasses import dataclass

from loopviz.errors import LoopvizError, UsageError, WireError
from loopviz.lab.catalogue import LoadInfo
from loopviz.wire.control import Message

__all__ = ["LoadConfig", "Orders", "check_factor", "split_route"]

Orders = queue.SimpleQueue[Message | WireError]
"""Messages from the parent, in order, put there by the thread that reads them; for a line without
one, why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig(Message):
    """One run of the load. Its first message."""

    url: str
    """`http://127.0.0.1:PORT`, and no other host."""
    routes: tuple[LoadInfo, ...]
    seed: int = 0
    rate: float = 1.0
    """Factor on every route's requests per second."""
    start_at_ns: int | None = None
    """When the schedule starts (monotonic clock); None, or a time that is past: at once."""
    duration_s: float | None = None
    """Send no more after so long; None: until told to stop."""
    reuse: bool = True
    """False: each request has a connection of its own, as from many clients. One that is used
    again stays with the worker process that accepted it."""

    def check(self) -> None:
        """Raises LoopvizError, naming what is wrong, unless such a load can be sent."""
        check_factor(self.rate)
        _check(self.routes)


def check_factor(factor: float) -> None:
    """Raises LoopvizError unless a rate factor is a finite number of at least 0."""
    if not math.isfinite(factor) or factor < 0:
        raise LoopvizError(f"A load's rate must be a number of at least 0, not {factor!r}.")


def split_route(route: str) -> tuple[str, str]:
    """`GET /path` as its method and its path. Raises UsageError."""
    match route.split():
        case [method, path] if path.startswith("/") and method.isascii() and method.isalpha():
            return method.upper(), path
    raise UsageError(f"A route is a method and a path, as in 'GET /report', not {route!r}.")


def _check(routes: Iterable[LoadInfo]) -> None:
    for route in routes:
        split_route(route.route)
        for wrong, said in (
            (
                route.arrivals not in ("poisson", "constant"),
                f"Arrivals are 'poisson' or 'constant', not {route.arrivals!r}",
            ),
            (
                not math.isfinite(route.rps) or route.rps < 0,
                f"Requests per second must be at least 0, not {route.rps}",
            ),
            (not route.timeout_s > 0, f"A timeout must be more than 0 s, not {route.timeout_s}"),
            (
                not isinstance(route.copies, int) or route.copies < 1,
                f"Copies must be a whole number of at least 1, not {route.copies!r}",
            ),
            (
                not 0 <= route.leaves <= 1,
                f"The share that leaves must be from 0 to 1, not {route.leaves}",
            ),
            (
                not 0 < route.leaves_within_s < math.inf,
                f"Clients must leave within more than 0 s, not {route.leaves_within_s}",
            ),
        ):
            if wrong:
                raise UsageError(f"{said} ({route.route}).")
