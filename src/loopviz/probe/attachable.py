"""Lets a loopviz attach to this process later: for `LOOPVIZ=1`, and while a probe is installed.

CPython below 3.14 needs it. A thread waits at an abstract Unix socket that is named after the
process, so no file is left behind, and only the same user (or root) is listened to. Until somebody
attaches, nothing else of loopviz is imported.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Hashable
from importlib import import_module
from typing import ClassVar

from loopviz.probe import own_threads

__all__ = ["address", "begin", "end"]

_CREDENTIALS = struct.Struct("3i")
_PATIENCE_S = 5.0
_CLOSING_S = 0.1
_LONGEST = 4096


def address(pid: int) -> str:
    """The name of the socket of that process."""
    return f"\0loopviz-{pid}"


def begin(who: Hashable = "") -> None:
    """Wait for a loopviz from now on, also in the processes that this one forks.

    For `who`, until that calls `end`. Sets and dicts change at once, so there is no lock that could
    be held during a fork.
    """
    _Door.wanted_by.add(who)
    if _Door.now is None:
        _Door.open()


def end(who: Hashable = "") -> None:
    """Wait no longer, unless it is for somebody else."""
    _Door.wanted_by.discard(who)
    if not _Door.wanted_by and _Door.now is not None:
        door, _Door.now = _Door.now, None
        door.close()


class _Door:
    """A thread that waits at the socket of this process."""

    wanted_by: ClassVar[set[Hashable]] = set()
    follows_forks = False
    now: "_Door | None" = None
    """That of this process."""

    def __init__(self) -> None:
        """Raises OSError if this is no Linux or another one listens; RuntimeError: no thread."""
        self._pid = os.getpid()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(address(self._pid))
            self._socket.listen(1)
            self._ended = own_threads.start(self._follow)
        except (OSError, RuntimeError):
            self._socket.close()
            raise

    @classmethod
    def open(cls) -> None:
        """Once in a process, as far as the system permits it."""
        if not cls.follows_forks:
            cls.follows_forks = True
            os.register_at_fork(after_in_child=_after_fork)
        with contextlib.suppress(OSError, RuntimeError):  # the latter: it gives no more threads
            cls.now = cls()

    def close(self) -> None:
        """The socket may be that of the parent of a fork, which goes on listening."""
        if self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._ended.acquire(timeout=_CLOSING_S)
        self._socket.close()

    def _follow(self) -> None:
        while True:
            try:
                asking, _ = self._socket.accept()
            except OSError:  # it was closed
                return
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
    import_module("loopviz.probe.startup").attach(control)  # late: nobody may ever attach


def _after_fork() -> None:
    if _Door.now is not None:
        _Door.now.close()
        _Door.now = None
        _Door.open()
