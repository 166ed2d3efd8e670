"""Server-sent events, as far as they must be read to be counted."""

__all__ = ["Events"]


class Events:
    """Counts the events of a stream: a blank line ends one, if it has data."""

    def __init__(self) -> None:
        self._line = b""
        """The line that has not ended yet."""
        self._has_data = False

    def feed(self, data: bytes) -> int:
        """How many events end in it. A comment, by which a server keeps a stream alive, is none."""
        text = (self._line + data).replace(b"\r\n", b"\n")
        cut = b""
        if text.endswith(b"\r"):  # whether a line feed follows is not known yet
            text, cut = text[:-1], b"\r"
        *lines, last = text.replace(b"\r", b"\n").split(b"\n")
        self._line = last + cut
        ended = 0
        for line in lines:
            if not line:
                ended += self._has_data
                self._has_data = False
            elif line.partition(b":")[0] == b"data":
                self._has_data = True
        return ended
