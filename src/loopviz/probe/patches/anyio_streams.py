"""anyio's memory object streams. The resource is the state that both ends share."""

import sys
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, resource_of
from loopviz.probe.patches.wrappers import always, makes_own, wait_if, wait_over
from loopviz.probe.recorder import ResourceDescription, current
from loopviz.wire import kinds
from loopviz.wire.events import WAIT_GET, WAIT_PUT

__all__ = ["ADAPTER"]


def _streams(module: ModuleType) -> list[Patch]:
    """Patches of `anyio.streams.memory`."""
    state, blocked = module._MemoryObjectStreamState, module.WouldBlock
    send, receive = module.MemoryObjectSendStream, module.MemoryObjectReceiveStream
    describes(
        state,
        lambda state, seen: ResourceDescription(
            kinds.ANYIO_STREAM, capacity=state.max_buffer_size, seen=seen
        ),
    )
    return [
        Patch(state, "__init__", makes_own),
        Patch(send, "send", _later(WAIT_PUT)),
        Patch(send, "send_nowait", _at_once(send.send, blocked, WAIT_PUT)),
        Patch(receive, "receive", _later(WAIT_GET)),
        Patch(receive, "receive_nowait", _at_once(receive.receive, blocked, WAIT_GET)),
    ]


def _at_once(coroutine: Any, blocked: type[BaseException], direction: int) -> Any:
    """Wrap a `nowait`: record the size; if the coroutine calls it and it would block, a wait."""
    code = coroutine.__code__

    def of(original: Any) -> Any:
        def move(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                result = original(self, *args, **kwargs)
            except blocked:
                recorder = current()
                if recorder is not None and sys._getframe(1).f_code is code:
                    wait_if(recorder, always, self._state, direction=direction)
                raise
            recorder = current()
            if recorder is not None:
                try:
                    resource, items = resource_of(self._state), len(self._state.buffer)
                    if resource is not None and resource.in_use != items:  # not handed over
                        recorder.queue_size(resource, items)
                except Exception as error:  # noqa: BLE001 - the app must go on
                    recorder.fail("queue_size", error)
            return result

        return move

    return of


def _later(direction: int) -> Any:
    """Wrap a coroutine function: record the end of the wait that its `nowait` began."""

    def of(original: Any) -> Any:
        async def move(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder = current()
            if recorder is None:
                return await original(self, *args, **kwargs)
            task_id = recorder.task()
            try:
                return await original(self, *args, **kwargs)
            finally:
                if recorder.waits(task_id):
                    wait_over(recorder, self._state, direction, task_id)

        return move

    return of


ADAPTER = Adapter(modules={"anyio.streams.memory": _streams}, paths=(("_state",),))
