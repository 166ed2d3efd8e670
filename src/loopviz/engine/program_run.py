"""A run of a program of the user's own."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import loopviz
from loopviz import run_folder
from loopviz.engine.child import Guard
from loopviz.engine.ending import Ending
from loopviz.engine.last_words import address_in, last_words
from loopviz.engine.loops_run import LoopsRun
from loopviz.engine.output import Output
from loopviz.engine.process import Process
from loopviz.engine.run import Failure, Status
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.program.unseen import lives_on, why_unseen
from loopviz.report.left_out import left_out_words
from loopviz.report.shutdown import Shutdown

__all__ = ["ProgramRun", "attachable_environment", "environment"]

WORDS = 200
"""Characters of its last words."""
SEARCHED = 200
"""Lines of output in which its last words and its address are looked for."""
DAEMON_S = 5.0
"""For how long the loop of a daemon is waited for, once the program has ended."""
LOOK_S = 2.0
"""How often it is looked for what keeps the probe out."""
OTHER_S = 1.0
"""How long a program that runs another loop may take to run one of asyncio's, too."""
TAIL = 20
"""Lines of output that a report of a failure has."""


class ProgramRun(LoopsRun):
    """A command, started as it is; the loops that it runs report by themselves."""

    def __init__(self, program: Program, folder: Path, guard: Guard, options: RunOptions) -> None:
        """Start it. Raises MachineError, or UsageError if there is no such command."""
        super().__init__(program, folder, guard, options)
        self._ending: Ending | None = None
        self._unseen, self._looked_s = "", 0.0
        self._daemon_until = 0.0
        variables = environment(os.environ, self.workers.endpoint.path)
        output = Output(self.log, folder / "output.log")
        self._process = Process(program.command, variables, output, guard)

    @property
    def unseen(self) -> str:
        """One sentence if the probe cannot get into the program: why, and what to do."""
        passed_s = self.loading_s
        if passed_s >= self._looked_s + LOOK_S:
            self._looked_s = passed_s
            self._unseen = why_unseen(self._process.pid, self.workers.endpoint.path)
        return self._unseen if passed_s else ""

    @property
    def loading(self) -> str:
        if self.loading_s < (OTHER_S if self.workers.other else self.silent_s):
            return ""
        name, other = self._program.id, self.workers.other
        if other:
            return f"{name} runs {other}'s loop; loopviz sees asyncio's only."
        if self.unseen:
            return f"loopviz sees nothing of {name}. {self.unseen}"
        words = self._last_words()
        said = f" Its last words: {words}" if words else ""
        silent_s = f"{self.loading_s:.0f} s"
        return f"{name} has run no asyncio loop that loopviz sees in {silent_s}.{said}"

    def output(self) -> list[str]:
        """The last lines that the program wrote."""
        return self.log.tail(TAIL)

    def how_it_ended(self) -> str:
        """As `LoopsRun.how_it_ended`; a daemon that it has made may have a loop a little later."""
        how = self._process.how_it_ended()
        if not how or self._process.code or self.workers.seen:
            return how
        now = time.monotonic()
        self._daemon_until = self._daemon_until or now + DAEMON_S
        return "" if now < self._daemon_until and lives_on(self.workers.endpoint.path) else how

    def said_address(self) -> str:
        """The address in the program's output, once somebody listens there."""
        url = address_in(self.log.tail(SEARCHED))
        if not url or not url.startswith("http://127.0.0.1:"):
            return ""
        try:
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 0.1).close()
        except OSError:  # a server's parent says it before its workers listen
            return ""
        return url

    def end(self, how: str) -> Failure:
        """What to say of the program's end."""
        self._process.output.wait(0.2)
        name, words = self._program.id, self._last_words()
        if words.endswith("No module named uvicorn"):
            python = self._program.command[0]
            return (
                "failed",
                f"There is no uvicorn in {python}: install it there, choose another interpreter "
                "with --python, or start your own server with loopviz run -- COMMAND.",
            )
        said = f". Its last words: {words}" if words else "."
        if not self.workers.seen:
            other = f", but one of {self.workers.other}" if self.workers.other else ""
            also = "" if self._process.code else f", and no asyncio loop has run in it{other}"
            return "failed", f"{name} {how}{also}{said}"
        if self._process.code == 0:
            return "ended", f"{name} has ended with exit code 0{said}{self._left_out()}"
        began = self.began_ns and (self.url or not self._program.serves)
        return ("target-died" if began else "failed"), f"{name} {how}{said}"

    @property
    def status(self) -> Status:
        if self._ending is not None and self.ending:
            return Status("ending", self._ending.sentence(), self.url, rate=self.rate)
        return super().status

    def poll(self) -> None:
        super().poll()
        if self._ending is not None:
            self._ending.follow()

    @property
    def ending(self) -> bool:
        return self._ending is not None and not self._ending.over

    @property
    def farewell(self) -> str:
        return self._ending.farewell() if self._ending is not None else ""

    @property
    def shutdown(self) -> Shutdown | None:
        return self._ending.shutdown if self._ending is not None else None

    def end_soon(self) -> bool:
        if self._ending is not None:
            self._ending.kill()
            return False
        self.quit()
        return self._process.code is None or self.workers.running > 0

    def quit(self) -> None:
        if self._ending is not None:
            return
        if self._load is not None:
            self._load.quit()
        self._ending = Ending(self._program.id, self._process, self.workers)

    def reap(self, timeout_s: float) -> None:
        """As `Run.reap`; a program has more time, from when it was asked to end."""
        del timeout_s
        while self._ending is not None and not self._ending.over:
            for _ in self.workers.messages():  # or a loop's end would not be known
                pass
            self.workers.drain()
            self._ending.follow()
            time.sleep(0.01)
        self._process.reap(0)
        if self._load is not None:
            self._load.reap(0)
        self.workers.reap(0)
        run_folder.remove(self.folder)

    def _left_out(self) -> str:
        """How many of its loops were not recorded, as a further sentence."""
        words = left_out_words(self.workers.loops_left_out, self.workers.loops_crowded_out)
        return f" {words}" if words else ""

    def _last_words(self) -> str:
        lines = self.log.tail(SEARCHED)
        return last_words(lines, str(self._program.path))[:WORDS]


def environment(variables: Mapping[str, str], control: Path) -> dict[str, str]:
    """The program's: the probe is found first on its path; see `path_entry/sitecustomize.py`."""
    return {
        "PYTHONUNBUFFERED": "1",  # as in a terminal, what is printed comes at once
        **variables,
        "PYTHONPATH": _python_path(variables),
        "LOOPVIZ_CONTROL": str(control),
    }


def attachable_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a program that lets a loopviz in later; see `probe.attachable`."""
    return {"LOOPVIZ": "1", "PYTHONPATH": _python_path(variables)}


def _python_path(variables: Mapping[str, str]) -> str:
    entry = str(Path(loopviz.__file__).parent / "path_entry")
    path = variables.get("PYTHONPATH")
    return f"{entry}{os.pathsep}{path}" if path else entry
