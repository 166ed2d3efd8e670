"""Child processes: started with pipes, read without blocking, always ended."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopviz.engine import guard
from loopviz.engine.output import Output, OutputLog
from loopviz.errors import MachineError
from loopviz.shutdown import GUARD_S, ORPHANS_S
from loopviz.wire.control import Leave, Message, Quit, encode, messages

__all__ = ["Child", "Guard", "words_of_end"]


def words_of_end(code: int | None) -> str:
    """`was killed by SIGKILL`, `ended with exit code 3`; empty for None: it runs."""
    if code is None:
        return ""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


class Child:
    """`python -m MODULE` in a session of its own, with a control pipe and a pipe back.

    The module gets `--out-fd N` and `--run-dir PATH`; what it writes goes to a log there.
    """

    def __init__(
        self,
        module: str,
        folder: Path,
        guard: "Guard",
        *,
        keep: Sequence[int] = (),
        tmp: Path | None = None,
        written: OutputLog | None = None,
    ) -> None:
        """Start it with the descriptors `keep`; its temporary files go to `tmp`, or `folder`.

        `written` gets what it writes, too.
        Raises MachineError.
        """
        self.name = module.rpartition(".")[2]
        self.log = folder / f"{self.name}.log"
        self._buffer = b""
        self._guard, self._written = guard, written
        self._output: Output | None = None
        words = [sys.executable, "-P", "-m", module, "--run-dir", str(folder)]
        try:
            self._start(words, {**os.environ, "TMPDIR": str(tmp or folder)}, keep)
        except OSError as error:
            what = f"loopviz cannot start its {self.name} process with a log in {folder}"
            raise MachineError(what, error) from error
        guard.watch(self.process.pid)

    def _start(self, words: list[str], environment: dict[str, str], keep: Sequence[int]) -> None:
        self._out, out = os.pipe()
        try:
            with self._streams() as (stdout, stderr):
                self.process = subprocess.Popen(
                    [*words, "--out-fd", str(out)],
                    stdin=subprocess.PIPE,
                    env=environment,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=[out, *keep],
                    start_new_session=True,  # without our Ctrl-C; and its children die as a group
                )
            os.set_blocking(self._out, False)
        except OSError:
            os.close(self._out)
            raise
        finally:
            os.close(out)

    @contextlib.contextmanager
    def _streams(self) -> Iterator[tuple[int, int]]:
        """What the process has as standard output and standard error when it starts."""
        if self._written is None:
            with self.log.open("wb") as log:
                yield log.fileno(), log.fileno()
            return
        self._output = Output(self._written, self.log)
        try:
            yield self._output.stdout, self._output.stderr
        finally:
            self._output.begin()

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, message: Message) -> None:
        """Send a control message; it is dropped if the child is dead or was asked to end."""
        assert self.process.stdin is not None
        if self.process.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def read(self) -> list[Message]:
        """The messages received since the last call. Does not block."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._out, 1 << 16):
                self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        return list(messages(lines))

    def ended(self) -> str:
        """How it ended: `was killed by SIGKILL`, `ended with exit code 3`; empty while it runs."""
        return words_of_end(self.process.poll())

    def how_it_ended(self) -> str:
        """The same as the end of a sentence, with the last line of its log; empty while it runs."""
        how = self.ended()
        if not how:
            return ""
        words = self.last_words()
        return f"{how}. Its last words: {words[:200]}" if words else f"{how}."

    def last_words(self) -> str:
        """The last line of its log, empty if there is none."""
        if self._output is not None:
            self._output.wait(0.2)
        with contextlib.suppress(OSError):
            lines = self.log.read_text("utf-8", "replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def quit(self) -> None:
        """Ask it to end. `reap` makes sure that it does."""
        self.send(Quit())
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def leave(self) -> None:
        """Ask it to end once it has served the requests that it has accepted."""
        self.send(Leave())

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, kill it after the timeout, then kill the rest of its group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._guard.forget(self.process.pid)
        if self._out >= 0:
            os.close(self._out)
            self._out = -1
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Guard:
    """The guard process, see `loopviz.engine.guard`: it cleans up if this process is killed."""

    def __init__(self, folder: Path, terminal: Sequence[int] = ()) -> None:
        """Start it. `terminal`: its input and output descriptors, if a screen will be on it."""
        copies = [os.dup(fd) for fd in terminal]  # the guard has other files at 0 and 2
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *map(str, [ORPHANS_S, *copies])],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=copies,
                start_new_session=True,
            )
        finally:
            for fd in copies:
                os.close(fd)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self.send(f"folder {folder}")

    def watch(self, group: int, *, interrupt: bool = False) -> None:
        """`interrupt`: the group gets SIGINT first, since it does not notice our end."""
        self.send(f"{'program' if interrupt else 'group'} {group}")

    def forget(self, group: int) -> None:
        self.send(f"forget {group}")

    def send(self, line: str) -> None:
        """Send a line. It is dropped if the guard was killed, or has not read for a long time."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")  # short enough to be written whole

    def close(self) -> None:
        """End the guard, which removes the folder. Kills it if it does not end within `GUARD_S`."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(GUARD_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
