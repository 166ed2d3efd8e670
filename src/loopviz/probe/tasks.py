"""Records of tasks: their numbers, the lines that create them, and their outcomes."""

import asyncio
import itertools
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from loopviz.clock import Clock
from loopviz.probe.exceptions import ErrorTexts, raised_at
from loopviz.probe.places import coroutine_code, line_at
from loopviz.wire.events import (
    B_SHIFT,
    NUMBER,
    TASK_CANCELLED,
    TASK_RAISED,
    TASK_RETURNED,
    Kind,
    tag,
)

__all__ = [
    "NAMES_KEPT",
    "TaskHooks",
    "cares",
    "describe_raised",
    "group_owner",
    "make_tasks",
    "name_given",
    "task_numbers",
]

NAMES_KEPT = 1000
"""Most task names, and most paths, that are interned: they are often unique per task."""

_NEWEST = (-1, -2, -3)
"""How many callbacks of a task that has ended are looked at."""
_INDIFFERENT = ("gather.<locals>._done_callback", "shield.<locals>._inner_done_callback")
"""Callbacks that stay with a task although whoever awaited it may have given up."""
_CREATE = asyncio.create_task.__code__
_CREATE_IN_GROUP = asyncio.TaskGroup.create_task.__code__
"""Code of functions that name a task only after the loop (before 3.13, any loop) has made it."""

task_numbers = itertools.count(1)
"""Task numbers, unique in the process. A task has its number as an attribute, in the form of its
step's record tag: a dictionary of tasks would cost twice as much per step, and could confuse two
tasks that share an address."""


class TaskHooks(NamedTuple):
    """Functions with which the loop's hooks record tasks."""

    register: Callable[..., int]
    """`register(task, coroutine, parent, spawned_at, lasti, name)` records a task, made by the task
    `parent` at that instruction of the code `spawned_at`. Returns the tag of its steps."""
    site: Callable[[Any, CodeType | None, int], int]
    """`site(coroutine, spawned_at, lasti)`: the first half of `register`, the site's number."""
    start: Callable[[Any, int, int, str | None], int]
    """`start(task, parent, site, name)`: the second half of `register`."""
    adopt: Callable[[Any], int]
    """`register` for a task that is older than the probe, or not made by `loop.create_task`."""
    end: Callable[..., None]
    """`end(task, now)` records that the task is done; `end(task, now, noticed)` if it is known
    whether anybody notices."""
    number: Callable[[Any], int]
    """Returns a task's number; an unknown task is adopted."""


def make_tasks(
    write: Callable[[int, int, int], None], intern: Callable[[str], int], clock: Clock
) -> TaskHooks:
    """The task hooks of one loop. Closures, see `hooks`."""
    step, started, ended = tag(Kind.STEP), tag(Kind.TASK_START), tag(Kind.TASK_END)
    exception, raised = tag(Kind.TASK_EXCEPTION), describe_raised(intern)
    sites: dict[tuple[int, int, int], int] = {}  # by id(code), see `Places`
    kept: list[Any] = []  # keeps those ids from being reused
    names: dict[str, int] = {}
    next_number = task_numbers.__next__

    def name_of(name: str) -> int:
        known = names.get(name)
        if known is None:
            if len(names) >= NAMES_KEPT:
                return 0
            known = names[name] = intern(name)
        return known

    def end(task: Any, now: int, noticed: bool | None = None) -> None:
        # task.exception() would mark the exception as retrieved; the attribute does not
        own = task._loopviz_tag & NUMBER
        noticed = _is_noticed(task) if noticed is None else noticed
        if task._exception is not None:
            outcome = TASK_RAISED
            if not noticed:
                place, text = raised(task._exception)
                write(now, place, own | exception | text << B_SHIFT)
        else:
            outcome = TASK_CANCELLED if task.cancelled() else TASK_RETURNED
        write(now, noticed, own | ended | outcome << B_SHIFT)

    def register(
        task: Any,
        coroutine: Any,
        parent: int,
        spawned_at: CodeType | None,
        lasti: int,
        name: str | None,
    ) -> int:
        return start(task, parent, site(coroutine, spawned_at, lasti), name)

    def site(coroutine: Any, spawned_at: CodeType | None, lasti: int) -> int:
        code = coroutine_code(coroutine)
        key = (id(code or type(coroutine)), id(spawned_at), lasti)
        b = sites.get(key)
        if b is None:
            kept.append((code or type(coroutine), spawned_at))
            b = sites[key] = intern(_site(code, type(coroutine), spawned_at, lasti))
        return b

    def start(task: Any, parent: int, b: int, name: str | None) -> int:
        number = next_number() & NUMBER
        task._loopviz_tag = own = number | step
        a = (parent & NUMBER) << 32
        if name is not None and not name.startswith("Task-"):
            a |= name_of(name)
        write(clock(), a, number | started | b << B_SHIFT)
        return own

    def adopt(task: Any) -> int:
        return register(task, task.get_coro(), 0, None, 0, task.get_name())

    def number_of(task: Any) -> int:
        return (getattr(task, "_loopviz_tag", 0) or adopt(task)) & NUMBER

    return TaskHooks(register, site, start, adopt, end, number_of)


def describe_raised(intern: Callable[[str], int]) -> Callable[[BaseException], tuple[int, int]]:
    """A function that gives the numbers of an exception's place and text, as `TASK_EXCEPTION`.

    The place is 0 if it is not known. Once there are too many texts, they are the class's name.
    """
    texts = ErrorTexts()

    def raised(error: BaseException) -> tuple[int, int]:
        try:
            at = raised_at(error)
            place = f"\t{at[0].co_filename}\t{at[1]}\t{at[0].co_qualname}" if at else ""
            return intern(place) if place else 0, intern(texts.of(error))
        except Exception:  # noqa: BLE001 - whatever the app's exception is: the app goes on
            return 0, 0

    return raised


def name_given(caller: FrameType, options: dict[str, Any]) -> str | None:
    """The name that a task made with these options gets, now or afterwards; None: the default."""
    name, code = options.get("name"), caller.f_code
    if name is None and (code is _CREATE or code is _CREATE_IN_GROUP):
        given = caller.f_locals  # one of its `kwargs` from 3.14 on
        name = given.get("name") or given.get("kwargs", {}).get("name")
    return None if name is None else str(name)


def group_owner(caller: FrameType) -> Any:
    """The task that owns the task group (asyncio's or anyio's) which makes a task in this frame."""
    if caller.f_code is _CREATE_IN_GROUP:
        return getattr(caller.f_locals.get("self"), "_parent_task", None)
    if caller.f_code is _CREATE and caller.f_back is not None:
        caller = caller.f_back
    if caller.f_code.co_name == "_spawn":
        scope = getattr(caller.f_locals.get("self"), "cancel_scope", None)
        return getattr(scope, "_host_task", None)
    return None


def cares(callback: Any) -> bool:
    """True if who waits by this callback for a task's end is still there."""
    return type(callback) is not FunctionType or callback.__qualname__ not in _INDIFFERENT


def _is_noticed(task: Any) -> bool:
    """True if somebody is told that the task, whose step is just over, has ended.

    Its callbacks are then the newest in the loop's queue. Other threads may append to that.
    """
    try:
        ready = task.get_loop()._ready
        for at in _NEWEST:
            handle = ready[at]
            if handle._args[0] is not task:
                return False
            callback = handle._callback
            if cares(callback):
                return True
    except (AttributeError, IndexError, TypeError):  # a foreign loop's; there are no more handles
        pass
    return False


def _site(code: CodeType | None, kind: type, spawned_at: CodeType | None, lasti: int) -> str:
    """A task's site: its coroutine, and the line that created it; see `probe.places`."""
    what = code.co_qualname if code else kind.__qualname__
    place = spawned_at or code
    if place is None:
        return f"{what}\t\t0\t"
    line = line_at(spawned_at, lasti) if spawned_at else place.co_firstlineno
    return f"{what}\t{place.co_filename}\t{line}\t{place.co_qualname}"
