"""Records of responses that are sent in parts, of WebSockets' messages, and of exceptions."""

from collections.abc import Mapping
from typing import Any

from loopviz.probe.recorder import current
from loopviz.probe.route_names import (
    method_of,
    named_path,
    route_of,
    template_of,
)
from loopviz.wire.events import LASTING, RECEIVED, Kind

__all__ = ["message", "opened", "record_exception"]

_DEPARTURES = ("ClientDisconnect", "ClientDisconnected", "WebSocketDisconnect")
"""Exceptions by which Starlette, Litestar and uvicorn tell an app that its client has left."""


def opened(task: int, scope: Mapping[str, Any], *, lasts: bool = False) -> None:
    """Record that the response of the task's request has begun, or its WebSocket was accepted.

    `lasts`: as long as its client wants. By now it is known which route serves it.
    """
    recorder = current()
    if recorder is not None:
        template = template_of(scope, route_of(scope)) or recorder.shapes.of(named_path(scope))
        name = f"{method_of(scope)} {template}"
        recorder.request_event(Kind.STREAM_OPENED, task, LASTING if lasts else 0, name)


def message(task: int, size: int, *, received: bool = False) -> None:
    """Record a message of the task's WebSocket, or a part of its response."""
    recorder = current()
    if recorder is not None:
        recorder.request_event(Kind.MESSAGE, task, size << 1 | (RECEIVED if received else 0))


def record_exception(task: int, error: BaseException) -> None:
    """Record what went through the app, unless it says no more than that the client has left."""
    recorder = current()
    if recorder is not None and not _is_departure(error):
        recorder.request_exception(task, error)


def _is_departure(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_departure, error.exceptions))
    return any(kind.__name__ in _DEPARTURES for kind in type(error).__mro__)
