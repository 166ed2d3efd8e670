"""anyio's limiters, locks and semaphores, and its jobs in threads, on the asyncio backend.

Nothing here imports anyio: the module comes from the app.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from loopviz.probe.patches.executors import SubmittedJob, new_job
from loopviz.probe.patches.makers import made_by_library
from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import attach, describes, known, make, resource_of
from loopviz.probe.patches.wrappers import (
    InUse,
    acquires,
    always,
    gave_up,
    got,
    makes,
    makes_own,
    releases,
    semaphore,
    semaphore_in_use,
    wait_if,
)
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire import kinds
from loopviz.wire.kinds import ResourceKind

__all__ = ["ADAPTER"]


def _primitives(module: ModuleType) -> list[Patch]:
    """Patches of `anyio._backends._asyncio`. Before anyio 4.5 it has no locks to patch."""
    limiter, backend = module.CapacityLimiter, module.AsyncIOBackend
    default = vars(backend)["current_default_thread_limiter"].__func__.__code__

    def describe(limiter: Any, seen: bool) -> ResourceDescription:
        own = module._default_thread_limiter.get(None) is limiter
        name = "default thread limiter" if own else ""
        tokens = limiter.total_tokens
        return ResourceDescription(kinds.ANYIO_LIMITER, name, tokens, seen=seen and not own)

    describes(limiter, describe)
    blocked, coroutine = module.WouldBlock, limiter.acquire_on_behalf_of
    patches = [
        Patch(limiter, "__init__", makes(unless=default)),
        Patch(limiter, "total_tokens", _total_tokens),
        Patch(limiter, "acquire_on_behalf_of", _borrows_later),
        Patch(limiter, "acquire_on_behalf_of_nowait", _borrows(coroutine, blocked)),
        Patch(limiter, "release_on_behalf_of", releases(_borrowed)),
        Patch(backend, "run_sync_in_worker_thread", _runs_in_thread),
        Patch(module.Event, "__init__", _event_init),
        Patch(backend, "create_capacity_limiter", _creates),
        Patch(backend, "create_lock", _creates),
        Patch(backend, "create_semaphore", _creates),
    ]
    if hasattr(module, "Lock") and hasattr(module, "Semaphore"):
        patches += _locks(module.Lock, module.Semaphore, module.current_task)
    return patches


def _adapters(module: ModuleType) -> list[Patch]:
    """Patches of `anyio._core._synchronization`: adapters of primitives made outside of a loop."""
    sizes: dict[ResourceKind, Callable[[Any], float]] = {
        kinds.ANYIO_LIMITER: lambda it: it._total_tokens,
        kinds.ANYIO_LOCK: lambda _: 1,
        kinds.ANYIO_SEMAPHORE: lambda it: it._initial_value,
    }
    patches = []
    for kind, size in sizes.items():
        adapter = getattr(module, f"{kind.class_name}Adapter", None)
        if adapter is not None:
            describes(adapter, _describe_adapter(kind, size))
            patches.append(Patch(adapter, "__init__", makes()))
    adapter = getattr(module, "EventAdapter", None)
    if adapter is not None:
        describes(adapter, _describe_event)
        patches.append(Patch(adapter, "__init__", makes_own))
        patches.append(Patch(adapter, "_event", _adapted_event))
    return patches


def _describe_event(_: Any, seen: bool) -> ResourceDescription:
    return ResourceDescription(kinds.ANYIO_EVENT, seen=seen)


def _describe_adapter(
    kind: ResourceKind, size: Callable[[Any], float]
) -> Callable[[Any, bool], ResourceDescription]:
    return lambda it, seen: ResourceDescription(kind, capacity=size(it), seen=seen)


def _creates(original: Any) -> Any:
    """Wrap the backend's methods: what they make for an adapter gets the line of the adapter."""

    def create(cls: Any, *args: Any, **kwargs: Any) -> Any:
        created = original(cls, *args, **kwargs)
        with fail_safe("resource"):
            adapter = sys._getframe(1).f_locals.get("self")
            made = resource_of(adapter) if known(adapter) else None
            own = resource_of(created)
            if made is not None and own is not None:
                made.change(capacity=own.capacity)
                attach(created, made)
        return created

    return create


def _event_init(original: Any) -> Any:
    """Wrap `Event.__init__`: the event of asyncio inside has the resource, if it is the app's.

    `anyio.Event()` calls it twice, the second time on its own, which is when its caller is seen.
    """

    def init(self: Any) -> None:
        original(self)
        if not made_by_library(sys._getframe(1)):
            make(self._event, _describe_event)

    return init


def _adapted_event(original: property) -> property:
    """Wrap the property: what an adapter makes is whose the adapter is."""
    get: Any = original.fget

    def event(self: Any) -> Any:
        makes_it = self._internal_event is None
        found = get(self)
        if makes_it:
            with fail_safe("resource"):
                attach(found._event, resource_of(self))
        return found

    return property(event, None, None, original.__doc__)


def _locks(lock: type, sem: type, current_task: Any) -> list[Patch]:
    def lock_blocks(lock: Any) -> bool:
        return lock._owner_task is not current_task() and bool(lock.locked() or lock._waiters)

    def describe_semaphore(it: Any, seen: bool) -> ResourceDescription:
        capacity = it._value if seen else it._max_value or 0
        return semaphore(kinds.ANYIO_SEMAPHORE, it._value, capacity, seen=seen)

    describes(lock, lambda _, seen: ResourceDescription(kinds.ANYIO_LOCK, capacity=1, seen=seen))
    describes(sem, describe_semaphore)
    return [
        Patch(lock, "__init__", makes_own),
        Patch(lock, "acquire", acquires(lock_blocks, _lock_in_use, early=True)),
        Patch(lock, "acquire_nowait", _at_once(_lock_in_use)),
        Patch(lock, "release", releases(_lock_in_use)),
        Patch(sem, "__init__", makes()),
        Patch(sem, "acquire", acquires(_semaphore_blocks, semaphore_in_use, early=True)),
        Patch(sem, "acquire_nowait", _at_once(semaphore_in_use)),
        Patch(sem, "release", releases(semaphore_in_use)),
    ]


def _borrowed(limiter: Any, _: ResourceDescription) -> int:
    return len(limiter._borrowers)


def _lock_in_use(lock: Any, _: ResourceDescription) -> int:
    return int(lock.locked())


def _semaphore_blocks(semaphore: Any) -> bool:
    return semaphore._value == 0 or bool(semaphore._waiters)


def _total_tokens(original: property) -> property:
    set_tokens: Any = original.fset

    def total_tokens(self: Any, value: float) -> None:
        set_tokens(self, value)
        recorder = current()
        if recorder is not None:
            with fail_safe("resource", recorder):
                resource = resource_of(self) if known(self) else None
                if resource is not None:
                    resource.change(capacity=value)
                    recorder.introduce(resource)

    return property(original.fget, total_tokens, original.fdel, original.__doc__)


def _at_once(in_use: InUse) -> Any:
    def of(original: Any) -> Any:
        def acquire_nowait(self: Any) -> None:
            original(self)
            got(self, in_use)

        return acquire_nowait

    return of


def _borrows(coroutine: Any, blocked: type[BaseException]) -> Any:
    """Wrap the limiter's `nowait`; if its coroutine calls it and it would block, a wait starts."""
    code = coroutine.__code__

    def of(original: Any) -> Any:
        def acquire_on_behalf_of_nowait(self: Any, borrower: object) -> None:
            try:
                original(self, borrower)
            except blocked:
                recorder = current()
                if recorder is not None and sys._getframe(1).f_code is code:
                    wait_if(recorder, always, self)
                raise
            got(self, _borrowed)

        return acquire_on_behalf_of_nowait

    return of


def _borrows_later(original: Any) -> Any:
    """Wrap the limiter's coroutine function: record the end of the wait that `nowait` began."""

    async def acquire_on_behalf_of(self: Any, borrower: object) -> None:
        recorder = current()
        if recorder is None:
            return await original(self, borrower)  # type: ignore[no-any-return]
        task_id = recorder.task()
        try:
            await original(self, borrower)
        except BaseException:
            if recorder.waits(task_id):
                gave_up(recorder, self, _borrowed, task_id)
            raise
        if recorder.waits(task_id):
            got(self, _borrowed)
        return None

    return acquire_on_behalf_of


def _runs_in_thread(original: Any) -> Any:
    async def run_sync_in_worker_thread(
        cls: Any, func: Any, args: Any, abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        recorder = current()
        job = None if recorder is None else _new_job(recorder, cls, func, args, limiter)
        if job is None:
            return await original(cls, func, args, abandon_on_cancel, limiter)
        try:
            return await original(cls, job, args, abandon_on_cancel, limiter)
        finally:
            job.given_up()

    return run_sync_in_worker_thread


def _new_job(
    recorder: Recorder, backend: Any, function: Any, args: Any, limiter: Any
) -> SubmittedJob | None:
    """A job of the limiter, since there is no executor. `_limiter` is that of an adapter."""
    with fail_safe("job", recorder):
        limiter = limiter or backend.current_default_thread_limiter()
        return new_job(recorder, getattr(limiter, "_limiter", limiter), function, args)
    return None


ADAPTER = Adapter(
    modules={
        "anyio._core._synchronization": _adapters,
        "anyio._backends._asyncio": _primitives,
    },
    paths=(("_internal_limiter",), ("_event",)),
)
