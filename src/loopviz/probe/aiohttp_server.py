"""aiohttp.web: its requests and WebSockets. It has no ASGI app, so its protocol is patched."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from loopviz.probe.install import Probe
from loopviz.probe.patches.patch import Patch
from loopviz.probe.recorder import current, fail_safe
from loopviz.probe.route_names import ROUTE
from loopviz.probe.streams import message, opened, record_exception
from loopviz.wire.events import Kind
from loopviz.wire.samples import SENT_HEADER

__all__ = ["patches_of_protocol", "patches_of_response", "patches_of_site", "patches_of_websocket"]

_Function = Callable[..., Any]
_SENT = SENT_HEADER.decode()


class _Serving:
    """A request that a connection serves."""

    __slots__ = ("number", "scope", "sent", "streams")

    def __init__(self, number: int, scope: dict[str, Any]) -> None:
        self.number, self.scope = number, scope
        self.streams = False
        self.sent = 0
        """How many bytes in parts, or in messages."""

    def opens(self, *, lasts: bool) -> None:
        if not self.streams:
            self.streams = True
            opened(self.number, self.scope, lasts=lasts)

    def sends(self, size: int) -> None:
        self.sent += size
        message(self.number, size)


_serving: dict[int, _Serving] = {}
"""By the id of the connection's protocol, which serves one request at a time."""


def patches_of_protocol(module: Any) -> Iterable[Patch]:
    """The patches of `aiohttp.web_protocol`."""
    protocol = module.RequestHandler
    return [
        Patch(protocol, "_handle_request", _serves),
        Patch(protocol, "handle_error", _fails),
        Patch(protocol, "connection_lost", _loses),
    ]


def patches_of_response(module: Any) -> Iterable[Patch]:
    """The patches of `aiohttp.web_response`."""
    return [Patch(module.StreamResponse, "write", _writes)]


def patches_of_websocket(module: Any) -> Iterable[Patch]:
    """The patches of `aiohttp.web_ws`."""
    websocket = module.WebSocketResponse
    return [
        Patch(websocket, "prepare", _accepts),
        Patch(websocket, "receive", _receives),
        *(Patch(websocket, name, _sends) for name in ("send_str", "send_bytes")),
    ]


def patches_of_site(module: Any, serves: Callable[[Any, str], None]) -> Iterable[Patch]:
    """The patch of `aiohttp.web_runner`, by which a server tells where it listens."""

    def starts(original: _Function) -> _Function:
        async def start(self: Any) -> Any:
            started = await original(self)
            with fail_safe("aiohttp"):
                url = self.name.replace("//0.0.0.0:", "//127.0.0.1:")
                serves(asyncio.get_running_loop(), url)
            return started

        return start

    return [Patch(module.TCPSite, "start", starts)]


def _serves(original: _Function) -> _Function:
    async def handle_request(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        probe = Probe.of(asyncio.get_running_loop())
        serving = _begin(probe, self, request) if probe is not None else None
        if probe is None or serving is None:
            return await original(self, request, *args, **options)
        status = sent = 0
        try:
            response, reset = await original(self, request, *args, **options)
            status, sent = response.status, serving.sent or response.content_length or 0
        finally:
            _serving.pop(id(self), None)
            probe.hooks.request_end(_routed(serving.scope, request), status, sent, serving.number)
        return response, reset

    return handle_request


def _begin(probe: Probe, protocol: Any, request: Any) -> _Serving | None:
    with fail_safe("aiohttp"):
        headers = request.headers
        upgrade, sent, at = headers.get("Upgrade"), headers.get(_SENT), 0
        kind = "websocket" if upgrade and upgrade.lower() == "websocket" else "http"
        scope = {"type": kind, "method": request.method, "path": request.path}
        if sent and len(sent) < 19 and sent.isascii() and sent.isdigit():
            at = int(sent)
        serving = _Serving(probe.hooks.request_start(scope, at), scope)
        _serving[id(protocol)] = serving
        return serving
    return None


def _routed(scope: dict[str, Any], request: Any) -> dict[str, Any]:
    """The scope with the route that the request's resource has."""
    with fail_safe("aiohttp"):
        found = getattr(request, "match_info", None)  # a low-level server has none
        resource = getattr(getattr(found, "route", None), "resource", None)
        if resource is not None:
            scope[ROUTE] = resource.canonical
    return scope


def _fails(original: _Function) -> _Function:
    """An exception that the app has raised; aiohttp answers it, and goes on."""

    def handle_error(
        self: Any, request: Any, status: int = 500, exc: Any = None, *args: Any, **options: Any
    ) -> Any:
        serving = _serving.get(id(self))
        if serving is not None and exc is not None and status >= 500:
            record_exception(serving.number, exc)
        return original(self, request, status, exc, *args, **options)

    return handle_error


def _loses(original: _Function) -> _Function:
    def connection_lost(self: Any, exc: Any) -> Any:
        serving, recorder = _serving.get(id(self)), current()
        if serving is not None and recorder is not None and serving.scope["type"] == "http":
            recorder.request_event(Kind.CLIENT_DISCONNECTED, serving.number)
        return original(self, exc)

    return connection_lost


# ---- streams and WebSockets


def _of(response: Any) -> _Serving | None:
    """The request that the response is for; None: it is not recorded."""
    request = getattr(response, "_req", None)
    return _serving.get(id(getattr(request, "protocol", None)))


def _writes(original: _Function) -> _Function:
    def write(self: Any, data: Any) -> Any:
        with fail_safe("aiohttp"):
            serving = _of(self)
            if serving is not None:
                is_get = serving.scope["method"] == "GET"
                serving.opens(lasts=is_get and self.content_type == "text/event-stream")
                serving.sends(len(data))
        return original(self, data)

    return write


def _accepts(original: _Function) -> _Function:
    async def prepare(self: Any, request: Any) -> Any:
        prepared = await original(self, request)
        with fail_safe("aiohttp"):
            serving = _of(self)
            if serving is not None:
                _routed(serving.scope, request)
                serving.opens(lasts=True)
        return prepared

    return prepare


def _receives(original: _Function) -> _Function:
    async def receive(self: Any, *args: Any, **options: Any) -> Any:
        received = await original(self, *args, **options)
        with fail_safe("aiohttp"):
            serving = _of(self)
            if serving is not None and isinstance(received.data, (str, bytes)):
                message(serving.number, len(received.data), received=True)
        return received

    return receive


def _sends(original: _Function) -> _Function:
    def send(self: Any, data: Any, *args: Any, **options: Any) -> Any:
        with fail_safe("aiohttp"):
            serving = _of(self)
            if serving is not None:
                serving.sends(len(data))
        return original(self, data, *args, **options)

    return send
