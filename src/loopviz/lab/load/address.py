"""Where the load goes: to the target, on this machine, and nowhere else."""

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from loopviz.errors import LoopvizError

__all__ = ["HOST", "Address", "address_of", "connect"]

HOST = "127.0.0.1"

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Address(NamedTuple):
    """The target's address."""

    port: int
    netloc: bytes
    """`127.0.0.1:8000`, as requests name it."""


def address_of(url: str) -> Address:
    """The address. Raises LoopvizError unless it is `http://127.0.0.1:PORT`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise LoopvizError(f"The load cannot be sent to {url!r}: {error}.") from error
    if parts.scheme != "http" or host != HOST or parts.username is not None:
        raise LoopvizError(f"The load is sent to http://{HOST} only, not to {url!r}.")
    return Address(port or 80, parts.netloc.encode())


async def connect(address: Address, protocol: Callable[[], AnyProtocol]) -> AnyProtocol:
    """A new connection. Raises OSError."""
    loop, door = asyncio.get_running_loop(), socket.socket()
    try:
        door.setblocking(False)
        await loop.sock_connect(door, (HOST, address.port))
        _, made = await loop.create_connection(protocol, sock=door)
    except BaseException:
        door.close()
        raise
    return made
