"""The process of a program."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from loopviz.engine.child import Guard, words_of_end
from loopviz.engine.output import Output
from loopviz.errors import UsageError

__all__ = ["Process"]


class Process:
    """A command in a session of its own; its children belong to its group."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], output: Output, guard: Guard
    ) -> None:
        """Start it; `output` takes what it writes. Raises UsageError if there is no such file."""
        self._guard, self.output = guard, output
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output.stdout,
                stderr=output.stderr,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(f"{command[0]} cannot be run ({error.strerror}).") from error
        finally:
            output.begin()
        guard.watch(self._process.pid, interrupt=True)

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
