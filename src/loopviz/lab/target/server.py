"""uvicorn on a loop with the probe in it."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from loopviz.errors import TargetError
from loopviz.listener import BACKLOG
from loopviz.shutdown import REQUESTS_S, RETIRED_REQUESTS_S

__all__ = ["Server", "new_loop"]

ACCEPTED_S = 0.2
"""How long the requests of connections just accepted may take to be read."""


def new_loop() -> asyncio.AbstractEventLoop:
    """Asyncio's own loop, whatever policy the app may have set."""
    return asyncio.SelectorEventLoop()


class Server(uvicorn.Server):
    """Tells when the app is up, or why it did not come up."""

    def __init__(
        self, app: Any, started: Callable[[], None], failures: Sequence[BaseException] = ()
    ) -> None:
        """`failures`: what the app's lifespan has raised, if it did."""
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
        self._leaving = False

    def leave(self) -> None:
        """Accept no more, serve what was accepted, then end: other workers go on."""
        self._leaving = self.should_exit = True
        self.config.timeout_graceful_shutdown = RETIRED_REQUESTS_S

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then says so. Raises what the app's lifespan raised, or TargetError."""
        try:
            await super().startup(sockets=sockets)
        except SystemExit:  # newer versions' way to say that the lifespan failed
            self.should_exit = True
        if self._failures:
            raise self._failures[0]
        if self.should_exit:
            raise TargetError("The app did not start: its lifespan failed; see the log.")
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; it closes connections whose request it has not read yet."""
        if self._leaving:
            for server in self.servers:
                server.close()
            await asyncio.sleep(ACCEPTED_S)
        await super().shutdown(sockets=sockets)
