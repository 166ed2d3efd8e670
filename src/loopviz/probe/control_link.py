"""A watched loop's connection to loopviz."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from loopviz.probe.answers import Answers
from loopviz.wire.control import Message, encode, messages
from loopviz.wire.unix_socket import connect

__all__ = ["ControlLink"]

_JOIN_S = 0.1


class ControlLink:
    """The program's end of it; the other one is `engine.connection.LoopConnection`."""

    def __init__(self, control: Path) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        try:
            connect(self._socket, control)
        except BaseException:
            self._socket.close()
            raise

    def send(self, message: Message) -> None:
        """Send, on any thread; dropped if loopviz has gone."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(encode(message))

    def follow(self, answers: Answers, gone: Callable[[], None]) -> None:
        """Answer in a thread of its own; call `gone` once loopviz has ended."""

        def run() -> None:
            with (
                contextlib.suppress(OSError, ValueError),  # reset, or closed here
                self._socket.makefile("rb") as lines,
            ):
                for message in messages(lines):
                    answers.answer(message)
            gone()

        self._thread = threading.Thread(target=run, name="loopviz control", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait a moment for the end of its thread, once it is closed."""
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def close(self) -> None:
        """End the connection; its thread ends, too."""
        with contextlib.suppress(OSError):  # loopviz has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def forget(self) -> None:
        """Close the descriptor in the child of a fork: the connection is the parent's."""
        self._socket.close()
