"""A run without processes: the contract of `RunControl`, over worlds on a virtual clock."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from loopviz.engine.output import NOTHING
from loopviz.engine.session import Frame, Status
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.model.snapshot import (
    CriticalPath,
    GaugeStats,
    Location,
    Quantiles,
    RequestInfo,
    ResourceInfo,
    Snapshot,
    Track,
    WaitTree,
)
from loopviz.program import Program
from tests.tui.endpoints import PLAYS
from tests.tui.simulation import T0, World, known

__all__ = ["BLOCKING_LINE", "ENTRIES", "SCENARIO", "T0", "FakeRun", "line_of", "resource"]

SCENARIO = known("block")

ENTRIES = (
    SCENARIO,
    known("dbpool"),
    known("race"),
    ScenarioInfo(
        "mine", Path("/home/me/mine.py"), error="mine.py cannot be read: invalid syntax (line 3)."
    ),
)


def line_of(text: str, scenario: ScenarioInfo = SCENARIO) -> int:
    """The one line of the scenario's file that has the text in it."""
    rows = scenario.path.read_text().splitlines()
    (line,) = (number for number, row in enumerate(rows, 1) if text in row)
    return line


BLOCKING_LINE = Location(
    file="scenarios/block.py",
    line=line_of("        time.sleep(0.05)"),
    function="report",
    path=str(SCENARIO.path),
)
"""Where `block` blocks the loop."""


class FakeRun:
    """The contract of a run over a world; `calls` is what the keys asked of it.

    Another scenario, or a restart, is another world.
    """

    def __init__(self, scenario: str = "block", seed: int = 7) -> None:
        self.world = World(scenario, seed)
        self.scenario = self.world.scenario
        self.catalogue = ENTRIES
        self.status = Status("running", url="http://127.0.0.1:8000")
        self.calls: list[tuple] = []
        self.polls: list[tuple[int, int]] = []
        self.aside = ""
        self.blank = False
        """True: nothing has been seen of the target yet."""
        self.made: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot
        """What is made of each snapshot before it is shown."""
        self.written = NOTHING
        self.stacks: dict[int, tuple[Location, ...]] = {}
        """What is known of tasks' await stacks."""

    def poll(self) -> None:
        pass

    def frame(self, now_ns: int, window_ns: int) -> Frame:
        self.polls.append((now_ns, window_ns))
        world = self.world
        world.advance(now_ns)
        status = replace(self.status, fixes_on=world.fixes, rate=world.rate)
        seen = None if self.blank else self.made(world.snapshot(window_ns))
        return Frame(self.scenario, status, seen, self.written, self.aside)

    def past(self, frozen: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        return self.world.model.past(frozen, start_ns, end_ns)

    def retain(self, since_ns: int) -> None:
        self.calls.append(("retain", since_ns))
        self.world.model.retain(since_ns)

    def release(self) -> None:
        self.calls.append(("release",))
        self.world.model.retain(0)

    def baseline(self) -> None:
        self.calls.append(("baseline",))
        self.world.model.mark(self.world.told_ns, "baseline")

    def ask_stack(self, task: int, loop: int = 0) -> tuple[Location, ...] | None:
        self.calls.append(("ask_stack", task, loop) if loop else ("ask_stack", task))
        return self.stacks.get(task)

    def ask_tree(self, loop: int = 0) -> WaitTree | None:
        self.calls.append(("ask_tree", loop) if loop else ("ask_tree",))
        return None if self.blank else self.world.model.wait_tree(self.world.told_ns)

    def ask_path(self, request: RequestInfo) -> CriticalPath | None:
        self.calls.append(("ask_path", request.number))
        return self.world.model.critical_path(request)

    def entries(self) -> tuple[ScenarioInfo, ...]:
        return self.catalogue

    def toggle(self, key: str) -> None:
        self.calls.append(("toggle", key))
        self.world.toggle(key)

    def set_rate(self, factor: float) -> None:
        self.calls.append(("set_rate", factor))
        self.world.set_rate(factor)

    def switch(self, scenario_id: str) -> None:
        self.calls.append(("switch", scenario_id))
        self.aside = self.aside if scenario_id != self.aside else ""
        self.scenario = next(entry for entry in self.catalogue if entry.id == scenario_id)
        self._anew()

    def visit(self, scenario_id: str) -> None:
        self.aside, program = self.scenario.id, self.scenario
        self.switch(scenario_id)
        self.calls[-1] = ("visit", scenario_id)
        self.catalogue = (program, *self.catalogue)

    def restart(self) -> str:
        self.calls.append(("restart",))
        self.status = Status("running")
        self._anew()
        return ""

    def close(self) -> None:
        self.calls.append(("close",))

    over = True

    def end_soon(self) -> bool:
        """A program takes a while; another word kills it."""
        again = self.status.phase == "ending"
        self.over = again or not isinstance(self.scenario, Program)
        if not self.over:
            why = "SIGINT 1 s ago. Shutdown waits for the lifespan at shop.py:9."
            self.status = Status("ending", why)
        return not self.over

    def _anew(self) -> None:
        if self.scenario.id in PLAYS:
            self.world = World(self.scenario.id, begin_ns=self.world.told_ns)


def resource(
    name: str, used: int, capacity: int, waiting: int = 0, kind: str = "asyncio.Semaphore", **more
) -> ResourceInfo:
    """A resource with so many units in use, and so many that wait for one."""
    never = Track(times_ns=np.empty(0, np.int64), values=np.empty(0, np.int64))
    given = {
        "name": name,
        "kind": kind,
        "capacity": capacity,
        "instances": 1,
        "location": None,
        "in_use": GaugeStats(now=used, mean=used, max=used),
        "waiting": GaugeStats(now=waiting, mean=waiting, max=waiting),
        "idle": 0,
        "waited": Quantiles(),
        "given_up": Quantiles(),
        "holders": (),
        "waiters": (),
        "in_use_track": never,
        "waiting_track": never,
    }
    return ResourceInfo(**given | more)
