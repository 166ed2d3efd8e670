"""The ASGI wrapper: records requests' starts and ends, streams, exceptions, and lost clients."""

from collections.abc import Awaitable, Callable
from typing import Any

from loopviz.probe.frameworks import reporting_cycles
from loopviz.probe.hooks import Hooks
from loopviz.probe.recorder import current
from loopviz.probe.streams import message, opened, record_exception
from loopviz.probe.websockets import watch_websocket
from loopviz.wire.events import Kind
from loopviz.wire.samples import SENT_HEADER

__all__ = ["watch_requests"]

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
        status = bytes_sent = sent = 0
        streams = False

        def watched_send(sending: dict[str, Any]) -> Any:
            nonlocal status, bytes_sent, streams
            try:
                if sending["type"] == "http.response.body":
                    size = 0
                    if body := sending.get("body"):
                        size = len(body)
                        bytes_sent += size
                    if streams:
                        if size:
                            message(number, size)
                    elif sending.get("more_body"):
                        streams = True
                        opened(number, scope)
                        if size:
                            message(number, size)
                elif sending["type"] == "http.response.start":
                    status = sending["status"]
                    if not _has_length(sending):
                        streams = True
                        opened(number, scope, lasts=_is_event_stream(scope, sending))
            except Exception:  # noqa: BLE001, S110 - no proper message: the server will say so
                pass
            return send(sending)

        try:
            name, value = scope["headers"][-1]
            if name == SENT_HEADER and len(value) < 19 and value.isdigit():
                sent = int(value)
        except Exception:  # noqa: BLE001, S110 - there are none, or they are not a list
            pass
        cycle: Any = getattr(receive, "__self__", None)
        reports = type(cycle) in reporting_cycles
        number = request_start(scope, sent)
        try:
            if reports:
                cycle._loopviz_task = number
                return await app(scope, receive, watched_send)
            return await _listen(app, scope, receive, watched_send, number)
        except Exception as error:
            record_exception(number, error)
            raise
        finally:
            if reports:
                cycle._loopviz_task = 0
            request_end(scope, status, bytes_sent, number)

    return watched


def _has_length(start: dict[str, Any]) -> bool:
    """True if a response declares its length or has no body; others may send their parts late."""
    if start["status"] in (204, 304):
        return True
    headers = start.get("headers", ())
    if iter(headers) is headers:  # the server could not read what was read here
        return False
    return any(name == b"content-length" for name, _ in headers)


def _is_event_stream(scope: dict[str, Any], start: dict[str, Any]) -> bool:
    """True for server-sent events that a GET asks for: they last as long as their client wants.

    As the answer to a POST (MCP, a language model) they end when that is done.
    """
    headers = start.get("headers", ())
    if scope["method"] != "GET" or iter(headers) is headers:
        return False
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream")
        for name, value in headers
    )


async def _listen(app: App, scope: dict[str, Any], receive: Any, send: Any, task: int) -> Any:
    """Serve the request; record that its client disconnected when the app receives that."""
    complete = False

    def listening_send(message: dict[str, Any]) -> Any:
        nonlocal complete
        try:
            if message["type"] == "http.response.body":
                complete = not message.get("more_body")
        except Exception:  # noqa: BLE001, S110 - no proper message: the server will say so
            pass
        return send(message)

    async def listening_receive() -> Any:
        message = await receive()
        try:
            if message["type"] == "http.disconnect" and not complete:
                recorder = current()
                if recorder is not None:
                    recorder.request_event(Kind.CLIENT_DISCONNECTED, task)
        except Exception:  # noqa: BLE001, S110 - no proper message: the app will say so
            pass
        return message

    return await app(scope, listening_receive, listening_send)
