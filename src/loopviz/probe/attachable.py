"""Lets a loopviz attach to this process later: `LOOPVIZ=1`, for CPython below 3.14.

A thread waits at an abstract Unix socket that is named after the process, so no file is left
behind, and only the same user (or root) is listened to. Until somebody attaches, nothing else of
loopviz is imported.
"""

import contextlib
import os
import socket
import struct
import threading

__all__ = ["address", "begin"]

_CREDENTIALS = struct.Struct("3i")
_PATIENCE_S = 5.0
_LONGEST = 4096


def address(pid: int) -> str:
    """The name of the socket of that process."""
    return f"\0loopviz-{pid}"


def begin() -> None:
    """Wait for a loopviz from now on, also in the processes that this one forks."""
    os.register_at_fork(after_in_child=_listen)
    _listen()


def _listen() -> None:
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(address(os.getpid()))
        listening.listen(1)
    except OSError:  # no Linux, or it listens already
        listening.close()
        return
    threading.Thread(target=_follow, args=(listening,), name="loopviz door", daemon=True).start()


def _follow(listening: socket.socket) -> None:
    while True:
        asking, _ = listening.accept()
        with asking, contextlib.suppress(Exception):  # whoever asks wrongly gets no answer
            _answer(asking)


def _answer(asking: socket.socket) -> None:
    """Attach if the same user asks, with the path of a socket at which a loopviz listens."""
    asking.settimeout(_PATIENCE_S)
    told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    if uid not in (os.getuid(), 0):
        return
    control = asking.recv(_LONGEST).decode().rstrip("\n")
    from loopviz.probe.startup import attach  # noqa: PLC0415 - nobody may ever attach

    attach(control)
