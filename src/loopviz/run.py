"""One target under one load, watched."""

import linecache
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from loopviz import runtime
from loopviz.catalogue import CounterInfo, FixInfo, LoadInfo, ScenarioInfo
from loopviz.children import Child, Guard
from loopviz.clock import monotonic_ns
from loopviz.collector import Collector
from loopviz.load.config import Config
from loopviz.model.model import Model
from loopviz.model.places import Naming
from loopviz.probe.install import LOOP_RING, SIDE_RING
from loopviz.wire.control import Sample

__all__ = ["Run", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How the run stands."""

    phase: Literal["starting", "running", "target-died", "load-died", "failed"]
    why: str = ""
    """One sentence for the phases that are no good, with what to do next."""
    url: str = ""
    fixes_on: frozenset[str] = frozenset()
    rate: float = 1.0
    """Factor on the scenario's load."""


class Run:
    """One target under one load, watched. Starts at once; `poll` moves it along."""

    def __init__(
        self,
        scenario: ScenarioInfo,
        folder: Path,
        warden: Guard,
        *,
        fixes: Iterable[str] = (),
        rate: float = 1.0,
        seed: int = 0,
        port: int = 0,
        probe: bool = True,
        duration_s: float | None = None,
    ) -> None:
        """`duration_s`: the load ends after so long; else it goes on."""
        folder.mkdir(mode=0o700)
        self.scenario = scenario
        self.folder = folder
        self.url = ""
        self.rate = rate
        self.failure: tuple[Literal["target-died", "load-died", "failed"], str] | None = None
        self.traceback = ""
        """Of what the scenario's file raised, if it did."""
        self.load_began_ns = 0
        self.load_stopped = False
        self._seed, self._duration_s = seed, duration_s
        self._warden = warden
        self._target = Child("loopviz.target", folder, warden)
        self._load: Child | None = None  # with the first poll, so that the first frame is not late
        self._target.send(
            {
                "do": "start",
                "id": scenario.id,
                "path": str(scenario.path),
                "fixes": list(fixes),
                "port": port,
                "probe": probe,
            }
        )
        self._fixes_on = frozenset(fixes)
        self._use(scenario)

    @property
    def target_pid(self) -> int:
        return self._target.process.pid

    @property
    def status(self) -> Status:
        """How the run stands, in a screen's words."""
        phase, why = self.failure or ("running" if self.load_began_ns else "starting", "")
        if phase in ("target-died", "load-died"):
            why += " Press R to restart it."
        return Status(phase, why, self.url, self._fixes_on, self.rate)

    def poll(self) -> None:
        """Take in what the children have said and what the probe has written."""
        if self._load is None:
            self._load = Child("loopviz.load", self.folder, self._warden)
        for message in self._target.read():
            self._hear_target(message, self._load)
        for message in self._load.read():
            self._hear_load(message)
        self.collector.drain()
        if self.failure is None:
            self._check_alive()

    def toggle(self, key: str) -> None:
        """Flip a fix."""
        self._fixes_on ^= {key}
        self._target.send({"do": "fix", "key": key, "on": key in self._fixes_on})

    def set_rate(self, factor: float) -> None:
        """Scale the load."""
        if factor != self.rate:
            self.rate = factor
            if self._load is not None:
                self._load.send({"do": "rate", "factor": factor})
            self.model.mark(monotonic_ns(), f"load:{factor}")

    def stop_load(self) -> None:
        """No new arrivals; `load_stopped` tells when those in flight are done."""
        if self._load is not None:
            self._load.send({"do": "stop"})

    def quit(self) -> None:
        """Ask both children to end."""
        for child in self._children():
            child.quit()

    def reap(self, timeout_s: float) -> None:
        """Wait until both have ended, kill what has not, and remove the folder."""
        until = time.monotonic() + timeout_s
        for child in self._children():
            child.reap(max(until - time.monotonic(), 0))
        self.collector.close()
        runtime.remove(self.folder)

    def _use(self, scenario: ScenarioInfo) -> None:
        """Go by what the scenario says of itself: first as read, then as run."""
        self.scenario = scenario
        self.model = Model(
            [(load.route, load.rps) for load in scenario.load],
            [fix.key for fix in scenario.fixes if not fix.wrong],
            Naming(_roots(scenario.path), linecache.getline),
        )
        for key in self._fixes_on:
            self.model.phases.assume(key)
        self.collector = Collector(self.folder / LOOP_RING, self.folder / SIDE_RING, self.model)

    def _children(self) -> list[Child]:
        return [self._target] if self._load is None else [self._load, self._target]

    def _hear_target(self, message: dict[str, Any], load: Child) -> None:
        if message.get("is") == "failed":
            self.traceback = message.get("traceback", "")
            self.failure = ("failed", message["why"])
        elif message.get("is") == "ready":
            self.url = message["url"]
            scenario = _scenario_info(message["scenario"])
            if scenario != self.scenario:
                self._use(scenario)
            config = Config(
                self.url, scenario.load, self._seed, self.rate, duration_s=self._duration_s
            )
            load.send(config.to_message())

    def _hear_load(self, message: dict[str, Any]) -> None:
        if message.get("is") == "ready":
            self.load_began_ns = message["start_at_ns"]
            self.model.mark(self.load_began_ns, f"scenario:{self.scenario.id}")
            self.model.routes.factor = self.rate
        elif message.get("is") == "samples":
            samples = [Sample(*values) for values in message["samples"]]
            self.model.feed_load(samples, message["sent"], message["in_flight"], message["shed"])
        elif message.get("is") == "failed" and not self.load_began_ns:
            self.failure = ("failed", message["why"])
        elif message.get("is") == "stopped":
            self.load_stopped = True

    def _check_alive(self) -> None:
        for child in self._children():
            how = child.ended()
            if how:
                words = child.last_words()
                said = f" Its last words: {words[:200]}" if words else ""
                why = f"The {child.name} {how}.{said}"
                if child is self._target:
                    self.model.stop(monotonic_ns())
                self.failure = ("target-died" if child is self._target else "load-died", why)
                return


def _roots(path: Path) -> list[tuple[str, str]]:
    """How paths are shortened: the scenario's folder and ours by name, the rest from here."""
    ours = Path(__file__).parent
    return [(str(path.parent), "scenarios"), (str(ours), "loopviz"), (str(Path.cwd()), "")]


def _scenario_info(said: dict[str, Any]) -> ScenarioInfo:
    """A scenario as the target described it."""
    return ScenarioInfo(
        **said
        | {
            "path": Path(said["path"]),
            "look": tuple(said["look"]),
            "fixes": tuple(
                FixInfo(**fix | {"answers": tuple(fix["answers"])}) for fix in said["fixes"]
            ),
            "load": tuple(LoadInfo(**load) for load in said["load"]),
            "counters": tuple(CounterInfo(**counter) for counter in said["counters"]),
        }
    )
