"""The listening socket of the app: opened by the terminal process, inherited by every worker."""

import socket

from loopviz.errors import TargetError

__all__ = ["BACKLOG", "HOST", "inherited", "listen"]

HOST = "127.0.0.1"
BACKLOG = 2048

# The protocol is explicit: otherwise asyncio leaves Nagle's algorithm on, and every reply is 40 ms
# late (`asyncio.base_events._set_nodelay` checks `sock.proto`).
_TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0: any free one. Raises TargetError."""
    listener = socket.socket(*_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise TargetError(
            f"Cannot bind port {port} on {HOST} ({error.strerror}): "
            "choose another with --port, or omit --port to use a free one."
        ) from error
    return listener


def inherited(fd: int) -> socket.socket:
    """The listening socket that the parent opened. This process's children do not inherit it."""
    listener = socket.socket(*_TCP, fileno=fd)
    listener.set_inheritable(False)
    return listener
