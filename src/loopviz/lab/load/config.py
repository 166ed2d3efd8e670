"""The load's configuration, its first message: where to send what, how often and from when."""

import math
import queue
from collections.abc import Iterable
from dataclasses import dataclass, replace

from loopviz.errors import LoopvizError, UsageError, WireError
from loopviz.lab.catalogue import STREAM_ROWS, LoadInfo
from loopviz.lab.catalogue.checks import parameters, wrong
from loopviz.options import RunOptions
from loopviz.scenario import Load
from loopviz.wire.control import Message

__all__ = [
    "ASK",
    "STREAMS",
    "LoadConfig",
    "LoadFound",
    "Orders",
    "check_factor",
    "is_question",
    "split_route",
]

STREAMS = tuple(STREAM_ROWS)
"""What stands where a method does, for a client that holds a connection open."""

ASK = "openapi"
"""Begins the `LoadInfo.route` that stands for the routes of the app: `openapi [all] /path`."""

Orders = queue.SimpleQueue[Message | WireError]
"""Messages from the parent, in order, put there by the thread that reads them; for a line without
one, why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig(Message):
    """One run of the load. Its first message."""

    url: str
    """`http://127.0.0.1:PORT`, and no other host."""
    routes: tuple[LoadInfo, ...]
    options: RunOptions = RunOptions()
    """With the rate that is set now."""
    start_at_ns: int | None = None
    """When the schedule starts (monotonic clock); None or a past time: at once."""
    reuse: bool = True
    """False: each request has a connection of its own, as if from many clients. A reused connection
    stays with the worker process that accepted it."""

    def check(self) -> None:
        """Raises LoopvizError, naming what is wrong, unless such a load can be sent."""
        check_factor(self.options.rate)
        _check(self.routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFound(Message):
    """Sent before `LoadReady`, if the app was asked for its routes: the load that is sent."""

    routes: tuple[LoadInfo, ...]
    left_out: tuple[str, ...]
    """`POST /pay: it may change something`: a route, and why it is not sent."""


def is_question(route: LoadInfo) -> bool:
    """Whether it stands for the routes of the app."""
    return route.route.split()[0] == ASK


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
        if is_question(route):
            continue
        method, path = split_route(route.route)
        as_sent = replace(route, route=f"GET {path}") if method in STREAMS else route
        for name in parameters(Load):
            if what := wrong(Load, name, getattr(as_sent, name)):
                raise UsageError(f"Load: {what} ({route.route}).")
