"""The end of a program that was asked to end, while it lasts and afterwards."""

import time
from pathlib import Path

from loopviz.engine.process import Process
from loopviz.engine.program_workers import ProgramWorkers
from loopviz.report.shutdown import Shutdown
from loopviz.shutdown import LOOPLESS_AGAIN_S, LOOPLESS_S, PROGRAM_AGAIN_S, PROGRAM_S

__all__ = ["Ending"]


class Ending:
    """SIGINT at once, a second one after `PROGRAM_AGAIN_S`, SIGKILL after `PROGRAM_S`.

    These count from SIGINT, or from when none of its loops was open: then the end has come further.
    It does not last longer than `LOOPLESS_S`.

    Call `follow` often, after the workers' messages have been read.
    """

    def __init__(self, name: str, process: Process, workers: ProgramWorkers) -> None:
        self._name, self._process, self._workers = name, process, workers
        self._began = time.monotonic()
        self._took_s = self._loopless_s = 0.0
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
        if self._workers.seen and not self._workers.open:
            self._loopless_s = self.passed_s
        self._waited_for = self._workers.waited_for() or self._left()
        if self._left_s(PROGRAM_S, LOOPLESS_S) < 0:
            self.kill()
        elif self._left_s(PROGRAM_AGAIN_S, LOOPLESS_AGAIN_S) < 0 and not self._again:
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
        left_s = max(0.0, self._left_s(PROGRAM_S, LOOPLESS_S))
        return f"SIGINT {self.passed_s:.0f} s ago, SIGKILL in {left_s:.0f} s (q: now).{waits}"

    def farewell(self) -> str:
        """One sentence if it took more than one SIGINT; else empty."""
        return self.shutdown.sentence(self._name) if self.over else ""

    def _interrupt(self) -> None:
        self._process.interrupt()
        self._workers.interrupt(self._process.pid)

    def _left_s(self, limit_s: float, loopless_s: float) -> float:
        """How much is left of the first limit, and of the second while no loop is open."""
        is_open = self._workers.open or not self._workers.seen
        until_s = min(self._loopless_s + limit_s, loopless_s) if is_open else loopless_s
        return until_s - self.passed_s

    def _end(self) -> None:
        self._took_s, self.over = self.passed_s, True

    def _left(self) -> str:
        """What lives on once all loops have ended."""
        if self._workers.open or not self._workers.seen or self._process.code is not None:
            return ""
        try:
            there = len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))
        except OSError:
            return ""
        threads = there - 1 - self._workers.threads_of(self._process.pid)
        run = (
            "thread besides the main one runs"
            if threads == 1
            else "threads besides the main one run"
        )
        others = f" ({threads} {run} on)" if threads > 0 else ""
        return f"its process to end, whose loops have ended{others}"
