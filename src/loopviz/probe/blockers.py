"""What the start or the end of a program waits for, read on another thread than the loop's.

A loop that is blocked waits for the line that runs. Else its thread is in `run_until_complete`,
whose future says what it waits for; from there on it goes from task to task, as in
`probe.wait_graph`. Servers wait for some things by looking every now and then: uvicorn for its
lifespan, its requests and its connections, hypercorn for its lifespan. Their code is known here.
"""

import asyncio
import sys
import threading
from asyncio.tasks import _GatheringFuture  # type: ignore[attr-defined]
from collections.abc import Sequence
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

from loopviz.clock import MS, monotonic_ns
from loopviz.probe.await_stack import coroutine_of, links
from loopviz.probe.install import Probe
from loopviz.probe.loops import tasks_of
from loopviz.probe.places import USER, Places, line_at
from loopviz.probe.stacks import stack_of, thread_frames
from loopviz.probe.wait_graph import attribute, awaited_by, pending_tasks
from loopviz.wire.blocker import CONNECTION, LIFESPAN, REQUEST, RUNS, TASK, THREAD, Blocker

__all__ = ["MOST_BLOCKERS", "blockers"]

MOST_BLOCKERS = 20
_DEEPEST = 5
_BLOCKED_NS = 100 * MS
"""A callback that has run for so long is what everything waits for."""
_LIFESPANS = ("LifespanOn.main", "Lifespan.handle_lifespan")
"""The coroutines of the tasks that run an app's lifespan: uvicorn's and hypercorn's."""
_LIFESPAN_FILES = ("/uvicorn/lifespan/on.py", "/hypercorn/asyncio/lifespan.py")
_WAIT_FOR_LIFESPAN = ("startup", "shutdown", "wait_for_startup", "wait_for_shutdown")
_SERVER = "/uvicorn/server.py"


def blockers(loop: asyncio.AbstractEventLoop, thread: int, places: Places) -> list[Blocker]:
    """What the loop's program waits for now, at most `MOST_BLOCKERS`; empty: nothing is known."""
    probe = Probe.of(loop)
    started = probe.hooks.running()[0] if probe is not None else 0
    if not loop.is_running() or (started and monotonic_ns() - started > _BLOCKED_NS):
        return [Blocker(RUNS, "", frame) for frame in _culprit(thread, places)]
    search = _Search(loop, places)
    for task in _waited_for(sys._current_frames().get(thread)):
        search.follow(task)
    return search.found[:MOST_BLOCKERS]


def _culprit(thread: int, places: Places) -> list[str]:
    """The frame to blame on that thread's stack; none if it has ended."""
    stack = stack_of(places, thread_frames(thread))
    return stack.frames[stack.culprit : stack.culprit + 1]


def _waited_for(frame: FrameType | None) -> list[Any]:
    """The tasks whose end the loop's thread waits for, by the code that runs the loop."""
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if "/asyncio/" in file and name == "_cancel_all_tasks":
            return pending_tasks(frame.f_locals.get("to_cancel") or ())
        if "/asyncio/" in file and name == "run_until_complete":
            future = frame.f_locals.get("future")
            gathers = type(future) is _GatheringFuture
            return pending_tasks((gathers and attribute(future, "_children")) or [future])
        if file.endswith("/asyncio/runners.py") and name == "run" and "task" in frame.f_locals:
            return pending_tasks([frame.f_locals["task"]])  # the loop is a foreign one
        frame = frame.f_back
    return []


class _Search:
    """Goes from a task to what it waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, places: Places) -> None:
        self._loop, self._places = loop, places
        self._seen: set[int] = set()
        self.found: list[Blocker] = []

    def follow(self, task: Any, depth: int = 0, kind: str = TASK) -> None:
        """Add the task, if the user's code is in it, then what it waits for."""
        if id(task) in self._seen or depth > _DEEPEST or len(self.found) >= MOST_BLOCKERS:
            return
        self._seen.add(id(task))
        chain = list(links(coroutine_of(task)))
        coroutines = [one for one in chain if type(one) is CoroutineType]
        if self._by_server(coroutines, depth):
            return
        if any(one.cr_code.co_qualname in _LIFESPANS for one in coroutines):
            kind = LIFESPAN
        others = awaited_by(task)
        users = [one for one in map(_code_and_frame, chain) if self._is_users(one)]
        if kind != TASK or users:
            codes = users or list(map(_code_and_frame, chain))
            name = "" if kind == LIFESPAN or not codes else _name(codes[0])
            self.found.append(Blocker(kind, name, _place(codes[-1:]), depth))
            depth += 1
        for other in others:
            self.follow(other, depth)

    def _by_server(self, chain: Sequence[Any], depth: int) -> bool:
        """Follow what a server, or the end of the loop, waits for; False: it is neither."""
        for one in reversed(chain):
            file, name = one.cr_code.co_filename, one.cr_code.co_name
            if file.endswith(_LIFESPAN_FILES) and name in _WAIT_FOR_LIFESPAN:
                for task in tasks_of(self._loop):
                    if getattr(coroutine_of(task), "__qualname__", "") in _LIFESPANS:
                        self.follow(task, depth)
                return True
            if file.endswith(_SERVER) and name in ("shutdown", "_wait_tasks_to_complete"):
                self._follow_requests(one.cr_frame.f_locals["self"].server_state, depth)
                return True
            if name == "shutdown_default_executor" and "/asyncio/" in file:
                self._add_workers(depth)
                return True
        return False

    def _follow_requests(self, state: Any, depth: int) -> None:
        requests = pending_tasks(tuple(state.tasks))
        for task in requests:
            self.follow(task, depth, REQUEST)
        if not requests:
            self.found += [Blocker(CONNECTION, "", "", depth) for _ in tuple(state.connections)]

    def _add_workers(self, depth: int) -> None:
        executor = getattr(self._loop, "_default_executor", None)
        workers: tuple[threading.Thread, ...] = tuple(getattr(executor, "_threads", ()))
        for thread in workers:
            for frame in _culprit(thread.ident or 0, self._places):
                if self._places.kind_of(*_file_and_name(frame)) == USER:  # else it is idle
                    self.found.append(Blocker(THREAD, thread.name, frame, depth))

    def _is_users(self, one: "_Running") -> bool:
        return self._places.kind(one[0]) == USER


_Running = tuple[CodeType, FrameType | None]


def _code_and_frame(link: Any) -> _Running:
    """Of a coroutine, a generator or an async generator, as `links` yields them."""
    prefix = {CoroutineType: "cr", GeneratorType: "gi"}.get(type(link), "ag")
    return getattr(link, f"{prefix}_code"), getattr(link, f"{prefix}_frame")


def _name(one: _Running) -> str:
    return one[0].co_qualname.rpartition("<locals>.")[2]


def _place(ones: Sequence[_Running]) -> str:
    """The frame, as `probe.places` writes it, at the line at which it is suspended."""
    for code, frame in ones:
        line = line_at(code, frame.f_lasti) if frame is not None else code.co_firstlineno
        return f"\t{code.co_filename}\t{line}\t{code.co_qualname}"
    return ""


def _file_and_name(frame: str) -> tuple[str, str]:
    _, file, _, function = frame.split("\t")
    return file, function.rpartition(".")[2]
