"""The connection pools of httpcore and httpcore2, and the calls of httpx and httpx2.

The two families share their internals. The classes come from the module that the app has imported;
nothing is imported here. A version whose internals differ is reported as a failed hook under its
module's name; only its own pools and calls are then missing.

A pool assigns connections in one method, `_assign_requests_to_connections`, which is called when
a request comes, fails, or its response is closed. Changes since the previous call are recorded.
"""

import sys
from collections import Counter
from operator import attrgetter
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, hide, resource_of
from loopviz.probe.patches.wrappers import calls, makes
from loopviz.probe.places import user_frame
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire import kinds

__all__ = ["ADAPTER"]


def _pools(module: ModuleType) -> list[Patch]:
    """Patches of `httpcore._async.connection_pool` (httpcore 1.0.3 and later) and httpcore2's."""
    pool = module.AsyncConnectionPool
    describes(pool, _describe)
    inside = sys.modules[module.AsyncEvent.__module__]
    return [
        Patch(pool, "__init__", makes()),
        Patch(pool, "_assign_requests_to_connections", _assign),
        Patch(inside.AsyncSemaphore, "setup", _hide_semaphore),
    ]


def _clients(module: ModuleType) -> list[Patch]:
    """Patches of `httpx._client` and `httpx2._client`."""
    return [Patch(module.AsyncClient, "send", calls(attrgetter("status_code"), _host))]


def _web_sockets(module: ModuleType) -> list[Patch]:
    """Patches of `httpx2.websockets._api`."""
    return [Patch(module.AsyncWebSocketSession, "__aenter__", _enters(module.__name__))]


def _describe(pool: Any, seen: bool) -> ResourceDescription:
    most: int = pool._max_connections
    return ResourceDescription(
        kinds.HTTPCORE_POOL, capacity=0 if most == sys.maxsize else most, seen=seen
    )


def _hide_semaphore(original: Any) -> Any:
    """Wrap the setup of a connection's own semaphore: hide it, only the pool is shown."""

    def setup(self: Any) -> None:
        original(self)
        hide(getattr(self, "_anyio_semaphore", self))

    return setup


def _enters(module: str) -> Any:
    """Wrap the start of a WebSocket session: hide its stream and lock, which are not the app's."""

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
    """The recorded requests of one pool: those that wait, and those that have a connection."""

    __slots__ = ("contending", "having", "shared", "waiting")

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        """True for HTTP/2: a connection takes several requests."""
        self.waiting: dict[Any, int] = {}
        """The task of each request that waits."""
        self.contending: dict[Any, int] = {}
        """The task of each request whose connection others claim, while the pool makes more."""
        self.having: dict[Any, tuple[int, Any]] = {}
        """The task and connection of each request that has one."""


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
                    full = len(self._connections) >= self._max_connections
                    _compare(recorder, resource, state, self._requests, full=full)
            except Exception as error:  # noqa: BLE001 - the app must go on
                hide(self)
                recorder.fail(original.__module__, error)
        return closing

    return _assign_requests_to_connections


def _compare(
    recorder: Recorder,
    resource: ResourceDescription,
    state: _PoolState,
    requests: list[Any],
    *,
    full: bool,
) -> None:
    """Record what has changed: first the requests that are gone, whose connections others get.

    httpcore gives one free connection to all waiting requests; one of them gets it, not always the
    first, and the others return to the queue: they wait all the time. So its holder is known only
    some steps later, when no other request claims it any more. While the pool is not full, the
    others do not wait: each gets a new connection in its next step.
    """
    having, waiting, contending = state.having, state.waiting, state.contending
    if having or waiting or contending:
        there = set(requests)
        for request, (task_id, connection) in list(having.items()):
            if request not in there or request.connection is not connection:
                del having[request]
                recorder.released(resource, len(having), task_id)
        for request in [request for request in waiting if request not in there]:
            recorder.wait_over(resource, task_id=waiting.pop(request))
        for request in [request for request in contending if request not in there]:
            del contending[request]
    claims = Counter(request.connection for request in requests)
    for request in requests:
        if request in having:
            continue
        connection = request.connection
        if connection is not None and (state.shared or claims[connection] == 1):
            running = recorder.task()
            task_id = waiting.pop(request, 0) or contending.pop(request, 0) or running
            contending.pop(request, None)
            own = task_id == running
            place = recorder.lines.of(user_frame(sys._getframe(1))) if own else 0
            having[request] = task_id, connection
            recorder.acquired(resource, len(having), task_id, place)
        elif request in waiting:
            continue
        elif connection is not None and not full:
            if request not in contending:
                contending[request] = recorder.task()
        elif contending.get(request) in (None, recorder.task()):
            contending.pop(request, None)
            waiting[request] = recorder.wait(resource)


def _host(_client: Any, request: Any, *_: Any, **__: Any) -> str:
    return str(request.url.host)


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
