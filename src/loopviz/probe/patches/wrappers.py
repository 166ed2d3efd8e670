"""Wrappers for primitives that are acquired and released, filled and emptied, or waited for."""

import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from loopviz.probe.patches.makers import made_by_library
from loopviz.probe.patches.registry import hide, make, resource_of
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire.events import WAIT_PUT
from loopviz.wire.kinds import ResourceKind

__all__ = [
    "Blocks",
    "Factory",
    "InUse",
    "acquires",
    "always",
    "calls",
    "gave_up",
    "got",
    "makes",
    "makes_own",
    "releases",
    "resizes",
    "semaphore",
    "semaphore_in_use",
    "wait_if",
    "wait_over",
    "waits",
]

Blocks = Callable[..., bool]
"""`blocks(primitive, *arguments)`: True if the call would have to wait now."""
InUse = Callable[[Any, ResourceDescription], int]
"""`in_use(primitive, resource)`: units in use, read from the primitive."""
Factory = Callable[[Any], Any]


def makes(*, unless: CodeType | None = None) -> Factory:
    """Wrap `__init__`: describe the primitive as made here, `unless` that code calls it."""

    def of(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if unless is None or sys._getframe(1).f_code is not unless:
                make(self)

        return init

    return of


def makes_own(original: Any) -> Any:
    """Wrap `__init__`: describe the primitive as made here, or hide it if it is a library's own."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if made_by_library(sys._getframe(1)):
            hide(self)
        else:
            make(self)

    return init


def acquires(blocks: Blocks, in_use: InUse, *, early: bool = False) -> Factory:
    """Wrap a coroutine function that acquires one unit.

    `early`: unless it has to wait, it has the unit before it suspends (anyio's checkpoints).
    """

    def of(original: Any) -> Any:
        async def acquire(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder = current()
            if recorder is None:
                return await original(self, *args, **kwargs)
            waiter = wait_if(recorder, blocks, self, args)
            place = 0 if waiter is not None else recorder.lines.near(sys._getframe(1))
            at_once = early and waiter is None
            if at_once:
                got(self, in_use, place, one_more=1)
            try:
                result = await original(self, *args, **kwargs)
            except BaseException:
                if at_once or waiter is not None:
                    gave_up(recorder, self, in_use, waiter)
                raise
            if not at_once:
                got(self, in_use, place)
            return result

        return acquire

    return of


def releases(in_use: InUse) -> Factory:
    """Wrap a function that releases one unit."""

    def of(original: Any) -> Any:
        def release(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            recorder = current()
            if recorder is not None:
                try:
                    resource = resource_of(self)
                    if resource is not None:
                        recorder.released(resource, in_use(self, resource))
                except Exception as error:  # noqa: BLE001 - the app must go on
                    recorder.fail("released", error)
            return result

        return release

    return of


def waits(blocks: Blocks, direction: int = WAIT_PUT) -> Factory:
    """Wrap a coroutine function that waits, and then holds nothing."""

    def of(original: Any) -> Any:
        async def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder = current()
            if recorder is None:
                return await original(self, *args, **kwargs)
            waiter = wait_if(recorder, blocks, self, args, direction)
            if waiter is None:
                return await original(self, *args, **kwargs)
            try:
                return await original(self, *args, **kwargs)
            finally:
                wait_over(recorder, self, direction, waiter)

        return wait

    return of


def resizes(items: Callable[[Any], int]) -> Factory:
    """Wrap a function that puts an item in or takes one out."""

    def of(original: Any) -> Any:
        def change(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            recorder = current()
            if recorder is not None:
                try:
                    resource = resource_of(self)
                    if resource is not None:
                        recorder.queue_size(resource, items(self))
                except Exception as error:  # noqa: BLE001 - the app must go on
                    recorder.fail("queue_size", error)
            return result

        return change

    return of


def calls(status_of: Callable[[Any], int], host_of: Callable[..., str]) -> Factory:
    """Wrap a client's coroutine function that makes an outbound call.

    `status_of(response)`; `host_of(client, *arguments)`.
    """

    def of(original: Any) -> Any:
        async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current() is None:
                return await original(self, *args, **kwargs)
            response = None
            try:
                response = await original(self, *args, **kwargs)
                return response
            finally:
                recorder = current()
                if recorder is not None:
                    with fail_safe(original.__module__, recorder):
                        status = 0 if response is None else status_of(response)
                        recorder.http_call(status, host_of(self, *args, **kwargs))

        return call

    return of


def wait_if(
    recorder: Recorder, blocks: Blocks, primitive: Any, args: Any = (), direction: int = WAIT_PUT
) -> int | None:
    """Record a wait, if the call blocks. Returns the waiting task's number, else None."""
    try:
        resource = resource_of(primitive)  # first, so that a new one is described
        if resource is not None and blocks(primitive, *args):
            return recorder.wait(resource, direction)
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder.fail("wait", error)
    return None


def wait_over(recorder: Recorder, primitive: Any, direction: int, waiter: int) -> None:
    """Record that a wait is over, unless its coroutine was destroyed outside of its loop."""
    if current() is recorder:
        try:
            resource = resource_of(primitive)
            if resource is not None:
                recorder.wait_over(resource, direction, waiter)
        except Exception as error:  # noqa: BLE001 - the app must go on
            recorder.fail("wait", error)


def got(primitive: Any, in_use: InUse, place: int = 0, *, one_more: int = 0) -> None:
    """Record that the running task has a unit; `one_more` is 1 if it is yet to be taken."""
    recorder = current()  # again: during the wait the probe may have come or gone
    if recorder is not None:
        try:
            resource = resource_of(primitive)
            if resource is not None:
                recorder.acquired(resource, in_use(primitive, resource) + one_more, None, place)
        except Exception as error:  # noqa: BLE001 - the app must go on
            recorder.fail("acquired", error)


def gave_up(recorder: Recorder, primitive: Any, in_use: InUse, waiter: int | None) -> None:
    """Record that an acquire failed and, if it had been given a unit, that it was released."""
    if current() is recorder:
        try:
            resource = resource_of(primitive)
            if resource is not None:
                units = in_use(primitive, resource)
                if units < resource.in_use:
                    recorder.released(resource, units, waiter)
                if waiter is not None:
                    recorder.wait_over(resource, task_id=waiter)
        except Exception as error:  # noqa: BLE001 - the app must go on
            recorder.fail("wait", error)


def always(_: Any) -> bool:
    """Return True: a `Blocks` for a call that is known to wait."""
    return True


def semaphore(kind: ResourceKind, value: int, capacity: int, *, seen: bool) -> ResourceDescription:
    """The resource of a semaphore with `value` units left; earlier acquisitions are unknown."""
    resource = ResourceDescription(kind, capacity=capacity, seen=seen)
    resource.units = capacity or value
    return resource


def semaphore_in_use(semaphore: Any, resource: ResourceDescription) -> int:
    """Units in use, by `_value`; an unknown capacity is taken to be the most units ever left."""
    value: int = semaphore._value
    if not resource.capacity and value > resource.units:
        resource.units = value
    return max(int(resource.units - value), 0)
