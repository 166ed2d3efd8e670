"""Records of the start and end of requests."""

from collections.abc import Callable
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.tasks import NAMES_KEPT
from loopviz.wire.events import B_SHIFT, Kind, tag

__all__ = ["RequestHooks", "make_requests"]


class RequestHooks(NamedTuple):
    """Hooks that the ASGI wrapper calls, in the task that serves the request. Neither raises."""

    start: Callable[[dict[str, Any], int], int]
    """`start(scope, sent)` returns the number of the task that serves the request. `sent`: when the
    client sent it, monotonic clock (0: unknown)."""
    end: Callable[[dict[str, Any], int, int, int], None]
    """`end(scope, status, bytes_sent, task)`: status 0 if no response was begun."""


def make_requests(
    write: Callable[[int, int, int], None],
    task: Callable[[], int],
    intern: Callable[[str], int],
    clock: Clock,
    fail: Callable[[str, Exception], None],
) -> RequestHooks:
    """The request hooks of one loop. Closures, see `hooks`."""
    started, ended = tag(Kind.REQUEST_START), tag(Kind.REQUEST_END)
    paths: dict[tuple[str, str], int] = {}  # tags of starts, by method and path
    templates: dict[tuple[int, str], int] = {}  # tags of ends, by id(route) and method
    kept: list[Any] = []  # the routes, so that no other gets the id
    recording = True

    def path_of(method: str, path: str) -> int:
        """The number of the string `METHOD /path`; 0 beyond `NAMES_KEPT` of them."""
        known = paths.get((method, path))
        if known is None:
            if len(paths) >= NAMES_KEPT:
                return 0
            known = paths[method, path] = started | intern(f"{method} {path}") << B_SHIFT
        return known >> B_SHIFT

    def start(scope: dict[str, Any], sent: int) -> int:
        nonlocal recording
        task_id = 0
        if not recording:
            return task_id
        try:
            task_id = task()
            method, path = scope["method"], scope["path"]
            own = paths.get((method, path)) or started | path_of(method, path) << B_SHIFT
            write(clock(), sent, task_id | own)
        except Exception as error:  # noqa: BLE001 - the app must go on
            recording = False
            fail("request", error)
        return task_id

    def end(scope: dict[str, Any], status: int, bytes_sent: int, task_id: int) -> None:
        nonlocal recording
        if not recording:
            return
        try:
            route = scope.get("route")
            included = scope.get("fastapi")  # via a router: the route's own path lacks the prefix
            if included is not None:
                route = included.get("effective_route_context") or route
            own = templates.get((id(route), scope["method"])) or learn(scope, route)
            write(clock(), status | bytes_sent << 16, task_id | own)
        except Exception as error:  # noqa: BLE001
            recording = False
            fail("request", error)

    def learn(scope: dict[str, Any], route: Any) -> int:
        """The tag of the end of a request whose route is new."""
        method, path = scope["method"], getattr(route, "path", None)
        if path is None:
            return ended | path_of(method, scope["path"]) << B_SHIFT
        # routes are few: `NAMES_KEPT` does not apply to them
        kept.append(route)
        own = templates[id(route), method] = ended | intern(f"{method} {path}") << B_SHIFT
        return own

    return RequestHooks(start, end)
