"""The await stack of a task, read on another thread than the loop's, so that the loop may hang.

No code of the app is called: only objects of the interpreter's own types are followed, whose
attributes run no code. Any other awaitable ends the stack.
"""

import asyncio
import gc
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

from loopviz.probe.foreign import WatchedCoroutine
from loopviz.probe.loops import tasks_of
from loopviz.wire.events import NUMBER

__all__ = [
    "DEPTH",
    "await_stack",
    "coroutine_of",
    "frame_text",
    "links",
    "number_of",
    "stack_of_task",
    "task_of",
]

DEPTH = 50
"""Most frames of a stack; of a deeper one, the innermost."""
_PROBE = str(Path(__file__).resolve().parent) + os.sep
"""The folder of the probe's own frames, which are left out."""
_FURTHEST = 1000
"""Most frames that are followed."""


def _wrappers() -> tuple[type, type]:
    """Types of awaitables that wrap a coroutine or generator.

    They come from iterating an async generator, and from a coroutine's `__await__`.
    """

    async def generate() -> AsyncGenerator[None]:
        yield

    async def nothing() -> None: ...

    step, coroutine = generate().__anext__(), nothing()
    wrapped = coroutine.__await__()
    step.close()
    coroutine.close()
    return type(step), type(wrapped)


_WRAPPERS = _wrappers()
_WRAPPED = (AsyncGeneratorType, CoroutineType)


def await_stack(loop: asyncio.AbstractEventLoop, thread: int, number: int) -> list[str] | None:
    """The frames of the task with that number, outermost first, as `probe.places` writes them.

    `thread` is the one that runs the loop. None if the loop has no such task any more.
    """
    task = task_of(loop, number)
    return None if task is None else stack_of_task(task, thread)


def task_of(loop: asyncio.AbstractEventLoop, number: int) -> Any:
    """The loop's unfinished task with that number, or None."""
    return next((task for task in tasks_of(loop) if number_of(task) == number), None)


def number_of(task: Any) -> int:
    """A task's number, 0 if it has none. Runs no code of the app's classes."""
    try:
        tag = object.__getattribute__(task, "_loopviz_tag")
    except AttributeError:
        return 0
    return tag & NUMBER if type(tag) is int else 0


def stack_of_task(task: Any, thread: int) -> list[str]:
    """The frames of a task, as `await_stack`; empty for anything but an asyncio task."""
    if not isinstance(task, asyncio.Task):
        return []
    outer = coroutine_of(task)
    if type(outer) is CoroutineType and outer.cr_running:
        running = _running(outer.cr_frame, thread)
        if running:
            return running
    return list(deque(_frames(outer), maxlen=DEPTH))


def coroutine_of(task: Any) -> Any:
    """The coroutine that the app gave to a task; None for anything but an asyncio task."""
    if not isinstance(task, asyncio.Task):
        return None
    outer = asyncio.Task.get_coro(task)
    return outer._coroutine if type(outer) is WatchedCoroutine else outer


def _running(outer: FrameType | None, thread: int) -> list[str]:
    """The frames from `outer` inwards on the thread's stack; empty if `outer` is not on it."""
    frames: list[str] = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PROBE):
            frames.append(frame_text(frame.f_code, frame))
        if frame is outer:
            return frames[DEPTH - 1 :: -1]
        frame = frame.f_back
    return []


def links(outer: Any) -> Iterator[Any]:
    """The coroutines and generators from `outer` inwards, each awaited by the one before it."""
    at = outer
    for _ in range(_FURTHEST):
        kind = type(at)
        if kind is CoroutineType:
            frame, inner = at.cr_frame, at.cr_await
        elif kind is GeneratorType:
            frame, inner = at.gi_frame, at.gi_yieldfrom
        elif kind is AsyncGeneratorType:
            frame, inner = at.ag_frame, at.ag_await
        elif kind in _WRAPPERS:
            at = next((held for held in gc.get_referents(at) if type(held) in _WRAPPED), None)
            continue
        else:
            return
        if frame is None:
            return
        yield at
        at = inner


def _frames(outer: Any) -> Iterator[str]:
    for link in links(outer):
        kind = type(link)
        if kind is CoroutineType:
            code, frame = link.cr_code, link.cr_frame
        elif kind is GeneratorType:
            code, frame = link.gi_code, link.gi_frame
        else:
            code, frame = link.ag_code, link.ag_frame
        if frame is not None and not code.co_filename.startswith(_PROBE):
            yield frame_text(code, frame)


def frame_text(code: CodeType, frame: FrameType) -> str:
    """A frame as a place without a name."""
    return f"\t{code.co_filename}\t{frame.f_lineno or code.co_firstlineno}\t{code.co_qualname}"
