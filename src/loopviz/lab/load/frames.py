"""WebSocket frames (RFC 6455), as a client sends and receives them, without extensions.

None of the packages that loopviz needs has them: uvicorn takes `websockets` or `wsproto` if the
user's environment has one, and loopviz may not count on that. A client that sends and counts whole
messages needs a small part of the protocol.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "Frames", "SocketMessage", "frame"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80


class SocketMessage(NamedTuple):
    """A frame; of a message in several frames, the last one, with all of the content."""

    kind: int
    content: bytes


def frame(kind: int, content: bytes = b"") -> bytes:
    """A whole message or a control frame, masked with random bytes, as a client must."""
    size = len(content)
    head = bytes((_FINAL | kind,))
    if size < 126:
        head += bytes((_MASKED | size,))
    elif size < 1 << 16:
        head += bytes((_MASKED | 126,)) + size.to_bytes(2)
    else:
        head += bytes((_MASKED | 127,)) + size.to_bytes(8)
    mask = os.urandom(4)
    covered = int.from_bytes(content) ^ int.from_bytes((mask * (size // 4 + 1))[:size])
    return head + mask + covered.to_bytes(size)


class Frames:
    """Reads the frames of a server."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._begun = b""
        """Of a message in several frames, what has come so far …"""
        self._kind = 0
        """… and its kind; 0: none has begun."""

    def feed(self, data: bytes) -> Iterator[SocketMessage]:
        """The control frames and whole messages that are complete. Raises ValueError."""
        self._data += data
        while (found := self._next()) is not None:
            final, kind, content = found
            if kind >= CLOSE:
                yield SocketMessage(kind, content)
                continue
            if (kind == CONTINUATION) != bool(self._kind):
                raise ValueError("a message begins within another one, or goes on without one")
            self._kind, self._begun = self._kind or kind, self._begun + content
            if final:
                message = SocketMessage(self._kind, self._begun)
                self._kind, self._begun = 0, b""
                yield message

    def _next(self) -> tuple[bool, int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        if data[0] & 0x70 or data[1] & _MASKED:
            raise ValueError("a server's frame has no mask, and no extension was agreed on")
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start])
        if len(data) < start + size:
            return None
        final, kind, content = (
            bool(data[0] & _FINAL),
            data[0] & 0x0F,
            bytes(data[start : start + size]),
        )
        del data[: start + size]
        return final, kind, content
