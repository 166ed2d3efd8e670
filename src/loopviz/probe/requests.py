"""A request's start and end, as records."""

from collections.abc import Callable
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.tasks import NAMES_KEPT
from loopviz.wire.events import B_SHIFT, Kind, tag

__all__ = ["RequestHooks", "make_requests"]


class RequestHooks(NamedTuple):
    """What the ASGI wrapper calls, in the task that serves the request. Neither raises."""

    start: Callable[[dict[str, Any], int], None]
    """`start(scope, sent)`: when the client sent it, by the monotonic clock (0: unknown)."""
    end: Callable[[dict[str, Any], int, int], None]
    """`end(scope, status, bytes_sent)`: status 0 if no response was begun."""


def make_requests(
    write: Callable[[int, int, int], None],
    task: Callable[[], int],
    intern: Callable[[str], int],
    clock: Clock,
    fail: Callable[[str, Exception], None],
) -> RequestHooks:
    """The request hooks of one loop. Closures, see `hooks`."""
    started, ended = tag(Kind.REQUEST_START), tag(Kind.REQUEST_END)
    paths: dict[tuple[str, str], int] = {}
    templates: dict[tuple[int, str], int] = {}  # of routes
    kept: list[Any] = []  # routes, whose ids are in there

    def name_of(method: str, path: str) -> int:
        known = paths.get((method, path))
        if known is None:
            if len(paths) >= NAMES_KEPT:
                return 0
            known = paths[method, path] = intern(f"{method} {path}")
        return known

    def start(scope: dict[str, Any], sent: int) -> None:
        try:
            b = name_of(scope["method"], scope["path"])
            write(clock(), sent, task() | started | b << B_SHIFT)
        except Exception as error:  # noqa: BLE001 - the app must go on
            fail("request_start", error)

    def end(scope: dict[str, Any], status: int, bytes_sent: int) -> None:
        try:
            route = scope.get("route")
            method_and_route = id(route), scope["method"]
            b = templates.get(method_and_route)
            if b is None:
                path = getattr(route, "path", None)
                if path is None:
                    b = name_of(scope["method"], scope["path"])
                else:  # routes are few: each has its name, however many paths came before
                    kept.append(route)
                    b = templates[method_and_route] = intern(f"{scope['method']} {path}")
            write(clock(), status | bytes_sent << 16, task() | ended | b << B_SHIFT)
        except Exception as error:  # noqa: BLE001
            fail("request_end", error)

    return RequestHooks(start, end)
