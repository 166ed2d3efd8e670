"""The load's configuration, its first message: where to send what, how often and from when."""

import math
import queue
from collections.abc import Iterable
from dataclasses import dataclass

from loopviz.errors import LoopvizError, UsageError, WireError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.catalogue.checks import parameters, wrong
from loopviz.options import RunOptions
from loopviz.scenario import Load
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
    options: RunOptions = RunOptions()
    start_at_ns: int | None = None
    """When the schedule starts (monotonic clock); None or a past time: at once."""
    reuse: bool = True
    """False: each request has a connection of its own, as if from many clients. A reused connection
    stays with the worker process that accepted it."""

    def check(self) -> None:
        """Raises LoopvizError, naming what is wrong, unless such a load can be sent."""
        check_factor(self.options.rate)
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
        for name in parameters(Load):
            if what := wrong(Load, name, getattr(route, name)):
                raise UsageError(f"Load: {what} ({route.route}).")
