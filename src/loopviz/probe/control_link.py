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


class ControlLink:
    """The program's end of it; the other one is `engine.connection.LoopConnection`."""

    def __init__(self, control: Path) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._lock = threading.Lock()
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

        threading.Thread(target=run, name="loopviz control", daemon=True).start()

    def close(self) -> None:
        """End the connection; its thread ends, too."""
        with contextlib.suppress(OSError):  # loopviz has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def forget(self) -> None:
        """Close the descriptor in the child of a fork: the connection is the parent's."""
        self._socket.close()
