"""Answers about a loop: where a task is, which await which, what the program waits for."""

import asyncio
import threading
from collections.abc import Callable

from loopviz.clock import monotonic_ns
from loopviz.probe.await_stack import await_stack
from loopviz.probe.blockers import blockers
from loopviz.probe.job_stack import job_stack
from loopviz.probe.places import PLACES
from loopviz.probe.wait_graph import awaits
from loopviz.wire.control import (
    AwaitsReply,
    AwaitsRequest,
    BlockersReply,
    BlockersRequest,
    Message,
    StackReply,
    StackRequest,
)

__all__ = ["Answers"]


class Answers:
    """`answer` may be called on any thread, the loop blocked or not."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def turn_to(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Answer about this loop from now on; on its thread. None: there is none."""
        self._loop, self._thread = loop, threading.get_ident()

    def answer(self, message: Message) -> None:
        """Answer a request for a stack, awaits or blockers; other messages are not for it."""
        match message:
            case StackRequest(task=task):
                self._send(self._stack(task))
            case AwaitsRequest(tasks=tasks, others=others):
                self._send(self._awaits(tasks, others))
            case BlockersRequest():
                self._send(self._blockers())

    def _stack(self, task: int) -> StackReply:
        loop = self._loop
        try:
            frames = await_stack(loop, self._thread, task) if loop is not None else []
            if loop is not None and frames:
                frames += job_stack(loop, task)
        except Exception:  # noqa: BLE001 - whatever the app has for a task: control must go on
            frames = []
        return StackReply(task=task, frames=None if frames is None else tuple(frames))

    def _awaits(self, tasks: tuple[int, ...], others: bool) -> AwaitsReply:
        at_ns, loop = monotonic_ns(), self._loop
        try:
            found = () if loop is None else tuple(awaits(loop, PLACES, tasks, others=others))
        except Exception:  # noqa: BLE001
            found = ()
        return AwaitsReply(at_ns=at_ns, tasks=found)

    def _blockers(self) -> BlockersReply:
        loop = self._loop
        try:
            found = () if loop is None else tuple(blockers(loop, self._thread, PLACES))
        except Exception:  # noqa: BLE001
            found = ()
        return BlockersReply(blockers=found)
