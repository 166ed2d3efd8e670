"""The ASGI wrapper that tells when a request starts and ends, and how."""

from collections.abc import Awaitable, Callable
from typing import Any

from loopviz.probe.hooks import Hooks
from loopviz.wire.control import SENT_HEADER

__all__ = ["watch_requests"]

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def watch_requests(app: App, hooks: Hooks) -> App:
    """The same ASGI app; each HTTP request writes a start and an end record."""
    request_start, request_end = hooks.request_start, hooks.request_end

    async def watched(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status = 0

        def watched_send(message: dict[str, Any]) -> Any:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        sent = 0
        for name, value in scope["headers"]:
            if name == SENT_HEADER:
                sent = int(value) if len(value) < 19 and value.isdigit() else 0
                break
        request_start(scope, sent)
        try:
            await app(scope, receive, watched_send)
        finally:
            request_end(scope, status)

    return watched
