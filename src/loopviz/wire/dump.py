"""The dump file: stacks that the loop's thread wrote while C code held the GIL.

The first line is JSON: prefixes of the file names of `user` and `library` code. Dumps follow as
`faulthandler` writes them: a header line, then a line for each frame, innermost first. A dump has
no time of its own; the file's modification time gives it, to a few milliseconds.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from loopviz.clock import MS, monotonic_ns, wall_ns

__all__ = ["DUMP_FILE", "Dump", "DumpReader", "begin_dumps"]

DUMP_FILE = "gil.dump"
_HEADER = b"Stack (most recent call first):\n"
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_SETTLED_NS = 10 * MS
"""Age at which a dump is complete: it takes microseconds; file times are exact to a kernel tick."""


class Dump(NamedTuple):
    """The stack of the loop's thread at a moment of the monotonic clock."""

    at_ns: int
    frames: list[tuple[str, int, str]]
    """File, line, function; innermost first."""


def begin_dumps(path: Path, user: tuple[str, ...], library: tuple[str, ...]) -> int:
    """Create the dump file, mode 0600. Returns a descriptor that appends to it.

    An older file is replaced. Raises OSError, and leaves no file, if there is no room.
    """
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(json.dumps({"user": user, "library": library}).encode() + b"\n")
    except OSError:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise
    return fd


class DumpReader:
    """Follows a dump file, in the process that writes it or in another one."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises FileNotFoundError, or ValueError if it is not a dump file."""
        with path.open("rb") as file:
            line = file.readline(1 << 16)
        whose = json.loads(line)
        self.first = self._next = len(line)
        """Offset of the first dump, in bytes."""
        self._fd = os.open(path, os.O_RDONLY)
        self.user, self.library = tuple(whose["user"]), tuple(whose["library"])

    def read(self, settled_ns: int = _SETTLED_NS) -> Dump | None:
        """The newest dump since the last read; None without one, or while it is being written."""
        about = os.fstat(self._fd)
        if about.st_size < self._next:
            self._next = self.first  # the writer has truncated the file
        now = wall_ns()
        if about.st_size == self._next or now - about.st_mtime_ns < settled_ns:
            return None
        raw = os.pread(self._fd, about.st_size - self._next, self._next)
        self._next += len(raw)
        newest = raw.rpartition(_HEADER)[2].decode("ascii", "replace")
        frames = [
            (_unescaped(found[1]), int(found[2]), _unescaped(found[3]))
            for line in newest.splitlines()
            if (found := _FRAME.fullmatch(line))
        ]
        return Dump(monotonic_ns() - now + about.st_mtime_ns, frames) if frames else None

    def close(self) -> None:
        os.close(self._fd)


def _unescaped(text: str) -> str:
    """Decode the numeric escapes of characters outside ASCII."""
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)
