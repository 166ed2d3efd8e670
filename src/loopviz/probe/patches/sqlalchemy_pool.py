"""The pools of SQLAlchemy's engines, sync and async. Nothing here imports SQLAlchemy.

A sync engine is used by jobs in worker threads (FastAPI's `def` endpoints and dependencies). A
connection is often taken by one job and returned by another, or on the loop's thread: it
remembers who has it.
"""

import sys
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, hide, make, resource_of
from loopviz.probe.patches.wrappers import gave_up, wait_if
from loopviz.probe.places import user_frame
from loopviz.probe.recorder import Recorder, ResourceDescription, current, here
from loopviz.wire import kinds

__all__ = ["ADAPTER"]


def _pools(module: ModuleType) -> list[Patch]:
    """Patches of `sqlalchemy.pool.impl`. The pool of async engines is a subclass.

    `create_engine` reads the arguments of `__init__` from its code, so it cannot be replaced.
    """
    pool = module.QueuePool
    describes(pool, _describe)
    return [
        Patch(pool, "_queue_class", _makes),
        Patch(module.AsyncAdaptedQueuePool, "_queue_class", _makes),
        Patch(pool, "recreate", _recreate),
        Patch(pool, "_do_get", _get),
        Patch(pool, "_do_return_conn", _give_back),
    ]


def _describe(_: Any, seen: bool) -> ResourceDescription:
    return ResourceDescription(kinds.SQLALCHEMY_POOL, seen=seen)


def _makes(original: Any) -> Any:
    """Wrap the class of a pool's queue, which the pool makes as its last part but its limit."""

    def queue(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        make(self)
        return made

    return queue


def _measure(pool: Any) -> None:
    """Set the capacity of the pool's resource, if that is not known yet."""
    resource = resource_of(pool)
    if resource is not None and not resource.capacity and pool._max_overflow > -1:
        resource.change(capacity=pool.size() + pool._max_overflow)


def _in_use(pool: Any, _: ResourceDescription) -> int:
    checked_out: int = pool.checkedout()
    return checked_out


def _blocks(pool: Any) -> bool:
    return pool._overflow >= pool._max_overflow > -1 and bool(pool._pool.empty())


def _is_async(pool: Any) -> bool:
    return bool(getattr(pool, "_is_asyncio", False))


def _recreate(original: Any) -> Any:
    def recreate(self: Any) -> Any:
        pool = original(self)
        if "_loopviz" in vars(self):  # the engine's new pool, made on no user line
            pool._loopviz = self._loopviz
        return pool

    return recreate


def _get(original: Any) -> Any:
    code = getattr(original, "__code__", None)

    def _do_get(self: Any) -> Any:
        recorder = here()
        if recorder is None:
            return original(self)
        again = sys._getframe(1).f_code is code  # it lost a race for a unit, and calls itself
        waiter = None if again and recorder.waits() else _wait_if(recorder, self)
        try:
            connection = original(self)
        except BaseException:
            if waiter is not None:
                _gave_up(recorder, self, waiter)
            raise
        if not again:
            _got(self, connection, waiter)
        return connection

    return _do_get


def _got(pool: Any, connection: Any, waiter: int | None) -> None:
    """Record that the running task or job has a connection."""
    recorder = here()  # again: during the wait the probe may have come or gone
    if recorder is None:
        return
    try:
        resource = resource_of(pool)
        if resource is not None:
            blocking = waiter is None and not _is_async(pool)
            place = recorder.lines.of(user_frame(sys._getframe(1))) if blocking else 0
            who = recorder.task()
            vars(connection)["_loopviz_who"] = recorder, who
            recorder.acquired(resource, _in_use(pool, resource), who, place)
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("acquired", error)


def _wait_if(recorder: Recorder, pool: Any) -> int | None:
    try:
        _measure(pool)
        if _is_async(pool):
            hide(pool._pool._queue)  # if the pool is older than the probe
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("wait", error)
    return wait_if(recorder, _blocks, pool)


def _gave_up(recorder: Recorder, pool: Any, waiter: int) -> None:
    if _is_async(pool):
        gave_up(recorder, pool, _in_use, waiter)
        return
    try:
        resource = resource_of(pool)
        if resource is not None:
            recorder.wait_over(resource, task_id=waiter)
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("wait", error)


def _give_back(original: Any) -> Any:
    def _do_return_conn(self: Any, record: Any) -> None:
        who = getattr(record, "__dict__", {}).pop("_loopviz_who", None)  # then others may get it
        try:
            original(self, record)
        finally:
            _gave_back(self, who)

    return _do_return_conn


def _gave_back(pool: Any, who: tuple[Recorder, int] | None) -> None:
    """Record that a connection was returned, on whichever thread, by whom it was taken."""
    recorder, task_id = who or (current() if _is_async(pool) else None, None)
    if recorder is not None:
        try:
            resource = resource_of(pool)
            if resource is not None:
                recorder.released(resource, _in_use(pool, resource), task_id)
        except Exception as error:  # noqa: BLE001 - the app must go on
            recorder.fail("released", error)


ADAPTER = Adapter(
    modules={"sqlalchemy.pool.impl": _pools},
    parts=("sqlalchemy.",),
    paths=(("sync_engine", "pool"), ("pool",)),
)
