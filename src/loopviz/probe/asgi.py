"""The ASGI wrapper: records requests' starts and ends, streams, exceptions, and lost clients."""

from collections.abc import Awaitable, Callable
from typing import Any

from loopviz.probe import served_request
from loopviz.probe.core import twin
from loopviz.probe.hooks import Hooks
from loopviz.probe.recorder import current
from loopviz.probe.streams import record_exception
from loopviz.probe.websockets import watch_websocket
from loopviz.wire.events import Kind

__all__ = ["watch_requests"]

ServedRequest = twin("requests", "ServedRequest", served_request.ServedRequest)

App = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


def watch_requests(app: App, hooks: Hooks) -> App:
    """The same ASGI app; each HTTP request and each WebSocket writes a start and an end record.

    A response that is sent in parts, and a WebSocket, write one when it begins, and one for each
    message. An exception that goes through the app is recorded, too, and propagates unchanged.

    The time at which the client sent a request is known if its last header says so, as loopviz's
    load does. If the client disconnects before the response is complete, that is recorded at once
    under uvicorn, under other servers when the app receives the message.
    """
    request_start, request_end = hooks.request_start, hooks.request_end

    async def watched(scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                return await watch_websocket(app, hooks, scope, receive, send)
            return await app(scope, receive, send)
        served = ServedRequest(request_start, request_end, scope, receive, send)
        try:
            if served.reports:
                return await app(scope, receive, served.send)
            return await _listen(app, scope, receive, served)
        except Exception as error:
            record_exception(served.number, error)
            raise
        finally:
            served.over()

    return watched


async def _listen(app: App, scope: dict[str, Any], receive: Any, served: Any) -> Any:
    """Serve the request; record that its client disconnected when the app receives that."""
    complete = False

    def listening_send(message: dict[str, Any]) -> Any:
        nonlocal complete
        try:
            if message["type"] == "http.response.body":
                complete = not message.get("more_body")
        except Exception:  # noqa: BLE001, S110 - no proper message: the server will say so
            pass
        return served.send(message)

    async def listening_receive() -> Any:
        message = await receive()
        try:
            if message["type"] == "http.disconnect" and not complete:
                recorder = current()
                if recorder is not None:
                    recorder.request_event(Kind.CLIENT_DISCONNECTED, served.number)
        except Exception:  # noqa: BLE001, S110 - no proper message: the app will say so
            pass
        return message

    return await app(scope, listening_receive, listening_send)
