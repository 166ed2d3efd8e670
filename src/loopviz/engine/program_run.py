"""A run of a program of the user's own."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import loopviz
from loopviz import run_folder
from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.last_words import address_in, last_words
from loopviz.engine.process import LINES, Process
from loopviz.engine.program_workers import ProgramWorkers
from loopviz.engine.run import Failure, Run, Status, make_folder
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.shutdown import PROGRAM_AGAIN_S, PROGRAM_S
from loopviz.wire.control import Serving

__all__ = ["ProgramRun", "environment"]

SILENT_S = 5.0
"""After how long a program that has run no loop yet is said to have run none."""
WORDS = 200
"""Characters of its last words."""
TAIL = 20
"""Lines of output that a report of a failure has."""


class ProgramRun(Run):
    """A command, started as it is; the loops that it runs report by themselves."""

    workers: ProgramWorkers

    def __init__(self, program: Program, folder: Path, guard: Guard, options: RunOptions) -> None:
        """Start it. Raises MachineError, or UsageError if there is no such command."""
        make_folder(folder)
        workers = ProgramWorkers(program, folder)
        super().__init__(folder, guard, options, workers)
        self._program, self._generation = program, 0
        self._started_ns = monotonic_ns()
        self._asked = 0.0
        variables = environment(os.environ, workers.endpoint.path)
        self._process = Process(program.command, variables, folder / "output.log", guard)

    @property
    def python(self) -> str:
        return self.workers.python

    @property
    def loading_s(self) -> float:
        return 0.0 if self.workers.seen else (monotonic_ns() - self._started_ns) / SECOND

    @property
    def loading(self) -> str:
        if self.loading_s < SILENT_S:
            return ""
        words = self._last_words()
        said = f" Its last words: {words}" if words else ""
        return (
            f"{self._program.id} has run no asyncio loop that loopviz sees in "
            f"{self.loading_s:.0f} s.{said}"
        )

    @property
    def status(self) -> Status:
        phase, why = self.failure or ("running" if self.began_ns else "starting", "")
        if phase in ("target-died", "load-died"):
            why += " Press R to restart it."
        elif phase == "starting":
            why = self.loading or self._waits_for_address()
        elif not why:
            why = self.workers.trouble
        output = tuple(self.output()) if self.failure else ()
        return Status(phase, why, self.url, rate=self.rate, output=output)

    def poll(self) -> None:
        how = self._process.how_it_ended()  # first: what it has sent before is read below
        if self._load is None and self.scenario.load and self.failure is None:
            self._load = self._new_load()
        for message in self.workers.messages():
            if isinstance(message, Serving):
                self.url = message.url
        if self.workers.generation != self._generation:
            self._start_again()
        if not self.scenario.load:
            self.began_ns = self.workers.began_ns
        elif self._load is not None:
            self._aim_at_address(self._load)
        self.workers.drain()
        if self.failure is None:
            self._check_alive(how)

    def output(self) -> list[str]:
        """The last lines that the program wrote."""
        return self._process.output.tail(TAIL)

    def quit(self) -> None:
        if self._load is not None:
            self._load.quit()
        self._process.interrupt()
        self._asked = time.monotonic()

    def reap(self, timeout_s: float) -> None:
        """As `Run.reap`; a program has more time, from when it was asked to end."""
        del timeout_s
        until = self._asked + PROGRAM_AGAIN_S
        while time.monotonic() < until and self._lives:
            self.workers.drain()
            time.sleep(0.01)
        if self._lives:
            self._process.interrupt()
        until = self._asked + PROGRAM_S
        while time.monotonic() < until and self._lives:
            time.sleep(0.01)
        self.workers.kill()
        self._process.reap(0)
        if self._load is not None:
            self._load.reap(0)
        self.workers.reap(0)
        run_folder.remove(self.folder)

    @property
    def _lives(self) -> bool:
        for _ in self.workers.messages():  # or a loop's end would not be known
            pass
        self.workers.drain()
        return self._process.code is None or self.workers.running > 0

    def _start_again(self) -> None:
        """All loops have ended, and another began, as after a reload: so does the load."""
        self._generation = self.workers.generation
        self.began_ns, self.load_stopped, self._aimed = 0, False, False
        if self._load is not None:
            self._load.quit()
            self._load.reap(0)
            self._load = self._new_load()

    def _aim_at_address(self, load: Child) -> None:
        if not self.url and self.workers.seen:
            self.url = self._said_address()
        if self.workers.running:
            self._aim(load, reuse=True)
        self._read_load(load)

    def _said_address(self) -> str:
        """The address in the program's output, once somebody listens there."""
        url = address_in(self._process.output.tail(LINES))
        if not url or not url.startswith("http://127.0.0.1:"):
            return ""
        try:
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 0.1).close()
        except OSError:  # a server's parent says it before its workers listen
            return ""
        return url

    def _waits_for_address(self) -> str:
        if not self.scenario.load or self.url or not self.workers.seen:
            return ""
        return f"{self._program.id} runs; the load begins when it says at which address it serves."

    def _check_alive(self, how: str) -> None:
        if self._load is not None and (ended := self._load.how_it_ended()):
            self.failure = ("load-died", f"The load {ended}")
        elif how and not self.workers.running:
            self._process.output.wait(0.2)
            self.failure = self._end(how)
            if self._load is not None:
                self._load.quit()

    def _end(self, how: str) -> Failure:
        """What to say of the program's end."""
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
            also = "" if self._process.code else ", and no asyncio loop has run in it"
            return "failed", f"{name} {how}{also}{said}"
        if self._process.code == 0:
            return "ended", f"{name} has ended with exit code 0{said}"
        began = self.began_ns and (self.url or not self._program.serves)
        return ("target-died" if began else "failed"), f"{name} {how}{said}"

    def _last_words(self) -> str:
        lines = self._process.output.tail(LINES)
        return last_words(lines, str(self._program.path))[:WORDS]


def environment(variables: Mapping[str, str], control: Path) -> dict[str, str]:
    """The program's: the probe is found first on its path; see `path_entry/sitecustomize.py`."""
    entry = str(Path(loopviz.__file__).parent / "path_entry")
    path = variables.get("PYTHONPATH")
    return {
        **variables,
        "PYTHONPATH": f"{entry}{os.pathsep}{path}" if path else entry,
        "LOOPVIZ_CONTROL": str(control),
    }
