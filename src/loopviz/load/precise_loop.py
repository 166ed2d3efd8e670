"""An asyncio loop whose timers are as fine as the system's.

On Linux asyncio rounds a wait up to the next millisecond, since that is epoll's unit: every
arrival would be sent 0.5 ms late on average, and every latency would be as much too long.
"""

import asyncio
import select
import selectors
import sys

__all__ = ["new_loop"]

if sys.platform == "linux":

    class _PreciseSelector(selectors.EpollSelector):
        """Waits by select(2), on epoll's own descriptor: microseconds, at 1 system call more."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and timeout > 0:
                select.select([self], [], [], timeout)
                timeout = 0
            return super().select(timeout)

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`."""
        return asyncio.SelectorEventLoop(_PreciseSelector())

else:

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`; where there is no epoll, the usual one is precise."""
        return asyncio.new_event_loop()
