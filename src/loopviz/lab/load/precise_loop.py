"""An asyncio loop with precise timers, which a burst of replies cannot delay.

On Linux asyncio rounds a wait up to the next millisecond, since that is epoll's unit: every
arrival would be sent 0.5 ms late on average, and every latency would be as much too long. And
when a stalled server recovers, a thousand replies arrive at once; read in a single iteration, they
would delay the arrivals that become due by half a second.
"""

import asyncio
import select
import selectors
import sys

__all__ = ["new_loop"]

READY_MAX = 8
"""Most sockets served in an iteration, so that timers run between them."""

if sys.platform == "win32":

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`: the default one on this platform."""
        return asyncio.new_event_loop()

else:

    class _PreciseSelector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """The first `READY_MAX` that are ready; the others stay ready for the next call."""
            if sys.platform == "linux" and timeout is not None and timeout > 0:
                select.select([self], [], [], timeout)  # on epoll's own descriptor: microseconds
                timeout = 0
            return super().select(timeout)[:READY_MAX]

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`."""
        return asyncio.SelectorEventLoop(_PreciseSelector())
