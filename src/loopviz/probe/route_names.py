"""What a request's route is called, whichever framework serves it: `/items/{id}`."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "NOT_FOUND",
    "ROUTE",
    "PathShapes",
    "left_template",
    "method_of",
    "named_path",
    "route_of",
    "shape",
    "template_of",
]

ROUTE = "_loopviz_route"
"""The key of a scope under which patched frameworks leave the route's template."""
NOT_FOUND = "(not found)"
"""Instead of a path: no route is known, and the answer was 404."""
_ANY = "{…}"
_CHILDREN = 30
"""How many different segments may follow one; beyond, they are parameters."""
_PREFIXES = 200
"""After how many prefixes segments are remembered."""
_SEGMENTS = 8
"""How many segments of a path are told apart."""
_LONGEST = 40
_VARIABLE = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=.*\d)[0-9a-f]{8,}",
    re.IGNORECASE,
)
"""A segment that is certainly a parameter: a number, a UUID, a hexadecimal id."""


def method_of(scope: Mapping[str, Any]) -> str:
    """The request's method; of a WebSocket, `WS`."""
    return "WS" if scope["type"] == "websocket" else str(scope["method"])


def route_of(scope: Mapping[str, Any]) -> Any:
    """The route of Starlette or FastAPI that has served the scope; None: there is none.

    A mount is none: it says nothing of what its app has served.
    """
    route = scope.get("route")
    included = scope.get("fastapi")  # via a router: the route's own path lacks the prefix
    if included is not None:
        route = included.get("effective_route_context") or route
    return None if hasattr(route, "routes") else route


def template_of(scope: Mapping[str, Any], route: Any) -> str | None:
    """The route's template; without a route, what Litestar or our patches have left there."""
    path = getattr(route, "path", None)
    return left_template(scope) if path is None else _mounted_at(scope) + str(path)


def left_template(scope: Mapping[str, Any]) -> str | None:
    """The template that Litestar or our patches have left in the scope."""
    known = scope.get("path_template") or scope.get(ROUTE)
    return known if isinstance(known, str) else None


def named_path(scope: Mapping[str, Any], path: str = "") -> str:
    """The path, by default the request's, with the parameters' names where these are known."""
    path = path or scope["path"]
    parameters = scope.get("path_params")
    if isinstance(parameters, Mapping):
        for name, value in parameters.items():
            pattern = rf"(?<=/){re.escape(str(value))}(?=/|$)"
            path = re.sub(pattern, f"{{{name}}}".replace("\\", ""), path, count=1)
    return path


def _mounted_at(scope: Mapping[str, Any]) -> str:
    """The prefix of the app that is mounted and serves; empty: none is."""
    outer, root = scope.get("app_root_path"), scope.get("root_path", "")
    if outer is None or root == outer or not root.startswith(outer):
        return ""
    return named_path(scope, root[len(outer) :]) if scope["path"].startswith(root) else ""


def shape(path: str) -> str:
    """The path with `{…}` for what is certainly a parameter."""
    return "/".join(
        _ANY if len(part) > _LONGEST or _VARIABLE.fullmatch(part) else part
        for part in path.split("/", _SEGMENTS)
    )


class PathShapes:
    """The shapes of one app's paths. Segments of which there are many become parameters, too."""

    def __init__(self) -> None:
        self._after: dict[str, set[str]] = {}

    def of(self, path: str) -> str:
        """The path's shape. There are few, whatever the paths."""
        known = ""
        for part in shape(path).split("/")[1:]:
            children = self._after.get(known)
            if children is None:
                if len(self._after) >= _PREFIXES:
                    return f"{known}/{_ANY}"
                children = self._after[known] = set()
            if part in children or len(children) < _CHILDREN:
                children.add(part)
                known = f"{known}/{part}"
            else:
                known = f"{known}/{_ANY}"
        return known or path
