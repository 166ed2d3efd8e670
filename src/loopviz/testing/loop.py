"""An event loop on virtual time: it never waits, and all durations are exact."""

import asyncio
import selectors
import threading
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, SupportsIndex, TypeVar

from loopviz.testing.clock import VirtualClock

__all__ = ["VirtualLoop"]

_PATIENCE_S = 5.0
"""Seconds to wait for a socket or thread when no timer is set."""
_T = TypeVar("_T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, except that it does not wait for timers: `clock` jumps to the next one.

    Within its `with` block `time.sleep` takes virtual time on the loop's thread, so a coroutine
    that blocks for 80 ms blocks for exactly that. Sockets and threads work, and take no time. The
    end of the block cancels the remaining tasks and closes the loop:

        with VirtualLoop() as loop:
            loop.run(main())
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        super().__init__(_VirtualSelector(self.clock))
        self._clock_resolution = 1e-9  # asyncio has set that of the real clock

    def time(self) -> float:
        """The clock's time in seconds."""
        return self.clock() / 1e9

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Runs the coroutine to its end and returns its result."""
        return self.run_until_complete(main)

    def __enter__(self) -> Self:
        self._real_sleep = time.sleep
        self._thread = threading.get_ident()
        time.sleep = self._sleep
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if not self.is_closed():
                self.run(self._cancel_all())
                self.run(self.shutdown_asyncgens())
                self.run(self.shutdown_default_executor())
        finally:
            time.sleep = self._real_sleep
            self.close()

    def _sleep(self, seconds: float | SupportsIndex) -> None:
        """Replaces `time.sleep`."""
        if threading.get_ident() == self._thread:
            self.clock.advance(round(float(seconds) * 1e9))
        else:
            self._real_sleep(seconds)

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _VirtualSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type,unused-ignore]
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Returns ready events; else jumps to the next timer, or waits if there is none."""
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is not None:
            self._clock.advance(round(max(timeout, 0) * 1e9))
            return events
        events = super().select(_PATIENCE_S)
        if not events:
            raise RuntimeError(
                f"no timer is set, and no socket or thread was ready for {_PATIENCE_S:g} s: "
                "await something that will happen."
            )
        return events
