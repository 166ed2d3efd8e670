"""asyncpg's pools. Nothing here imports asyncpg.

A pool has slots only, so its resource lives on the queue of its connections.
"""

from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import hide
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire import kinds

__all__ = ["ADAPTER"]


def _pools(module: ModuleType) -> list[Patch]:
    """Patches of `asyncpg.pool`."""
    return [
        Patch(module.Pool, "_initialize", _initialize),
        Patch(module.Pool, "_acquire", _acquire),
        Patch(module.PoolConnectionHolder, "_release", _release),
    ]


def _resource(pool: Any, *, seen: bool = False) -> ResourceDescription:
    queue = pool._queue
    try:
        return queue._loopviz_pool  # type: ignore[no-any-return]
    except AttributeError:
        hide(queue)
        queue._loopviz_pool = resource = ResourceDescription(
            kinds.ASYNCPG_POOL, capacity=pool._maxsize, seen=seen
        )
        queue._loopviz_holders = {}
        return resource


def _in_use(pool: Any) -> int:
    """Number of connections that are taken, or being made for a task."""
    return len(pool._holders) - int(pool._queue.qsize())


def _initialize(original: Any) -> Any:
    async def _initialize(self: Any, *args: Any) -> Any:
        result = await original(self, *args)
        if current() is not None:
            with fail_safe("resource"):
                _resource(self, seen=True)
        return result

    return _initialize


def _acquire(original: Any) -> Any:
    async def _acquire(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None:
            return await original(self, *args, **kwargs)
        task_id = recorder.task()
        waits = _wait_if(recorder, self)
        try:
            connection = await original(self, *args, **kwargs)
        except BaseException:
            if waits and current() is recorder:
                recorder.wait_over(_resource(self), task_id=task_id)
            raise
        recorder = current()
        if recorder is not None:
            try:
                resource = _resource(self)
                self._queue._loopviz_holders[id(connection._holder)] = task_id
                recorder.acquired(resource, _in_use(self), task_id)
            except Exception as error:  # noqa: BLE001 - the app must go on
                recorder.fail("acquired", error)
        return connection

    return _acquire


def _wait_if(recorder: Recorder, pool: Any) -> bool:
    try:
        if pool._initialized and not pool._closing:
            resource = _resource(pool)
            if pool._queue.empty():
                recorder.wait(resource)
                return True
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("wait", error)
    return False


def _release(original: Any) -> Any:
    def _release(self: Any) -> None:
        taken = self._in_use is not None
        original(self)
        recorder = current()
        if recorder is not None and taken:
            try:
                pool = self._pool
                resource = _resource(pool)
                task_id = pool._queue._loopviz_holders.pop(id(self), None)
                recorder.released(resource, _in_use(pool), task_id)
            except Exception as error:  # noqa: BLE001 - the app must go on
                recorder.fail("released", error)

    return _release


ADAPTER = Adapter(
    modules={"asyncpg.pool": _pools},
    parts=("asyncpg.",),
    paths=(("_queue", "_loopviz_pool"),),
)
