"""Records of the start and end of requests."""

from collections.abc import Callable
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.route_names import (
    NOT_FOUND,
    PathShapes,
    left_template,
    method_of,
    named_path,
    route_of,
    shape,
    template_of,
)
from loopviz.probe.tasks import NAMES_KEPT
from loopviz.wire.events import B_SHIFT, Kind, tag

__all__ = ["RequestHooks", "RequestTags", "make_requests"]

_STARTED, _ENDED = tag(Kind.REQUEST_START), tag(Kind.REQUEST_END)


class RequestHooks(NamedTuple):
    """Hooks that the ASGI wrapper calls, in the task that serves the request. Neither raises."""

    start: Callable[[dict[str, Any], int], int]
    """`start(scope, sent)` returns the number of the task that serves the request. `sent`: when the
    client sent it, monotonic clock (0: unknown)."""
    end: Callable[[dict[str, Any], int, int, int], None]
    """`end(scope, status, bytes_sent, task)`: status 0 if no response was begun."""


class RequestTags:
    """The tags of one loop's request records, by path and by route."""

    def __init__(self, intern: Callable[[str], int]) -> None:
        self._intern = intern
        self.starts: dict[tuple[str, str], int] = {}
        """Tags of starts by method and path, as `of_start` returns them."""
        self.ends: dict[tuple[int | str, str, str], int] = {}
        """Tags of ends that `of_end` has seen: by id(route), method and mount, or without a route
        by the template that is left in the scope and the method."""
        self._named: dict[str, int] = {}  # tags of ends, by `METHOD /route/{template}`
        self._kept: list[Any] = []  # the routes, so that no other gets the id
        self._shapes = PathShapes()

    def of_start(self, method: str, path: str) -> int:
        """The tag of a start; beyond `NAMES_KEPT` paths, with the path's shape."""
        if len(self.starts) >= NAMES_KEPT:
            path = shape(path)
            if len(self.starts) >= 2 * NAMES_KEPT and (method, path) not in self.starts:
                path = "/{…}"
        known = self.starts.get((method, path))
        if known is None:
            text = self._intern(f"{method} {path}")
            known = self.starts[method, path] = _STARTED | text << B_SHIFT
        return known

    def of_end(self, scope: dict[str, Any], route: Any, prefix: str, status: int) -> int:
        """The tag of the end of a request whose route is new, or not known."""
        method, template = method_of(scope), template_of(scope, route)
        has_room = len(self._named) < 2 * NAMES_KEPT
        if template is None or not has_room:
            missed = status == 404 and not scope.get("path_params")
            template = NOT_FOUND if missed else self._shapes.of(named_path(scope))
        name = f"{method} {template}"
        own = self._named.get(name)
        if own is None:
            own = self._named[name] = _ENDED | self._intern(name) << B_SHIFT
        if has_room and route is not None:
            self._kept.append(route)
            self.ends[id(route), method, prefix] = own
        elif has_room and (left := left_template(scope)) is not None:
            self.ends[left, method, ""] = own
        return own


def make_requests(
    write: Callable[[int, int, int], None],
    task: Callable[[], int],
    intern: Callable[[str], int],
    clock: Clock,
    fail: Callable[[str, Exception], None],
) -> RequestHooks:
    """The request hooks of one loop. Closures, see `hooks`."""
    tags = RequestTags(intern)
    starts, ends = tags.starts, tags.ends
    recording = True

    def start(scope: dict[str, Any], sent: int) -> int:
        nonlocal recording
        task_id = 0
        if not recording:
            return task_id
        try:
            task_id = task()
            method, path = method_of(scope), scope["path"]
            own = starts.get((method, path)) or tags.of_start(method, path)
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
            route, prefix = route_of(scope), ""
            if route is None:
                own = ends.get((left_template(scope) or "", method_of(scope), ""))
            else:
                prefix = scope["root_path"] if "app_root_path" in scope else ""
                own = ends.get((id(route), method_of(scope), prefix))
            own = own or tags.of_end(scope, route, prefix, status)
            write(clock(), status | bytes_sent << 16, task_id | own)
        except Exception as error:  # noqa: BLE001
            recording = False
            fail("request", error)

    return RequestHooks(start, end)
