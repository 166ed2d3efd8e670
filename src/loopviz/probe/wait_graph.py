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

from loopviz.probe.await_site import describe_wait, passes_on
from loopviz.probe.await_stack import coroutine_of, links, number_of
from loopviz.probe.loops import tasks_of
from loopviz.probe.places import USER, Places
from loopviz.wire.awaiting import Awaiting

__all__ = [
    "MOST_TASKS",
    "attribute",
    "awaited_by",
    "awaits",
    "pending_tasks",
]

MOST_TASKS = 1000
"""Bound on the tasks of one answer."""
_MOST_AWAITED = 1000
"""Bound on the tasks that one task is reported to await."""


def awaits(
    loop: asyncio.AbstractEventLoop,
    places: Places,
    wanted: Iterable[int],
    *,
    others: bool = False,
) -> list[Awaiting]:
    """The wanted tasks and those that they await, transitively; at most `MOST_TASKS`.

    `others`: all other tasks follow, oldest first. A task that has ended is left out. Safe on any
    thread.
    """
    pending = {number_of(task): task for task in tasks_of(loop)}
    pending.pop(0, None)
    found: dict[int, Awaiting] = {}
    queue = deque(wanted)
    queue.extend(sorted(pending) if others else ())
    while queue and len(found) < MOST_TASKS:
        number = queue.popleft()
        task = pending.get(number)
        if task is None or number in found:
            continue
        awaited, through, any_of = _awaited(task)
        numbers = tuple(dict.fromkeys(filter(None, map(number_of, awaited))))[:_MOST_AWAITED]
        cancelled = asyncio.Task.cancelling(task) > 0
        place = _place(task, places)
        found[number] = Awaiting(
            number, place, numbers, any_of, through if numbers else "", cancelled
        )
        queue.extend(found[number].tasks)
    return list(found.values())


# ---- one task


def awaited_by(task: Any) -> list[Any]:
    """The unfinished tasks whose end that task awaits."""
    return _awaited(task)[0]


_Awaited = tuple[list[Any], str, bool]
"""The unfinished tasks that one awaits, how, and whether one of them is enough."""


def _awaited(task: Any) -> _Awaited:
    """The tasks whose end the task awaits."""
    future = attribute(task, "_fut_waiter")
    if type(future) is _GatheringFuture:
        return pending_tasks(attribute(future, "_children") or ()), "gather", False
    read, innermost = _helper_of(task)
    if isinstance(future, asyncio.Task):  # `wait_for` awaits a task itself from 3.12 on
        return pending_tasks([future]), "wait_for" if read is _waited_for else "task", False
    if read is not None:
        return read(innermost)
    return pending_tasks(_shielded(future)), "shield", False


def _helper_of(task: Any) -> tuple["_Read | None", Any]:
    """The function that reads what asyncio's or anyio's helper awaits for the task, and of what.

    None if it is suspended in no helper.
    """
    innermost = None
    for innermost in links(coroutine_of(task)):  # noqa: B007 - the last one is wanted
        pass
    if type(innermost) is CoroutineType:
        code = innermost.cr_code
        for end, names, read in _HELPERS:
            if code.co_name in names and code.co_filename.endswith(end):
                return read, innermost
    return None, None


def _waited_for(coroutine: Any) -> _Awaited:
    """`asyncio.wait_for` of Python 3.11, which wraps the awaitable into a task."""
    return pending_tasks(gc.get_referents(coroutine)), "wait_for", False


def _wait(coroutine: Any) -> _Awaited:
    """`asyncio.wait`: one task or all, as `return_when` says."""
    held = gc.get_referents(coroutine)
    held += gc.get_referents(*(cell for cell in held if type(cell) is CellType))
    sets = [tuple(them) for them in held if type(them) is set]
    all_of_them = any(type(value) is str and value == asyncio.ALL_COMPLETED for value in held)
    return pending_tasks(task for them in sets for task in them), "wait", not all_of_them


def _task_group(coroutine: Any) -> _Awaited:
    """The end of asyncio's or anyio's task group."""
    for group in gc.get_referents(coroutine):
        if type(group).__name__ == "TaskGroup":
            tasks = attribute(group, "_tasks")
            if type(tasks) is set:
                return pending_tasks(tuple(tasks)), "TaskGroup", False
    return [], "", False


_Read = Callable[[Any], _Awaited]
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


def pending_tasks(objects: Iterable[Any]) -> list[Any]:
    """Those that are tasks and have not ended."""
    return [
        one
        for one in objects
        if isinstance(one, asyncio.Task) and attribute(one, "_state") == "PENDING"
    ]


def attribute(of: Any, name: str) -> Any:
    """The attribute's value, or None. Runs no code of the app's classes."""
    try:
        return object.__getattribute__(of, name)
    except AttributeError:
        return None


def _place(task: Any, places: Places) -> str:
    """What a task awaits, at the innermost user line of its await stack, or else the innermost."""
    user = innermost = None
    for link in links(coroutine_of(task)):
        if type(link) is CoroutineType:
            innermost = link
            if places.kind(link.cr_code) == USER:
                user = link
    if innermost is None or innermost.cr_frame is None:
        return ""
    if user is None or passes_on(user, places):
        return describe_wait(innermost, user)
    return "" if user.cr_frame is None else describe_wait(user)
