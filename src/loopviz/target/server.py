"""uvicorn on a loop with the probe in it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from loopviz.errors import TargetError

__all__ = ["Server", "listen", "new_loop"]

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one. Raises TargetError."""
    try:
        return socket.create_server((HOST, port), backlog=2048)
    except OSError as error:
        raise TargetError(
            f"Port {port} on {HOST} cannot be used ({error.strerror}): "
            "choose another with --port, or leave --port away for a free one."
        ) from error


def new_loop() -> asyncio.AbstractEventLoop:
    """Asyncio's own loop, whatever policy the app may have set."""
    return asyncio.SelectorEventLoop()


class Server(uvicorn.Server):
    """Tells when the app is up, or why it did not come up."""

    def __init__(self, app: Any, started: Callable[[], None]) -> None:
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
                timeout_graceful_shutdown=1,
                backlog=2048,
            )
        )
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then says so. Raises TargetError if the app's lifespan failed."""
        await super().startup(sockets=sockets)
        if self.should_exit:
            raise TargetError("The app did not start: its lifespan raised; see the log.")
        self._started()
