"""Reads which tasks a suspended task awaits, on another thread than the loop's.

A task that awaits a task, `asyncio.gather`, `asyncio.wait`, `asyncio.wait_for`, `asyncio.shield`
or the end of a task group depends on other tasks. The edges are read from attributes and
referents of objects whose types asyncio and anyio define. No code of the app runs.
"""

import asyncio
import gc
from asyncio.tasks import _GatheringFuture  # type: ignore[attr-defined]
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import CellType, CoroutineType, FunctionType
from typing import Any

from loopviz.probe.await_site import describe_wait
from loopviz.probe.await_stack import coroutine_of, links, number_of
from loopviz.probe.places import USER, Places
from loopviz.wire.awaiting import Awaiting

__all__ = ["MOST_TASKS", "awaits"]

MOST_TASKS = 1000
"""Bound on the tasks of one answer."""
_MOST_AWAITED = 1000
"""Bound on the tasks that one task is reported to await."""


def awaits(
    loop: asyncio.AbstractEventLoop, places: Places, wanted: Iterable[int]
) -> list[Awaiting]:
    """The wanted tasks and those that they await, transitively; at most `MOST_TASKS`.

    A task that has ended is left out. Safe on any thread.
    """
    pending = {number_of(task): task for task in asyncio.all_tasks(loop)}
    pending.pop(0, None)
    found: dict[int, Awaiting] = {}
    queue = deque(wanted)
    while queue and len(found) < MOST_TASKS:
        number = queue.popleft()
        task = pending.get(number)
        if task is None or number in found:
            continue
        awaited, any_of = _awaited(task)
        numbers = dict.fromkeys(filter(None, map(number_of, awaited)))
        found[number] = Awaiting(
            number, _place(task, places), tuple(numbers)[:_MOST_AWAITED], any_of
        )
        queue.extend(found[number].tasks)
    return list(found.values())


# ---- one task


def _awaited(task: Any) -> tuple[list[Any], bool]:
    """The unfinished tasks whose end the task awaits, and whether one of them is enough."""
    future = _attribute(task, "_fut_waiter")
    if isinstance(future, asyncio.Task):
        return _pending([future]), False
    if type(future) is _GatheringFuture:
        return _pending(_attribute(future, "_children") or ()), False
    innermost = None
    for innermost in links(coroutine_of(task)):  # noqa: B007 - the last one is wanted
        pass
    if type(innermost) is CoroutineType:
        code = innermost.cr_code
        for end, name, read in _HELPERS:
            if code.co_name in name and code.co_filename.endswith(end):
                return read(innermost)
    return _pending(_shielded(future)), False


def _waited_for(coroutine: Any) -> tuple[list[Any], bool]:
    """`asyncio.wait_for` of Python 3.11, which wraps the awaitable into a task."""
    return _pending(gc.get_referents(coroutine)), False


def _wait(coroutine: Any) -> tuple[list[Any], bool]:
    """`asyncio.wait`: one task or all, as `return_when` says."""
    held = gc.get_referents(coroutine)
    held += gc.get_referents(*(cell for cell in held if type(cell) is CellType))
    sets = [tuple(them) for them in held if type(them) is set]
    all_of_them = any(type(value) is str and value == asyncio.ALL_COMPLETED for value in held)
    return _pending(task for them in sets for task in them), not all_of_them


def _task_group(coroutine: Any) -> tuple[list[Any], bool]:
    """The end of asyncio's or anyio's task group."""
    for group in gc.get_referents(coroutine):
        if type(group).__name__ == "TaskGroup":
            tasks = _attribute(group, "_tasks")
            if type(tasks) is set:
                return _pending(tuple(tasks)), False
    return [], False


_Read = Callable[[Any], tuple[list[Any], bool]]
_HELPERS: tuple[tuple[str, tuple[str, ...], _Read], ...] = (
    ("/asyncio/tasks.py", ("wait_for",), _waited_for),
    ("/asyncio/tasks.py", ("_wait",), _wait),
    ("/asyncio/taskgroups.py", ("__aexit__", "_aexit"), _task_group),
    ("/anyio/_backends/_asyncio.py", ("__aexit__",), _task_group),
)
"""The end of the innermost coroutine's file, its name, and the function that reads its awaits."""


def _shielded(future: Any) -> Iterator[Any]:
    """The tasks that `asyncio.shield` protects: in a closure of a callback on the outer future."""
    if type(future) is not asyncio.Future:
        return
    for callback, _ in future._callbacks or ():
        if type(callback) is FunctionType and callback.__module__ == "asyncio.tasks":
            for name, cell in zip(
                callback.__code__.co_freevars, callback.__closure__ or (), strict=True
            ):
                if name == "inner":  # from 3.14 on, another one is the task that called `shield`
                    yield from gc.get_referents(cell)


def _pending(objects: Iterable[Any]) -> list[Any]:
    return [
        one
        for one in objects
        if isinstance(one, asyncio.Task) and _attribute(one, "_state") == "PENDING"
    ]


def _attribute(of: Any, name: str) -> Any:
    """The attribute's value, or None. Runs no code of the app's classes."""
    try:
        return object.__getattribute__(of, name)
    except AttributeError:
        return None


def _place(task: Any, places: Places) -> str:
    """The innermost user line of the task's await stack and what is awaited there."""
    user: Any = None
    for link in links(coroutine_of(task)):
        if type(link) is CoroutineType and places.kind(link.cr_code) == USER:
            user = link
    frame = None if user is None else user.cr_frame
    return "" if frame is None else describe_wait(user, frame.f_lasti)
