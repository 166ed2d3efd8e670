"""The connection pools of httpcore and httpcore2, the calls of httpx and httpx2.

The two families share their internals. The classes come from the module that the app has imported;
nothing is imported here. A version whose internals differ is reported as a failed hook under its
module's name; only its own pools and calls are then missing.

The pool has one place where requests and connections meet, `_assign_requests_to_connections`:
it is called when a request comes, fails, or its response is closed. What has changed since the
last time is recorded.
"""

import sys
from collections import Counter
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, hide, resource_of
from loopviz.probe.patches.wrappers import makes
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire import kinds

__all__ = ["ADAPTER"]


def _pools(module: ModuleType) -> list[Patch]:
    """Of `httpcore._async.connection_pool` (httpcore 1.0.3 and later), and of httpcore2's."""
    pool = module.AsyncConnectionPool
    describes(pool, _describe)
    inside = sys.modules[module.AsyncEvent.__module__]
    return [
        Patch(pool, "__init__", makes()),
        Patch(pool, "_assign_requests_to_connections", _assign),
        Patch(inside.AsyncLock, "setup", _hides("_anyio_lock")),
        Patch(inside.AsyncSemaphore, "setup", _hides("_anyio_semaphore")),
    ]


def _clients(module: ModuleType) -> list[Patch]:
    """Of `httpx._client` and `httpx2._client`."""
    return [Patch(module.AsyncClient, "send", _send)]


def _web_sockets(module: ModuleType) -> list[Patch]:
    """Of `httpx2.websockets._api`."""
    return [Patch(module.AsyncWebSocketSession, "__aenter__", _enters(module.__name__))]


def _describe(pool: Any, seen: bool) -> ResourceDescription:
    most: int = pool._max_connections
    return ResourceDescription(
        kinds.HTTPCORE_POOL, capacity=0 if most == sys.maxsize else most, seen=seen
    )


def _hides(name: str) -> Any:
    """For what makes a connection's own lock or semaphore: only the pool is shown."""

    def of(original: Any) -> Any:
        def setup(self: Any) -> None:
            original(self)
            hide(getattr(self, name, self))

        return setup

    return of


def _enters(module: str) -> Any:
    """For a session of a WebSocket: its own stream and lock are not the app's."""

    def of(original: Any) -> Any:
        async def __aenter__(self: Any) -> Any:  # noqa: N807
            entered = await original(self)
            with fail_safe(module):
                hide(self._write_lock)
                hide(self._send_event._state)
            return entered

        return __aenter__

    return of


class _PoolState:
    """The requests of one pool as recorded: those that wait, and those that have a connection."""

    __slots__ = ("having", "shared", "waiting")

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        """HTTP/2: a connection takes several requests."""
        self.waiting: dict[Any, int] = {}
        """The tasks of those that wait."""
        self.having: dict[Any, tuple[int, Any]] = {}
        """The tasks of those that have a connection, and which."""


def _assign(original: Any) -> Any:
    def _assign_requests_to_connections(self: Any) -> Any:
        closing = original(self)
        recorder = current()
        if recorder is not None:
            try:
                resource = resource_of(self)
                if resource is not None:
                    state = vars(self).get("_loopviz_state")
                    if state is None:
                        state = self._loopviz_state = _PoolState(self._http2)
                    _compare(recorder, resource, state, self._requests)
            except Exception as error:  # noqa: BLE001 - the app must go on
                hide(self)
                recorder.fail(original.__module__, error)
        return closing

    return _assign_requests_to_connections


def _compare(
    recorder: Recorder, resource: ResourceDescription, state: _PoolState, requests: list[Any]
) -> None:
    """Those that are gone first: theirs is what the others get.

    httpcore gives one free connection to all that wait; one of them gets it, not always the
    first, and the rest is sent back into the queue: they wait all the time. So who has it is
    known when nobody else claims it any more, some steps later.
    """
    having, waiting = state.having, state.waiting
    if having or waiting:
        there = set(requests)
        for request, (task_id, connection) in list(having.items()):
            if request not in there or request.connection is not connection:
                del having[request]
                recorder.released(resource, len(having), task_id)
        for request in [request for request in waiting if request not in there]:
            recorder.wait_over(resource, task_id=waiting.pop(request))
    claims = Counter(request.connection for request in requests)
    for request in requests:
        if request in having:
            continue
        connection = request.connection
        if connection is not None and (state.shared or claims[connection] == 1):
            task_id = waiting.pop(request) if request in waiting else recorder.task()
            having[request] = task_id, connection
            recorder.acquired(resource, len(having), task_id)
        elif request not in waiting:
            waiting[request] = recorder.wait(resource)


def _send(original: Any) -> Any:
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if current() is None:
            return await original(self, request, *args, **kwargs)
        response = None
        try:
            response = await original(self, request, *args, **kwargs)
            return response
        finally:
            recorder = current()
            if recorder is not None:
                with fail_safe(original.__module__, recorder):
                    status = 0 if response is None else response.status_code
                    recorder.http_call(status, request.url.host)

    return send


ADAPTER = Adapter(
    modules={
        "httpcore._async.connection_pool": _pools,
        "httpcore2._async.connection_pool": _pools,
        "httpx._client": _clients,
        "httpx2._client": _clients,
        "httpx2.websockets._api": _web_sockets,
    },
    paths=(("_transport", "_pool"),),
)
