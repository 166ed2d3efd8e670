"""uvicorn on a loop with the probe in it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from loopviz.errors import TargetError

__all__ = ["Server", "listen", "new_loop"]

HOST = "127.0.0.1"
BACKLOG = 2048


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one. Raises TargetError."""
    # with the protocol named: else asyncio leaves Nagle's algorithm on, and every reply is 40 ms
    # late (`asyncio.base_events._set_nodelay` looks at `sock.proto`)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise TargetError(
            f"Port {port} on {HOST} cannot be used ({error.strerror}): "
            "choose another with --port, or leave --port away for a free one."
        ) from error
    return listener


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
                backlog=BACKLOG,
            )
        )
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then says so. Raises TargetError if the app's lifespan failed."""
        await super().startup(sockets=sockets)
        if self.should_exit:
            raise TargetError("The app did not start: its lifespan raised; see the log.")
        self._started()
