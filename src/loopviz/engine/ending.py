"""The end of a program that was asked to end, while it lasts and afterwards."""

import time
from pathlib import Path

from loopviz.engine.process import Process
from loopviz.engine.program_workers import ProgramWorkers
from loopviz.report.shutdown import Shutdown
from loopviz.shutdown import PROGRAM_AGAIN_S, PROGRAM_S

__all__ = ["Ending"]


class Ending:
    """SIGINT at once, a second one after `PROGRAM_AGAIN_S`, SIGKILL after `PROGRAM_S`.

    Call `follow` often, after the workers' messages have been read.
    """

    def __init__(self, name: str, process: Process, workers: ProgramWorkers) -> None:
        self._name, self._process, self._workers = name, process, workers
        self._began = time.monotonic()
        self._took_s = 0.0
        self._again = self._killed = False
        self._waited_for = self._last_reason = ""
        self.over = False
        """Whether the program has ended; its process may still have to be reaped."""
        self._interrupt()

    @property
    def passed_s(self) -> float:
        return self._took_s or time.monotonic() - self._began

    @property
    def shutdown(self) -> Shutdown:
        """How it went so far."""
        return Shutdown(round(self.passed_s, 3), self._again, self._killed, self._last_reason)

    def follow(self) -> None:
        """See whether it has ended, and what it waits for; go on to the next signal in time."""
        if self.over:
            return
        if self._process.code is not None and not self._workers.running:
            self._end()
            return
        self._waited_for = self._workers.waited_for() or self._left()
        if self.passed_s > PROGRAM_S:
            self.kill()
        elif self.passed_s > PROGRAM_AGAIN_S and not self._again:
            self._again, self._last_reason = True, self._waited_for
            self._interrupt()

    def kill(self) -> None:
        if not self.over:
            self._killed, self._last_reason = True, self._waited_for
            self._end()
            self._workers.kill()
            self._process.reap(0)

    def sentence(self) -> str:
        """What it waits for, while it lasts."""
        waits = f" Shutdown waits for {self._waited_for}." if self._waited_for else ""
        left_s = max(0.0, PROGRAM_S - self.passed_s)
        return f"SIGINT {self.passed_s:.0f} s ago, SIGKILL in {left_s:.0f} s (q: now).{waits}"

    def farewell(self) -> str:
        """One sentence if it took more than one SIGINT; else empty."""
        return self.shutdown.sentence(self._name) if self.over else ""

    def _interrupt(self) -> None:
        self._process.interrupt()
        self._workers.interrupt(self._process.pid)

    def _end(self) -> None:
        self._took_s, self.over = self.passed_s, True

    def _left(self) -> str:
        """What lives on once all loops have ended."""
        if self._workers.running or not self._workers.seen or self._process.code is not None:
            return ""
        try:
            threads = len(list(Path(f"/proc/{self._process.pid}/task").iterdir())) - 1
        except OSError:
            return ""
        others = f" ({threads} threads besides the main one run on)" if threads > 0 else ""
        return f"its process to end, whose loops have ended{others}"
