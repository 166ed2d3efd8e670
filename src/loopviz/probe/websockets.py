"""WebSockets as requests: from the handshake to the end of the app's call."""

from typing import Any

from loopviz.probe.hooks import Hooks
from loopviz.probe.streams import message, opened, record_exception

__all__ = ["watch_websocket"]

_SWITCHED, _REFUSED = 101, 403


async def watch_websocket(
    app: Any, hooks: Hooks, scope: dict[str, Any], receive: Any, send: Any
) -> Any:
    """Serve it with the app. Its status is 101, or with what it was refused; 0: it got no answer.

    What is sent before it is accepted is no message; nor is what says that it is closed.
    """
    status = bytes_sent = 0

    def watched_send(sending: dict[str, Any]) -> Any:
        nonlocal status, bytes_sent
        try:
            kind = sending["type"]
            if kind == "websocket.send":
                size = _size(sending)
                bytes_sent += size
                message(number, size)
            elif kind == "websocket.accept":
                status = _SWITCHED
                opened(number, scope, lasts=True)
            elif kind == "websocket.close" and not status:
                status = _REFUSED
            elif kind == "websocket.http.response.start":
                status = sending["status"]
        except Exception:  # noqa: BLE001, S110 - no proper message: the server will say so
            pass
        return send(sending)

    async def watched_receive() -> Any:
        received = await receive()
        try:
            if received["type"] == "websocket.receive":
                message(number, _size(received), received=True)
        except Exception:  # noqa: BLE001, S110 - no proper message: the app will say so
            pass
        return received

    number = hooks.request_start(scope, 0)
    try:
        return await app(scope, watched_receive, watched_send)
    except Exception as error:
        record_exception(number, error)
        raise
    finally:
        hooks.request_end(scope, status, bytes_sent, number)


def _size(sent_or_received: dict[str, Any]) -> int:
    """Of the message, in bytes; of text, in characters: the server encodes it."""
    data = sent_or_received.get("bytes")
    return len(sent_or_received.get("text") or "" if data is None else data)
