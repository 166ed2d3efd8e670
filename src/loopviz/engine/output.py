"""What the app's processes write on standard output and standard error."""

import contextlib
import os
import re
import selectors
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loopviz.clock import SECOND, monotonic_ns
from loopviz.output import clean

__all__ = ["LINES", "NOTHING", "WIDTH", "Output", "OutputLine", "OutputLog", "Written"]

KEPT = 4 << 20
"""Bytes of output that are kept on disk at most, and as many of those before."""
LINES, WIDTH = 2000, 2000
"""How many lines are at hand, and how many bytes of each."""
SEARCHED = 200
"""In so many of the newest lines a log record is looked for, which most apps also write."""
NEAR_NS = 1 * SECOND
"""A line that was written so much earlier or later has nothing to do with it."""
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
SIZE = 1 << 20
"""Bytes of all lines that are at hand, at most."""


class OutputLine(NamedTuple):
    """A line, as it was written."""

    at_ns: int
    """When loopviz read it: Python passes on what `print` writes when its buffer is full."""
    raw: bytes
    is_error: bool = False
    """It was written on standard error."""
    said: str = ""
    """`mark` or `log`: it was not written, but is a `loopviz.mark` or a log record; else empty."""

    @property
    def text(self) -> str:
        """As a terminal shows it in the end, but without colours and unsafe characters."""
        whole = self.raw.decode("utf-8", "replace").rstrip()
        return clean(_COLOURS.sub("", whole.rpartition("\r")[2]))


class Written(NamedTuple):
    """What a run's processes have written, as far as it is at hand."""

    began_ns: int
    """When the run began."""
    lines: tuple[OutputLine, ...] = ()
    forgotten: int = 0
    """How many lines there were before those."""


NOTHING = Written(0)


def _words(*lines: bytes) -> bytes:
    """The lines as one, as a log record's message of several lines has become one."""
    return b" ".join(word for line in lines for word in line.split())


class OutputLog:
    """The newest lines of a run. Several threads add to it, one reads."""

    def __init__(self) -> None:
        self._began_ns = monotonic_ns()
        self._lines: deque[OutputLine] = deque()
        self._size = self._forgotten = 0
        self._lock = threading.Lock()

    def add(self, raw: Sequence[bytes], *, is_error: bool = False) -> None:
        """Lines that have come just now, without their ends."""
        at_ns = monotonic_ns()
        with self._lock:
            self._forgotten += max(0, len(raw) - LINES)
            for line in raw[-LINES:]:
                self._lines.append(OutputLine(at_ns, line[:WIDTH], is_error))
                self._size += len(line[:WIDTH])
            self._trim()

    def _trim(self) -> None:
        while len(self._lines) > LINES or self._size > SIZE:
            self._size -= len(self._lines.popleft().raw)
            self._forgotten += 1

    def note(self, at_ns: int, text: str, said: str, written: str = "") -> None:
        """A mark or a log record, in its place by time, unless a recent line has `written`."""
        with self._lock:
            newest = [line for line, _ in zip(reversed(self._lines), range(SEARCHED), strict=False)]
            near = [line for line in newest if abs(line.at_ns - at_ns) < NEAR_NS and not line.said]
            if written and _words(written.encode()) in _words(*(line.raw for line in near[::-1])):
                return
            later = sum(line.at_ns > at_ns for line in newest)
            place = len(self._lines) - later
            self._lines.insert(place, OutputLine(at_ns, text.encode()[:WIDTH], said=said))
            self._size += len(self._lines[place].raw)
            self._trim()

    def written(self) -> Written:
        with self._lock:
            return Written(self._began_ns, tuple(self._lines), self._forgotten)

    def tail(self, count: int) -> list[str]:
        """The last written lines that are not empty."""
        found: list[str] = []
        for line in reversed(self.written().lines):
            if len(found) == count:
                break
            if not line.said and (text := line.text):
                found.append(text)
        return found[::-1]


class Output:
    """Takes what a process writes, in a thread, so that it never waits for the screen.

    Start the process with `stdout` and `stderr`, then call `begin`, whether or not it has started.
    """

    def __init__(self, log: OutputLog, file: Path) -> None:
        """`file` gets all of it, too, as far as there is room. Raises OSError."""
        self._log, self._file = log, file
        self._written = 0
        self._out, self.stdout = os.pipe()
        try:
            self._err, self.stderr = os.pipe()
        except OSError:
            os.close(self._out)
            os.close(self.stdout)
            raise
        self._thread = threading.Thread(target=self._follow, name="output", daemon=True)

    def begin(self) -> None:
        """Leave the pipes' other ends to the process, and read."""
        os.close(self.stdout)
        os.close(self.stderr)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for what was written before the end of the process."""
        self._thread.join(timeout_s)

    def _follow(self) -> None:
        parts = {self._out: b"", self._err: b""}
        with selectors.DefaultSelector() as selector:
            for descriptor in parts:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, 1 << 16)
                    self._keep(data)
                    *lines, part = (parts[key.fd] + data).split(b"\n")
                    if not data:
                        lines, part = [part] if part else [], b""
                        selector.unregister(key.fd)
                    self._log.add(lines, is_error=key.fd == self._err)
                    parts[key.fd] = part[:WIDTH]
        for descriptor in parts:
            os.close(descriptor)

    def _keep(self, data: bytes) -> None:
        """Append to the file; a full one becomes the one before."""
        with contextlib.suppress(OSError):  # the disk is full, or the folder is gone
            if self._written >= KEPT:
                os.replace(self._file, f"{self._file}.1")  # noqa: PTH105
                self._written = 0
            with self._file.open("ab") as file:
                self._written += file.write(data)
