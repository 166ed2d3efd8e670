"""The process of a program, and what it says."""

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from loopviz.engine.child import Guard, words_of_end
from loopviz.errors import UsageError
from loopviz.output import clean

__all__ = ["LINES", "Output", "Process"]

KEPT = 4 << 20
"""Bytes of output that are kept on disk at most, and as many of those before."""
LINES, WIDTH = 200, 2000
"""The newest lines, which are at hand."""


class Output:
    """Takes what a program writes, in a thread, so that it never waits for the screen."""

    def __init__(self, file: Path, descriptor: int) -> None:
        self._file, self._descriptor = file, descriptor
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._part = b""
        self._written = 0
        self._thread = threading.Thread(target=self._follow, name="output", daemon=True)
        self._thread.start()

    def tail(self, count: int) -> list[str]:
        """The last lines that are not empty, without escape sequences."""
        lines = [*tuple(self._lines), self._part]
        texts = (clean(line.decode("utf-8", "replace")).rstrip() for line in lines)
        return [text for text in texts if text][-count:]

    def wait(self, timeout_s: float) -> None:
        """Wait for what has been written before the end of the program."""
        self._thread.join(timeout_s)

    def _follow(self) -> None:
        with contextlib.suppress(OSError), open(self._descriptor, "rb", 0) as pipe:
            while data := pipe.read(1 << 16):
                self._keep(data)
                *lines, part = (self._part + data).split(b"\n")
                self._lines.extend(line[:WIDTH] for line in lines)
                self._part = part[:WIDTH]

    def _keep(self, data: bytes) -> None:
        """Append to the file; a full one becomes the one before."""
        with contextlib.suppress(OSError):  # the disk is full, or the folder is gone
            if self._written >= KEPT:
                os.replace(self._file, f"{self._file}.1")  # noqa: PTH105
                self._written = 0
            with self._file.open("ab") as file:
                self._written += file.write(data)


class Process:
    """A command in a session of its own; its children belong to its group."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], output: Path, guard: Guard
    ) -> None:
        """Start it. Raises UsageError if there is no such command."""
        self._guard = guard
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise UsageError(f"{command[0]} cannot be run ({error.strerror}).") from error
        finally:
            os.close(writing)
        guard.watch(self._process.pid, interrupt=True)
        self.output = Output(output, reading)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, negative for a signal."""
        return self._process.poll()

    def how_it_ended(self) -> str:
        """`ended with exit code 3`; empty while it runs."""
        return words_of_end(self.code)

    def interrupt(self) -> None:
        """What Ctrl-C in its terminal does: SIGINT to its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGINT)

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, kill it after the timeout, then kill the rest of its group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._guard.forget(self._process.pid)
