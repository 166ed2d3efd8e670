"""A run of loops that report by themselves, whether loopviz has started their program or not."""

from pathlib import Path

from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine.child import Child, Guard
from loopviz.engine.program_workers import ProgramWorkers
from loopviz.engine.run import Failure, Run, Status, make_folder
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.wire.control import Serving

__all__ = ["LoopsRun"]


class LoopsRun(Run):
    """A subclass knows how the program begins and ends."""

    workers: ProgramWorkers
    silent_s = 5.0
    """After how long a program that has run no loop yet is said to have run none."""
    start_s = 2.0
    """After how long it is said what a start waits for."""

    def __init__(self, program: Program, folder: Path, guard: Guard, options: RunOptions) -> None:
        """Listen for loops. Raises MachineError."""
        make_folder(folder)
        workers = ProgramWorkers(program, folder, serves=program.serves)
        super().__init__(folder, guard, options, workers)
        self._program, self._generation = program, 0
        self._started_ns = monotonic_ns()
        self._up = not program.serves
        self._waited_for = ""

    @property
    def python(self) -> str:
        return self.workers.python

    @property
    def loading_s(self) -> float:
        return 0.0 if self.workers.seen else (monotonic_ns() - self._started_ns) / SECOND

    @property
    def status(self) -> Status:
        phase, why = self.failure or ("running" if self.began_ns else "starting", "")
        if phase in ("target-died", "load-died"):
            why += " Press R to restart it."
        elif phase == "starting":
            why = self.loading or self.start_words() or self._waits_for_address()
        elif not why:
            why = self.workers.trouble
        output = tuple(self.output()) if self.failure else ()
        return Status(phase, why, self.url, rate=self.rate, output=output, left_out=self.left_out)

    def poll(self) -> None:
        how = self.how_it_ended()  # first: what it has sent before is read below
        if self._load is None and self.scenario.load and self.failure is None:
            self._load = self._new_load()
        for message in self.workers.messages():
            if isinstance(message, Serving):
                self.url, self._up = message.url, True
        if self.workers.generation != self._generation:
            self._start_again()
        if not self.scenario.load:
            self.began_ns = self.workers.began_ns
        elif self._load is not None:
            self._aim_at_address(self._load)
        self.workers.drain()
        self.take_said()
        if not self._up:
            self._waited_for = self.workers.waited_for()
        if self.failure is None:
            self._check_alive(how)

    def start_words(self) -> str:
        """One sentence if the app is not up after a while: what its start waits for."""
        passed_s = (monotonic_ns() - self._started_ns) / SECOND
        if self._up or not self.workers.seen or passed_s < self.start_s:
            return ""
        words = f": waits for {self._waited_for}" if self._waited_for else ""
        return f"Starting for {passed_s:.0f} s{words}."

    def output(self) -> list[str]:
        """The last lines that the program wrote."""
        raise NotImplementedError

    def how_it_ended(self) -> str:
        """`ended with exit code 3`; empty while the program runs."""
        raise NotImplementedError

    def said_address(self) -> str:
        """The address that the program has said in other words than `Serving`; empty: none."""
        return ""

    def end(self, how: str) -> Failure:
        """What to say of the program's end."""
        raise NotImplementedError

    def _start_again(self) -> None:
        """All loops have ended, and another began, as after a reload: so does the load."""
        self._generation = self.workers.generation
        self.began_ns, self.load_stopped, self._aimed = 0, False, False
        self._started_ns, self._up = monotonic_ns(), not self._program.serves
        if self._load is not None:
            self._load.quit()
            self._load.reap(0)
            self._load = self._new_load()

    def _aim_at_address(self, load: Child) -> None:
        if not self.url and self.workers.seen:
            self.url = self.said_address()
        if self.workers.running:
            self._aim(load, reuse=True)
        self._read_load(load)

    def _waits_for_address(self) -> str:
        if not self.scenario.load or self.url or not self.workers.seen:
            return ""
        return f"{self._program.id} runs; the load begins when it says at which address it serves."

    def _check_alive(self, how: str) -> None:
        if self._load is not None and (ended := self._load.how_it_ended()):
            self.failure = ("load-died", f"The load {ended}")
        elif how and not self.workers.running:
            self.failure = self.end(how)
            if self._load is not None:
                self._load.quit()
