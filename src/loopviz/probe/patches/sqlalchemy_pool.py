"""The pools of SQLAlchemy's async engines. Nothing here imports SQLAlchemy."""

from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, hide, resource_of
from loopviz.probe.patches.wrappers import gave_up, makes, wait_if
from loopviz.probe.recorder import Recorder, ResourceDescription, current
from loopviz.wire import kinds

__all__ = ["ADAPTER"]


def _pools(module: ModuleType) -> list[Patch]:
    """Patches of `sqlalchemy.pool.impl`."""
    pool = module.AsyncAdaptedQueuePool
    describes(pool, _describe)
    return [
        Patch(pool, "__init__", makes()),
        Patch(pool, "recreate", _recreate),
        Patch(pool, "_do_get", _get),
        Patch(pool, "_do_return_conn", _give_back),
    ]


def _describe(pool: Any, seen: bool) -> ResourceDescription:
    limit = pool.size() + pool._max_overflow if pool._max_overflow > -1 else 0
    return ResourceDescription(kinds.SQLALCHEMY_POOL, capacity=limit, seen=seen)


def _in_use(pool: Any, _: ResourceDescription) -> int:
    checked_out: int = pool.checkedout()
    return checked_out


def _blocks(pool: Any) -> bool:
    return pool._overflow >= pool._max_overflow > -1 and bool(pool._pool.empty())


def _recreate(original: Any) -> Any:
    def recreate(self: Any) -> Any:
        pool = original(self)
        if "_loopviz" in vars(self):  # the engine's new pool, made on no user line
            pool._loopviz = self._loopviz
        return pool

    return recreate


def _get(original: Any) -> Any:
    def _do_get(self: Any) -> Any:
        recorder = current()
        if recorder is None:
            return original(self)
        waiter = _wait_if(recorder, self)
        try:
            connection = original(self)
        except BaseException:
            if waiter is not None:
                gave_up(recorder, self, _in_use, waiter)
            raise
        recorder = current()
        if recorder is not None:
            try:
                resource = resource_of(self)
                if resource is not None:
                    vars(connection)["_loopviz_who"] = task_id = recorder.task()
                    recorder.acquired(resource, _in_use(self, resource), task_id)
            except Exception as error:  # noqa: BLE001 - the app must go on
                recorder.fail("acquired", error)
        return connection

    return _do_get


def _wait_if(recorder: Recorder, pool: Any) -> int | None:
    try:
        hide(pool._pool._queue)  # if the pool is older than the probe
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("wait", error)
    return wait_if(recorder, _blocks, pool)


def _give_back(original: Any) -> Any:
    def _do_return_conn(self: Any, record: Any) -> None:
        try:
            original(self, record)
        finally:
            recorder = current()
            if recorder is not None:
                try:
                    resource = resource_of(self)
                    if resource is not None:
                        task_id = vars(record).pop("_loopviz_who", None)
                        recorder.released(resource, _in_use(self, resource), task_id)
                except Exception as error:  # noqa: BLE001 - the app must go on
                    recorder.fail("released", error)

    return _do_return_conn


ADAPTER = Adapter(
    modules={"sqlalchemy.pool.impl": _pools},
    parts=("sqlalchemy.",),
    paths=(("sync_engine", "pool"),),
)
