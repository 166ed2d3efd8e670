"""An asyncio loop with precise timers, which a burst of replies cannot delay.

On Linux asyncio rounds a wait up to the next millisecond, since that is epoll's unit: every
arrival would be sent 0.5 ms late on average, and every latency would be as much too long. And
when a stalled server recovers, a thousand replies arrive at once; read in a single iteration, they
would delay the arrivals that become due by half a second. So they are read a few at a time, and
the loop knows when each of them came: how long it lay unread is not the server's latency.
"""

import asyncio
import contextlib
import os
import select
import selectors
import sys
from collections.abc import Callable
from typing import Any

from loopviz.clock import monotonic_ns

__all__ = ["READY_MAX", "idle_clock", "new_loop", "readable_since"]

READY_MAX = 8
"""Most sockets served in an iteration, so that timers run between them."""

if sys.platform == "linux":

    class _PreciseSelector(selectors.EpollSelector):
        """Waits with a resolution of microseconds, and returns `READY_MAX` sockets at most.

        A second epoll, an edge-triggered one, tells of what arrives, and of that alone: to ask the
        first one for all that is unread would cost the more the more there is.
        """

        def __init__(self) -> None:
            super().__init__()
            self._same = select.epoll.fromfd(os.dup(self.fileno()))
            self._edges = select.epoll()
            self.came: dict[int, int] = {}
            """When the newest data came that has not been read, by descriptor."""
            self.idle_ns = 0

        def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
            """As ever; data that comes to it is noted, too."""
            key = super().register(fileobj, events, data)
            if events & selectors.EVENT_READ:
                self._edges.register(key.fd, select.EPOLLIN | select.EPOLLET)
            return key

        def unregister(self, fileobj: Any) -> selectors.SelectorKey:
            """As ever."""
            key = super().unregister(fileobj)
            self.came.pop(key.fd, None)
            with contextlib.suppress(OSError):  # it was not registered for reading, or is closed
                self._edges.unregister(key.fd)
            return key

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Some that are ready; the others stay ready, and come first at the next call."""
            if timeout is None or timeout > 0:
                began_ns = monotonic_ns()
                select.select([self], [], [], timeout)
                self.idle_ns += monotonic_ns() - began_ns
            if arrived := self._edges.poll(0):
                now_ns = monotonic_ns()
                for fd, _ in arrived:
                    self.came[fd] = now_ns
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
            self._edges.close()

elif sys.platform == "win32":

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`: the default one on this platform."""
        return asyncio.new_event_loop()

else:

    class _PreciseSelector(selectors.DefaultSelector):
        """Returns `READY_MAX` sockets at most."""

        def __init__(self) -> None:
            super().__init__()
            self.came: dict[int, int] = {}
            """Empty: when data came is not known here."""
            self.idle_ns = 0

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """The first that are ready; the others stay ready for the next call."""
            began_ns = monotonic_ns()
            ready = super().select(timeout)
            self.idle_ns += monotonic_ns() - began_ns
            return ready[:READY_MAX]


if sys.platform != "win32":

    class _PreciseLoop(asyncio.SelectorEventLoop):
        def __init__(self) -> None:
            self.selector = _PreciseSelector()
            super().__init__(self.selector)

    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop for `asyncio.Runner`."""
        return _PreciseLoop()


def readable_since(loop: asyncio.AbstractEventLoop) -> Callable[[int], int]:
    """Tells when the data came that a socket with that descriptor is being read for.

    Where the loop does not know, it is now.
    """
    came: dict[int, int] = getattr(getattr(loop, "selector", None), "came", {})
    return lambda fd: came.pop(fd, 0) or monotonic_ns()


def idle_clock(loop: asyncio.AbstractEventLoop) -> Callable[[], int] | None:
    """Tells how many nanoseconds the loop has had nothing to do; None: it does not know."""
    selector = getattr(loop, "selector", None)
    return None if selector is None else lambda: selector.idle_ns
