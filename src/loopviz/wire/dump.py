"""The dump file: stacks that the loop's thread wrote while C code held the GIL.

A first line of JSON tells whose code is whose (`user`, `library`: what file names start with).
Then come dumps as `faulthandler` writes them: a header line, and a line for each frame, innermost
first. A dump bears no time of its own; the file's does, to a few milliseconds.
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
"""A dump takes microseconds; the file's time is exact to a tick of the kernel."""


class Dump(NamedTuple):
    """What the loop's thread was doing at a moment of the monotonic clock."""

    at_ns: int
    frames: list[tuple[str, int, str]]
    """File, line, function; innermost first."""


def begin_dumps(path: Path, user: tuple[str, ...], library: tuple[str, ...]) -> int:
    """Make the dump file, private to the user. A descriptor that appends to it.

    It takes the place of an older one. Raises OSError, and leaves no file, if there is no room.
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
    """Follows a dump file, from within the process that writes it or from without."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, and ValueError for a file that is no dump file."""
        with path.open("rb") as file:
            line = file.readline(1 << 16)
        whose = json.loads(line)
        self.first = self._next = len(line)
        """Where the dumps begin."""
        self._fd = os.open(path, os.O_RDONLY)
        self.user, self.library = tuple(whose["user"]), tuple(whose["library"])

    def read(self, settled_ns: int = _SETTLED_NS) -> Dump | None:
        """The newest dump since the last read; None without one, or while it is being written."""
        about = os.fstat(self._fd)
        if about.st_size < self._next:
            self._next = self.first  # the writer has begun anew
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
    """What is not ASCII was written as a number."""
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)
