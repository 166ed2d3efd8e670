"""The load's configuration, its first message: where to send what, how often and from when."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from loopviz.errors import LoopvizError, UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.catalogue.checks import parameters, wrong
from loopviz.scenario import Load

__all__ = ["Config", "factor", "split_route"]


@dataclass(frozen=True, slots=True)
class Config:
    """One run of the load."""

    url: str
    """`http://127.0.0.1:PORT`, and no other host."""
    routes: tuple[LoadInfo, ...]
    seed: int = 0
    rate: float = 1.0
    """Factor on every route's requests per second."""
    start_at_ns: int | None = None
    """When the schedule starts (monotonic clock); None or a past time: at once."""
    duration_s: float | None = None
    """When to stop sending, counted from the start; None: when a message says so."""
    reuse: bool = True
    """False: each request has a connection of its own, as if from many clients. A reused connection
    stays with the worker process that accepted it."""

    def to_message(self) -> dict[str, Any]:
        """The message that starts the load."""
        message = asdict(self) | {"do": "start"}
        return {name: value for name, value in message.items() if value is not None}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> "Config":
        """The configuration in that message. Raises LoopvizError, naming what is wrong."""
        if message.get("do") != "start":
            raise LoopvizError(f"The load's first message must be its start, not {message!r}.")
        try:
            routes = tuple(LoadInfo(**route) for route in message["routes"])
            start_at, duration = message.get("start_at_ns"), message.get("duration_s")
            config = cls(
                url=str(message["url"]),
                routes=routes,
                seed=int(message.get("seed", 0)),
                rate=factor(message.get("rate", 1.0)),
                start_at_ns=None if start_at is None else int(start_at),
                duration_s=None if duration is None else float(duration),
                reuse=bool(message.get("reuse", True)),
            )
            _check(routes)
        except (KeyError, TypeError, ValueError) as error:
            raise LoopvizError(f"The load's start message is wrong: {error!r}.") from error
        return config


def factor(value: Any) -> float:
    """A rate factor. Raises LoopvizError unless it is a finite number of at least 0."""
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise LoopvizError(f"A load's rate must be a number of at least 0, not {value!r}.")
    return float(value)


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
