"""The connection pools of redis-py's asyncio clients. Nothing here imports redis.

A `BlockingConnectionPool` makes tasks wait; a plain pool raises when it is exhausted.
"""

import sys
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, hide, resource_of
from loopviz.probe.patches.wrappers import makes
from loopviz.probe.places import user_frame
from loopviz.probe.recorder import ResourceDescription, current, fail_safe
from loopviz.wire import kinds

__all__ = ["ADAPTER"]

_HOOK = "redis.asyncio.connection"
_UNBOUNDED = 1 << 31
"""What redis-py before version 8 took for no bound."""


def _pools(module: ModuleType) -> list[Patch]:
    """Patches of `redis.asyncio.connection` (5.0.2 and later)."""
    pool, blocking = module.ConnectionPool, module.BlockingConnectionPool
    describes(pool, _describe)
    return [
        Patch(pool, "__init__", makes()),
        Patch(pool, "get_available_connection", _take),
        Patch(pool, "release", _release),
        Patch(blocking, "get_connection", _get),
    ]


def _describe(pool: Any, seen: bool) -> ResourceDescription:
    most: int = pool.max_connections
    return ResourceDescription(
        kinds.REDIS_POOL, capacity=0 if most >= _UNBOUNDED else most, seen=seen
    )


def _take(original: Any) -> Any:
    def get_available_connection(self: Any) -> Any:
        connection = original(self)
        recorder = current()
        if recorder is not None:
            with fail_safe(_HOOK, recorder):
                resource = resource_of(self)
                if resource is not None:
                    task_id = connection._loopviz_task = recorder.task()
                    waited = recorder.waits(task_id)
                    place = 0 if waited else recorder.lines.of(user_frame(sys._getframe(1)))
                    in_use = len(self._in_use_connections)
                    recorder.acquired(resource, in_use, task_id, place)
        return connection

    return get_available_connection


def _release(original: Any) -> Any:
    async def release(self: Any, connection: Any) -> None:
        try:
            await original(self, connection)
        finally:  # if it was cancelled, the connection may have been released all the same
            recorder = current()
            if recorder is not None:
                with fail_safe(_HOOK, recorder):
                    resource = resource_of(self)
                    if resource is not None and connection not in self._in_use_connections:
                        task_id = vars(connection).pop("_loopviz_task", None)
                        recorder.released(resource, len(self._in_use_connections), task_id)

    return release


def _get(original: Any) -> Any:
    async def get_connection(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        resource = None
        if recorder is not None:
            with fail_safe(_HOOK, recorder):
                resource = resource_of(self)
                hide(self._condition)
                hide(self._condition._lock)
                if resource is not None and not self.can_get_connection():
                    recorder.wait(resource)
                else:
                    resource = None
        if recorder is None or resource is None:
            return await original(self, *args, **kwargs)
        task_id = recorder.task()
        try:
            return await original(self, *args, **kwargs)
        finally:
            if current() is recorder and recorder.waits(task_id):
                recorder.wait_over(resource, task_id=task_id)

    return get_connection


ADAPTER = Adapter(
    modules={"redis.asyncio.connection": _pools},
    parts=("redis.",),
    paths=(("connection_pool",),),
)
