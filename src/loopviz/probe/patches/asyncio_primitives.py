"""asyncio's own primitives: locks, semaphores, conditions, events, barriers, queues."""

import asyncio
import sys
from asyncio import Barrier, Condition, Event, Lock, Queue, Semaphore
from inspect import CO_COROUTINE
from types import FrameType
from typing import Any

from loopviz.probe.patches.makers import made_by_library
from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.registry import describes, hide, known, make
from loopviz.probe.patches.wrappers import (
    Factory,
    acquires,
    always,
    makes,
    releases,
    resizes,
    semaphore,
    semaphore_in_use,
    wait_if,
    wait_over,
    waits,
)
from loopviz.probe.places import PLACES, USER
from loopviz.probe.recorder import ResourceDescription, current
from loopviz.wire import kinds
from loopviz.wire.events import WAIT_GET, WAIT_PUT

__all__ = ["patches"]


def _describe_semaphore(it: Any, seen: bool) -> ResourceDescription:
    bounded = isinstance(it, asyncio.BoundedSemaphore)
    kind = kinds.BOUNDED_SEMAPHORE if bounded else kinds.SEMAPHORE
    capacity = it._value if seen else getattr(it, "_bound_value", 0)
    return semaphore(kind, it._value, capacity, seen=seen)


def _lock_blocks(lock: Any) -> bool:
    return lock._locked or not all(waiter.cancelled() for waiter in lock._waiters or ())


def _lock_in_use(lock: Any, _: ResourceDescription) -> int:
    return int(lock._locked)


def _locked(lock: Any) -> bool:
    return bool(lock.locked())


def _barrier_blocks(barrier: Any) -> bool:
    hide(barrier._cond)
    hide(barrier._cond._lock)
    if barrier.broken:
        return False
    filling = barrier._state.value == "filling"
    return not (filling and barrier._count + 1 == barrier._parties)


def _event_init(original: Any) -> Any:
    """Wrap `__init__`: an event that a library makes is how it waits for something of its own."""
    code_kinds = PLACES.kinds

    def init(self: Any) -> None:
        original(self)
        frame = sys._getframe(1)
        code = frame.f_code
        user = (code_kinds.get(id(code)) or PLACES.kind(code)) == USER
        if (user or type(self) is not Event) and not made_by_library(frame):
            make(self)
        else:
            hide(self)

    return init


def _event_wait(original: Any) -> Any:
    async def wait(self: Any) -> Any:
        recorder = current()
        if recorder is None or self._value or recorder.waits():
            return await original(self)
        if not known(self) and _is_librarys(sys._getframe(1)):
            hide(self)
        waiter = wait_if(recorder, always, self)
        if waiter is None:
            return await original(self)
        try:
            return await original(self)
        finally:
            wait_over(recorder, self, WAIT_PUT, waiter)

    return wait


def _is_librarys(awaiting: FrameType | None) -> bool:
    """True if a coroutine of a library awaits an event that was made before the probe came.

    `asyncio.wait_for` awaits for whoever calls it.
    """
    while awaiting is not None and awaiting.f_code.co_filename == asyncio.tasks.__file__:
        awaiting = awaiting.f_back
    if awaiting is None:
        return False
    code = awaiting.f_code
    return bool(code.co_flags & CO_COROUTINE) and PLACES.kind(code) != USER


def _makes_unless(parts: tuple[str, ...], *, librarys: bool = True) -> Factory:
    """Wrap `__init__`: describe the primitive, or hide it if a module of `parts` makes it.

    Unless `librarys`, it is also hidden if a library makes it for itself.
    """

    def of(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            frame = sys._getframe(1)
            if frame.f_globals.get("__name__", "").startswith(parts) or (
                not librarys and made_by_library(frame)
            ):
                hide(self)
            else:
                make(self)

        return init

    return of


def _put_blocks(queue: Any, *_: Any) -> bool:
    return bool(queue.full()) and not getattr(queue, "_is_shutdown", False)


def _get_blocks(queue: Any) -> bool:
    return bool(queue.empty()) and not getattr(queue, "_is_shutdown", False)


describes(Semaphore, _describe_semaphore)
describes(Lock, lambda _, seen: ResourceDescription(kinds.LOCK, capacity=1, seen=seen))
describes(Condition, lambda _, seen: ResourceDescription(kinds.CONDITION, seen=seen))
describes(Event, lambda _, seen: ResourceDescription(kinds.EVENT, seen=seen))
describes(
    Barrier,
    lambda barrier, seen: ResourceDescription(kinds.BARRIER, capacity=barrier._parties, seen=seen),
)
describes(
    Queue,
    lambda queue, seen: ResourceDescription(kinds.QUEUE, capacity=queue._maxsize, seen=seen),
)

_resizes = resizes(lambda queue: queue.qsize())


def patches(parts: tuple[str, ...]) -> tuple[Patch, ...]:
    """All patches. `parts`: see `Adapter.parts`."""
    return (
        Patch(Lock, "__init__", _makes_unless(parts, librarys=False)),
        Patch(Lock, "acquire", acquires(_lock_blocks, _lock_in_use)),
        Patch(Lock, "release", releases(_lock_in_use)),
        Patch(Semaphore, "__init__", makes()),
        Patch(Semaphore, "acquire", acquires(_locked, semaphore_in_use)),
        Patch(Semaphore, "release", releases(semaphore_in_use)),
        Patch(Condition, "__init__", makes()),
        Patch(Condition, "wait", waits(_locked)),
        Patch(Event, "__init__", _event_init),
        Patch(Event, "wait", _event_wait),
        Patch(Barrier, "__init__", makes()),
        Patch(Barrier, "wait", waits(_barrier_blocks)),
        Patch(Queue, "__init__", _makes_unless(parts, librarys=False)),
        Patch(Queue, "put", waits(_put_blocks, WAIT_PUT)),
        Patch(Queue, "get", waits(_get_blocks, WAIT_GET)),
        Patch(Queue, "put_nowait", _resizes),
        Patch(Queue, "get_nowait", _resizes),
        Patch(Queue, "shutdown", _resizes),
    )
