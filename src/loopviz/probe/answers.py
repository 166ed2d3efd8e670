"""Answers about the tasks of a loop: where one is, and which tasks await which."""

import asyncio
import threading
from collections.abc import Callable

from loopviz.clock import monotonic_ns
from loopviz.probe.await_stack import await_stack
from loopviz.probe.places import PLACES
from loopviz.probe.wait_graph import awaits
from loopviz.wire.control import AwaitsReply, AwaitsRequest, Message, StackReply, StackRequest

__all__ = ["Answers"]


class Answers:
    """Made on the loop's thread; `answer` may be called on any, the loop blocked or not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[Message], None]) -> None:
        self._loop, self._send = loop, send
        self._thread = threading.get_ident()

    def answer(self, message: Message) -> None:
        """Answer a `StackRequest` or an `AwaitsRequest`; other messages are not for it."""
        match message:
            case StackRequest(task=task):
                self._send(self._stack(task))
            case AwaitsRequest(tasks=tasks, others=others):
                self._send(self._awaits(tasks, others))

    def _stack(self, task: int) -> StackReply:
        try:
            frames = await_stack(self._loop, self._thread, task)
        except Exception:  # noqa: BLE001 - whatever the app has for a task: control must go on
            frames = []
        return StackReply(task=task, frames=None if frames is None else tuple(frames))

    def _awaits(self, tasks: tuple[int, ...], others: bool) -> AwaitsReply:
        at_ns = monotonic_ns()
        try:
            found = tuple(awaits(self._loop, PLACES, tasks, others=others))
        except Exception:  # noqa: BLE001
            found = ()
        return AwaitsReply(at_ns=at_ns, tasks=found)
