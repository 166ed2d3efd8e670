"""The workers of a program: the loops that report, in whichever process."""

import contextlib
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopviz.clock import monotonic_ns
from loopviz.engine.blocker_words import blocker_words
from loopviz.engine.connection import Endpoint, LoopConnection
from loopviz.engine.sources import Sources
from loopviz.engine.worker import Worker
from loopviz.engine.workers import Workers
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.model.model import Model
from loopviz.model.snapshot.totals import RunTotals
from loopviz.model.totals import add_earlier, run_totals
from loopviz.wire.control import Failed, LoopsLeftOut, LoopStarted, Message, OtherLoop, Serving

__all__ = ["ProgramWorkers"]

ENDED = 8
"""Workers that have ended, and that the totals of a run still list; earlier ones are added up."""


class ProgramWorkers(Workers):
    """Loops in the order in which they began to run.

    Once all have ended and another one begins, as after a reload, the picture starts again with it.
    Not so in a process that was forked and no server, as Celery's and RQ's for each job are.
    """

    def __init__(self, scenario: ScenarioInfo, folder: Path, *, serves: bool = False) -> None:
        """`serves`: it begins when an app is up. Raises MachineError."""
        ours = Path(__file__).parents[1]
        super().__init__(scenario, [(str(scenario.path), ""), (str(ours), "loopviz")])
        self.endpoint = Endpoint(folder)
        self.began_ns = 0
        """When the program began, if there is no load: with its first loop, or when its app was
        up. Then all counts begin with it."""
        self.generation = 0
        """How often the picture has started again."""
        self.python = ""
        """The version of the interpreter that runs the newest loop."""
        self.other = ""
        """The library of a loop that runs and is none of asyncio's."""
        self._left_out: dict[int, LoopsLeftOut] = {}
        self._serves, self._has_served = serves, False
        self._unknown: list[LoopConnection] = []
        self._ended: deque[Model] = deque()
        self._earlier: RunTotals | None = None
        """Of those that ended before these."""
        self._numbers = 0
        self._pids: set[int] = set()
        """Of the processes of this picture."""
        self._first_ended = False
        self._begin_sources()
        self.model = self._new_model()

    def _begin_sources(self) -> None:
        self._sources = Sources()
        self._source_line = self._sources.line

    @property
    def running(self) -> int:
        """How many loops report now, those included that are closed and that another may follow."""
        return len(self._workers) - self._first_ended

    @property
    def open(self) -> int:
        """How many of these are not closed."""
        alive = [worker for worker in self._workers if not worker.how_it_ended()]
        return sum(not worker.model.loop.closed for worker in alive)

    def threads_of(self, pid: int) -> int:
        """How many threads loopviz has in that process: two for each recording."""
        return 2 * sum(worker.pid == pid for worker in self._workers if not worker.how_it_ended())

    @property
    def seen(self) -> int:
        """How many have reported so far."""
        return self._numbers

    @property
    def loops_left_out(self) -> int:
        return sum(told.loops for told in self._left_out.values())

    @property
    def loops_crowded_out(self) -> int:
        return sum(told.crowded for told in self._left_out.values())

    @property
    def models(self) -> Sequence[Model]:
        return [*super().models, *self._ended]

    def messages(self) -> Iterator[Message]:
        """What loops say of the program; new loops are added here."""
        self._unknown += self.endpoint.accept()
        for connection in tuple(self._unknown):
            messages = connection.read()
            if messages or connection.how_it_ended():
                self._unknown.remove(connection)
            match messages:
                case [LoopStarted() as started, *rest]:
                    connection.unread(rest)
                    self._add(connection, started)
                case [OtherLoop(library=library), *_]:
                    self.other = library
                    connection.reap(0)
                case [LoopsLeftOut() as told, *_]:
                    self._left_out[told.pid] = told
                    connection.reap(0)
                case [Failed(why=why, machine=machine), *_]:
                    self.machine_failed |= machine
                    self.trouble = why
        for worker in tuple(self._workers):
            for message in worker.read():
                self._has_served |= isinstance(message, Serving)
                if isinstance(message, Serving) and (self._began or not self.scenario.load):
                    now_ns = monotonic_ns()
                    worker.drain()  # what its start took does not count
                    worker.model.mark(now_ns, f"scenario:{self.scenario.id}")
                    self.began_ns = self.began_ns or (now_ns if self._serves else 0)
                yield message

    def waited_for(self) -> str:
        """What the start or the end of the program waits for; empty: nothing is known.

        Call it again and again: each loop is asked a few times a second.
        """
        now_ns = monotonic_ns()
        alive = [worker for worker in self._workers if not worker.how_it_ended()]
        words = [
            (worker.pid, blocker_words(worker.ask_blockers(now_ns), worker.model.naming))
            for worker in alive
        ]
        told = {pid: said for pid, said in reversed(words) if said}
        several = len({worker.pid for worker in alive}) > 1
        return "; ".join(
            f"{said} (process {pid})" if several else said for pid, said in sorted(told.items())
        )

    def toggle(self, key: str) -> None:
        """Do nothing: a program has no fixes."""

    def drain(self) -> None:
        super().drain()
        first = self.first
        if first is not None and not self._first_ended and first.how_it_ended():
            first.reap(0)
            self.model.stop(monotonic_ns())
            self._first_ended = True

    def note_end(self, worker: Worker, _how: str) -> None:
        self._keep(worker)

    def totals(self, now_ns: int) -> RunTotals:
        totals = super().totals(now_ns)
        return totals if self._earlier is None else add_earlier(totals, self._earlier)

    def _keep(self, ended: Worker) -> None:
        self._ended.append(ended.model)
        if len(self._ended) > ENDED:
            oldest, earlier = run_totals([self._ended.popleft()]), self._earlier
            self._earlier = oldest if earlier is None else add_earlier(oldest, earlier)

    def interrupt(self, session: int) -> None:
        """SIGINT to the processes of loops in other sessions: daemons that the program has made."""
        for pid in self._alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) != session:
                    os.kill(pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill the processes of loops that still report, in whichever session they are."""
        for pid in self._alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _alive(self) -> set[int]:
        return {worker.pid for worker in self._workers if not worker.how_it_ended()}

    def reap(self, timeout_s: float) -> None:
        self.endpoint.close()
        for connection in self._unknown:
            connection.reap(0)
        super().reap(timeout_s)

    def _add(self, connection: LoopConnection, started: LoopStarted) -> None:
        if self._first_ended and len(self._workers) == 1:
            goes_on = started.forked and not (self._serves or self._has_served)
            self._start_again(goes_on=goes_on or started.pid in self._pids)
        self._numbers += 1
        connection.pid = started.pid
        self._pids.add(started.pid)
        self._sources.began(started.pid)
        number = max((worker.number for worker in self._workers), default=0) + 1
        model = self.model if number == 1 else self._new_model(number)
        ours = self.endpoint.path.parent in started.folder.parents
        worker = Worker(number, connection, started.folder, model, ours=ours)
        worker.ready = True
        self._workers.append(worker)
        self.python = started.python
        if not self.scenario.load:
            self.began_ns = self.began_ns or (0 if self._serves else started.at_ns)
        elif self._began:
            model.mark(monotonic_ns(), f"scenario:{self.scenario.id}")

    def _start_again(self, *, goes_on: bool) -> None:
        """The next loop is the first one. If the program goes on, what earlier ones did counts."""
        last = self._workers.pop()
        if goes_on:
            self._remove(last)
            self._keep(last)
        else:
            self._ended.clear()
            self._earlier = None
            self._gone = None
            self._began, self._has_served, self.began_ns = False, False, 0
            self._pids.clear()
            self.generation += 1
            self._begin_sources()
        self._first_ended = False
        self.model = self._new_model()
