"""The socket at which the loops of a program report, and the connections that they make."""

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

from loopviz.errors import MachineError
from loopviz.wire.control import Message, encode, messages
from loopviz.wire.unix_socket import bind

__all__ = ["Endpoint", "LoopConnection"]


class Endpoint:
    """Listens in a folder, whose path goes to the program."""

    def __init__(self, folder: Path) -> None:
        """Raises MachineError."""
        self.path = folder / "control"
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            bind(self._socket, self.path)
            self._socket.listen(64)
        except OSError as error:
            self._socket.close()
            raise MachineError(f"loopviz cannot listen at {self.path}", error) from error
        self._socket.setblocking(False)

    def accept(self) -> list["LoopConnection"]:
        """The connections made since the last call."""
        made = []
        with contextlib.suppress(BlockingIOError):
            while self._socket.fileno() >= 0:
                made.append(LoopConnection(self._socket.accept()[0]))
        return made

    def close(self) -> None:
        """No loop can report any more. Safe to call twice."""
        self._socket.close()
        self.path.unlink(missing_ok=True)


class LoopConnection:
    """A loop's connection: a `WorkerChannel` to a process that loopviz need not have started."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setblocking(False)
        self._buffer = b""
        self._over = False
        self._unread: list[Message] = []
        self.pid = 0
        """As the loop says."""

    def send(self, message: Message) -> None:
        """Send a message; it is dropped if the loop has gone or does not read."""
        with contextlib.suppress(OSError):
            self._socket.send(encode(message))

    def read(self) -> list[Message]:
        """The messages received since the last call. Does not block."""
        try:
            while data := self._socket.recv(1 << 16):
                self._buffer += data
            self._over = True
        except BlockingIOError:
            pass
        except OSError:
            self._over = True
        *lines, self._buffer = self._buffer.split(b"\n")
        unread, self._unread = self._unread, []
        return [*unread, *messages(lines)]

    def unread(self, messages: Sequence[Message]) -> None:
        """Let the next `read` return these first."""
        self._unread = [*messages]

    def how_it_ended(self) -> str:
        """The end of a sentence; empty while the loop is recorded."""
        return "has ended." if self._over else ""

    def leave(self) -> None:
        """Do nothing: nobody else's loop is ended from here."""

    def quit(self) -> None:
        """Do nothing: the program is asked to end, and its loops with it."""

    def reap(self, _timeout_s: float) -> None:
        """Close. The recording ends, if the loop still runs."""
        self._over = True
        self._socket.close()
