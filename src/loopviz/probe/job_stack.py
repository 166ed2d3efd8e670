"""The frames of the thread that runs the job which a task awaits, read on another thread."""

import asyncio
import os
import sys
from pathlib import Path
from types import CoroutineType, FrameType, FunctionType
from typing import Any

from loopviz.probe.await_stack import DEPTH, coroutine_of, frame_text, links, task_of
from loopviz.probe.patches.executors import SubmittedJob
from loopviz.probe.wait_graph import attribute

__all__ = ["job_stack"]

_RUNS = SubmittedJob.__call__.__code__
_PROBE = str(Path(__file__).resolve().parent) + os.sep
_ANYIO = "run_sync_in_worker_thread"
"""The coroutine of anyio that awaits a thread's result."""
_FURTHEST = 200
"""Most frames of a thread that are followed."""


def job_stack(loop: asyncio.AbstractEventLoop, number: int) -> list[str]:
    """The frames of a thread that runs a job of the task with that number, outermost first.

    From the job's function inwards; empty if the task awaits none. No code of the app runs.
    """
    if not _awaits_job(task_of(loop, number)):
        return []
    for frame in sys._current_frames().values():
        found = _of_job(frame, number)
        if found:
            return found[DEPTH - 1 :: -1]
    return []


def _awaits_job(task: Any) -> bool:
    """Whether what the task awaits is the future of a job, asyncio's or anyio's."""
    future = attribute(task, "_fut_waiter")
    if type(future) is not asyncio.Future:
        return False
    for callback, _ in future._callbacks or ():
        if type(callback) is FunctionType and callback.__module__ == "asyncio.futures":
            return True  # it is chained to one of `concurrent.futures`
    innermost = None
    for innermost in links(coroutine_of(task)):  # noqa: B007 - the last one is wanted
        pass
    return type(innermost) is CoroutineType and innermost.cr_code.co_name == _ANYIO


def _of_job(innermost: FrameType, task: int) -> list[str]:
    """The frames of that thread, innermost first, if it runs a job of the task."""
    frames: list[str] = []
    frame: FrameType | None = innermost
    for _ in range(_FURTHEST):
        if frame is None:
            break
        if frame.f_code is _RUNS:
            job = frame.f_locals.get("self")
            return frames if type(job) is SubmittedJob and job.task == task else []
        if not frame.f_code.co_filename.startswith(_PROBE):
            frames.append(frame_text(frame.f_code, frame))
        frame = frame.f_back
    return []
