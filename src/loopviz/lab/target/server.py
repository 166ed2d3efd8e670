"""uvicorn, on a loop that the probe watches."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from loopviz.errors import TargetError
from loopviz.listener import BACKLOG
from loopviz.shutdown import REQUESTS_S, RETIRED_REQUESTS_S, RETIRED_UNREAD_S

__all__ = ["Server", "new_loop"]

ACCEPTED_S = 0.2
"""How long a connection that was just accepted may take to be known to the server."""


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of asyncio itself, whatever policy the app has set."""
    return asyncio.SelectorEventLoop()


class Server(uvicorn.Server):
    """Calls `started` when the app is up, and raises the reason if it does not come up."""

    def __init__(
        self,
        app: Any,
        started: Callable[[], None],
        failures: Sequence[BaseException] = (),
        warm_up: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None,
    ) -> None:
        """`failures`: the exceptions of the app's lifespan. `warm_up` gets the lifespan's state."""
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                timeout_graceful_shutdown=REQUESTS_S,
                backlog=BACKLOG,
            )
        )
        self._started = started
        self._failures = failures
        self._warm_up = warm_up
        self._leaving = False

    def stop(self) -> None:
        """End."""
        self.should_exit = True

    def leave(self) -> None:
        """Accept no more connections, serve the accepted ones, then end: other workers go on."""
        self._leaving = self.should_exit = True
        self.config.timeout_graceful_shutdown = RETIRED_REQUESTS_S

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, then warm up and call `started`.

        Raises what the lifespan raised, or TargetError.
        """
        try:
            await super().startup(sockets=sockets)
        except SystemExit:  # newer versions' way to say that the lifespan failed
            self.should_exit = True
        if self._failures:
            raise self._failures[0]
        if self.should_exit:
            raise TargetError("The app did not start: its lifespan failed; see the log.")
        if self._warm_up is not None:
            await self._warm_up(self.lifespan.state)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, after a wait for requests not read yet: it closes their connections."""
        if self._leaving:
            for server in self.servers:
                server.close()
            await asyncio.sleep(ACCEPTED_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETIRED_UNREAD_S):
                    await self._until_all_are_read()
        await super().shutdown(sockets=sockets)

    async def _until_all_are_read(self) -> None:
        def is_unread(connection: object) -> bool:
            return isinstance(connection, HttpToolsProtocol) and connection.cycle is None

        while any(map(is_unread, self.server_state.connections)):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(ACCEPTED_S / 4)
