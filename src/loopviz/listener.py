"""The listening socket of the app: opened by the terminal process, inherited by every worker."""

import socket

from loopviz.errors import TargetError

__all__ = ["BACKLOG", "HOST", "inherited", "listen"]

HOST = "127.0.0.1"
BACKLOG = 2048

# with the protocol named: else asyncio leaves Nagle's algorithm on, and every reply is 40 ms
# late (`asyncio.base_events._set_nodelay` looks at `sock.proto`)
_TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one. Raises TargetError."""
    listener = socket.socket(*_TCP)
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


def inherited(fd: int) -> socket.socket:
    """The socket that the parent has opened. Children of this process do not inherit it."""
    listener = socket.socket(*_TCP, fileno=fd)
    listener.set_inheritable(False)
    return listener
