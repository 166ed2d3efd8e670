"""A run of a program that was running before: its loops are watched, and left as they were."""

from pathlib import Path

from loopviz.engine.child import Guard
from loopviz.engine.injection import Injection
from loopviz.engine.loops_run import LoopsRun
from loopviz.engine.run import Failure
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.program.processes import started_by

__all__ = ["AttachedRun"]

WAKE_S = 0.5
"""A main thread that has not answered for so long sleeps in a system call."""
LOOK_S = 2.0
"""After how long without a loop, and how often, it is looked who else may have one."""


class AttachedRun(LoopsRun):
    """Its end ends the watching, never the program: each loop is restored by its next callback."""

    def __init__(self, program: Program, folder: Path, guard: Guard, options: RunOptions) -> None:
        """Attach. Raises MachineError, or UsageError if it cannot be attached to."""
        super().__init__(program, folder, guard, options)
        self._pid = program.pid
        try:
            self._injection = Injection(self._pid, self.workers.endpoint.path)
        except BaseException:
            self.workers.reap(0)
            raise
        self._awake = self._injection.at_once
        self._workers: list[int] = []
        self._look_s = LOOK_S

    @property
    def loading(self) -> str:
        if self._workers:
            others = ", ".join(map(str, self._workers))
            return (
                f"The process {self._pid} has shown no asyncio loop; it has started processes "
                f"that have one: attach to {others}."
            )
        if self.loading_s < self.silent_s:
            return f"Attaching to {self._program.id}." if self.loading_s else ""
        return (
            f"The process {self._pid} has shown no asyncio loop in {self.loading_s:.0f} s: none "
            "runs there now, or its main thread is in a call of C code that does not return."
        )

    def poll(self) -> None:
        """As `Run.poll`. Raises UsageError if the process refuses to be attached to."""
        self._injection.poll()
        if not self._awake and self.loading_s > WAKE_S:
            self._awake = True
            self._injection.wake()
        if self.loading_s > self._look_s:
            self._look_s += LOOK_S
            self._workers = started_by(self._pid)
        super().poll()

    def reap(self, timeout_s: float) -> None:
        self._injection.close()
        super().reap(timeout_s)

    def output(self) -> list[str]:
        """Nothing: its output goes where it went."""
        return []

    def how_it_ended(self) -> str:
        return "" if Path(f"/proc/{self._pid}").exists() else "has ended"

    def end(self, how: str) -> Failure:
        return "ended", f"{self._program.id} {how}."
