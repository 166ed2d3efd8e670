"""An asyncio loop with precise timers, which a burst of replies cannot delay.

On Linux asyncio rounds a wait up to the next millisecond, since that is epoll's unit: every
arrival would be sent 0.5 ms late on average, and every latency would be as much too long. And
when a stalled server recovers, a thousand replies arrive at once; read in a single iteration, they
would delay the arrivals that become due by half a second.
"""

import asyncio
import os
import select
import selectors
import sys

__all__ = ["new_loop"]

READY_MAX = 8
"""Most sockets served in an iteration, so that timers run between them."""

if sys.platform == "linux":

    class _PreciseSelector(selectors.EpollSelector):
        """Waits with a resolution of microseconds, and returns `READY_MAX` sockets at most."""

        def __init__(self) -> None:
            super().__init__()
            self._same = select.epoll.fromfd(os.dup(self.fileno()))

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Some that are ready; the others stay ready, and come first at the next call."""
            if timeout is None or timeout > 0:
                select.select([self], [], [], timeout)
            ready = []
            keys = self.get_map()
            for fd, event in self._same.poll(0, READY_MAX):
                if (key := keys.get(fd)) is not None:
                    read = selectors.EVENT_READ if event & ~select.EPOLLOUT else 0
                    write = selectors.EVENT_WRITE if event & ~select.EPOLLIN else 0
                    ready.append((key, (read | write) & key.events))
            return ready

        def close(self) -> None:
            super().close()
            self._same.close()

elif sys.platform == "win32":

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`: the default one on this platform."""
        return asyncio.new_event_loop()

else:

    class _PreciseSelector(selectors.DefaultSelector):
        """Returns `READY_MAX` sockets at most."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """The first that are ready; the others stay ready for the next call."""
            return super().select(timeout)[:READY_MAX]


if sys.platform != "win32":

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`."""
        return asyncio.SelectorEventLoop(_PreciseSelector())
