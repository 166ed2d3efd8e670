"""Unix sockets in folders with long names: an address has room for 108 bytes only."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["bind", "connect", "send"]

_ROOM = 100


def bind(unix: socket.socket, path: Path) -> None:
    """Bind it to that path. Raises OSError."""
    with _short(path) as name:
        unix.bind(name)


def connect(unix: socket.socket, path: Path) -> None:
    """Connect it to the socket at that path. Raises OSError."""
    with _short(path) as name:
        unix.connect(name)


def send(path: Path, data: bytes) -> None:
    """Send that to the socket at that path, on a connection of its own.

    Dropped if the other end closes meanwhile. Raises OSError if nobody listens.
    """
    with socket.socket(socket.AF_UNIX) as unix:
        connect(unix, path)
        with suppress(OSError):
            unix.sendall(data)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of the path that fits; where the kernel knows no shorter one, the path itself."""
    if len(os.fsencode(path)) <= _ROOM or sys.platform != "linux":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
