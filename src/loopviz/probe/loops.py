"""What a loop is made of, and how to get onto its thread."""

import asyncio
import sys
import threading
from asyncio import BaseEventLoop
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

from loopviz.errors import LoopvizError

__all__ = ["is_asyncios", "is_stock", "on_thread_of", "running_loops", "tasks_of"]

_PATIENCE_S = 10.0
"""Seconds to wait for a loop in another thread to run the installation."""


def on_thread_of(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Calls on the thread of a loop that runs, else here; raises what the call raises.

    Raises LoopvizError if the loop does not respond.
    """
    if not loop.is_running() or asyncio._get_running_loop() is loop:
        call()
        return
    done = threading.Event()
    failed: list[Exception] = []

    def call_there() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - raised in the calling thread
            failed.append(error)
        done.set()

    loop.call_soon_threadsafe(call_there)
    if not done.wait(_PATIENCE_S):
        raise LoopvizError(
            f"The loop did not respond within {_PATIENCE_S:g} s: something blocks it. "
            "Install the probe earlier, from the loop's own thread."
        )
    if failed:
        raise failed[0]


def running_loops() -> list[asyncio.AbstractEventLoop]:
    """The loops that run now, in any thread: this one's, and those in whose methods a thread is.

    A foreign loop, whose methods leave no frames, is found by what runs it (`asyncio.Runner`).
    """
    found = {}
    current = asyncio._get_running_loop()
    if current is not None:
        found[id(current)] = current
    for frame in sys._current_frames().values():
        at: FrameType | None = frame
        while at is not None:
            if at.f_code.co_name in ("run_forever", "run_until_complete", "run"):
                owner = at.f_locals.get("self")
                loop = getattr(owner, "_loop", owner)
                if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
                    found[id(loop)] = loop
            at = at.f_back
    return list(found.values())


def tasks_of(loop: asyncio.AbstractEventLoop) -> "set[asyncio.Task[Any]]":
    """As `asyncio.all_tasks`, which raises if a task was registered and never initialized.

    granian's `--task-impl rust` has one.
    """
    try:
        return asyncio.all_tasks(loop)
    except RuntimeError:
        known = _registered()
        current = asyncio.current_task(loop)  # from 3.14 on the interpreter has asyncio's in C
        return {task for task in (*known, current) if task is not None and _is_of(task, loop)}


def _registered() -> "list[asyncio.Task[Any]]":
    """Those that the interpreter keeps in Python: from 3.14 on, of other classes than asyncio's."""
    known = (vars(asyncio.tasks).get(name, ()) for name in ("_scheduled_tasks", "_all_tasks"))
    return [task for tasks in known for task in list(tasks)]


def _is_of(task: "asyncio.Task[Any]", loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return task.get_loop() is loop and not task.done()
    except RuntimeError:
        return False


def is_asyncios(loop: Any) -> bool:
    """True if callbacks are run by asyncio's own `_run_once`."""
    return isinstance(getattr(loop, "_ready", None), deque) and is_stock(loop, "_run_once")


def is_stock(loop: Any, name: str) -> bool:
    """True if a method is asyncio's own, and has not been replaced."""
    method = getattr(type(loop), name, None)
    is_asyncios = getattr(method, "__module__", "") == BaseEventLoop.__module__
    return is_asyncios and name not in vars(loop) and method is vars(BaseEventLoop)[name]
