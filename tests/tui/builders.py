"""Believable pictures without a target: a small simulated loop, and a controller that shows it.

`BlockWorld` plays the `block` scenario on a virtual clock: a loop that runs one callback at a
time, `GET /report` requests that block it, `GET /ping` requests that suffer, a timer that is late.
Everything follows from the seed and the moments at which fixes were toggled.
"""

import heapq
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from loopviz.catalogue import FixInfo, LoadInfo, ScenarioInfo, builtin_folder
from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import (
    Comparison,
    CounterView,
    Finding,
    Health,
    Location,
    LoopView,
    Mark,
    Occupied,
    Peer,
    Quantiles,
    RequestView,
    ResourceView,
    RouteComparison,
    RouteView,
    Running,
    Snapshot,
    Span,
    StallView,
    State,
    Track,
)
from loopviz.session import Frame, Status

T0 = 1000 * SECOND
"""When a world begins: nothing may depend on small numbers."""

SOURCE = Path(__file__).parent / "data" / "block.py"

SCENARIO = ScenarioInfo(
    id="block",
    path=SOURCE,
    title="frozen loop",
    lesson="One blocking call in an async def stops every other request, however fast it is.",
    look=(
        "the LOOP lane: red slices are one callback that holds the loop",
        "GET /ping: yellow is time in which it could run, but the loop was held",
    ),
    link="https://fastapi.tiangolo.com/async/",
    fixes=(
        FixInfo("to_thread", "await asyncio.to_thread(time.sleep, 0.05)", "a thread waits"),
        FixInfo("plain_def", "def report() instead of async def", "FastAPI uses a thread"),
        FixInfo("async_sleep", "await asyncio.sleep(0.05)", "nothing blocks"),
    ),
    load=(LoadInfo("GET /report", 15.0), LoadInfo("GET /ping", 20.0)),
)

ENTRIES = (
    SCENARIO,
    ScenarioInfo(
        "cpu",
        builtin_folder() / "cpu.py",
        title="heavy computation",
        lesson="Threads hide CPU work, processes remove it.",
        look=("three kinds of lane",),
        fixes=(FixInfo("process", "a process pool", "another GIL"),),
        load=(LoadInfo("GET /hash", 12.0),),
    ),
    ScenarioInfo(
        "threads",
        builtin_folder() / "threads.py",
        title="forty threads",
        lesson="Zero lag is not health.",
    ),
    ScenarioInfo(
        "mine", Path("/home/me/mine.py"), error="mine.py cannot be read: invalid syntax (line 3)."
    ),
)


@dataclass
class Work:
    """A request in the world."""

    number: int
    route: str
    sent_ns: int
    lane: int
    spans: list[Span] = field(default_factory=list)
    end_ns: int = 0


class BlockWorld:
    """Advance it, then take snapshots; toggles take effect for requests sent later."""

    def __init__(self, seed: int = 7, block_ms: float = 50, fixes: frozenset[str] = frozenset()):
        self.random = random.Random(seed)
        self.block_ns = int(block_ms * MS)
        self.fixes, self.before_fixes = fixes, frozenset()
        self.rate = 1.0
        self.rates = {load.route: load.rps for load in SCENARIO.load}
        self.now = T0
        self.since = T0
        self.free = T0
        self.busy = [(T0, 0)]
        self.lag: list[tuple[int, int]] = []
        self.stalls: list[tuple[int, int, Work | None]] = []
        self.running: tuple[int, int, Work | None] | None = None
        self.work: list[Work] = []
        self.latest: dict[str, list[tuple[int, int]]] = {route: [] for route in self.rates}
        self.sent = dict.fromkeys(self.rates, 0)
        self.marks: list[Mark] = []
        self.resources: tuple[ResourceView, ...] = ()
        self.counters: tuple[CounterView, ...] = ()
        self.peers = 0
        """Other workers, whose loops do as this one's."""
        self.callbacks = 0
        self._jobs: list = []
        self._seq = 0
        self._lanes: dict[str, list[bool]] = {route: [] for route in self.rates}
        for route in self.rates:
            self._push(T0 + self._gap(route), "arrive", route)
        self._push(T0 + 20 * MS, "timer", None)

    def toggle(self, key: str) -> None:
        self.before_fixes = self.fixes
        self.fixes = self.fixes ^ {key}
        self.since = self.now
        letter = "abc"[[fix.key for fix in SCENARIO.fixes].index(key)]
        self.marks.append(Mark(self.now, "fix", f"{letter} {'on' if key in self.fixes else 'off'}"))

    def set_rate(self, factor: float) -> None:
        self.rate = factor
        self.marks.append(Mark(self.now, "load", f"load ×{factor:g}"))

    def advance(self, to_ns: int) -> None:
        """Everything that begins before `to_ns` happens."""
        self.now = to_ns
        while self._jobs and max(self._jobs[0][0], self.free if self._runs() else 0) < to_ns:
            ready, _, kind, what = heapq.heappop(self._jobs)
            if kind == "arrive":
                self._arrive(ready, what)
            elif kind == "timer":
                start = self._run(ready, 20_000, None)
                self.lag.append((start, start - ready + 80_000))
                self._push(start + 20 * MS, "timer", None)
            else:
                self._step(ready, *what)
        old = to_ns - 12 * SECOND
        if self.work and self.work[0].end_ns and self.work[0].end_ns < old - SECOND:
            self.work = [w for w in self.work if not w.end_ns or w.end_ns > old]
            self.busy = [b for b in self.busy if b[0] > old]
            self.lag = [x for x in self.lag if x[0] > old]
            self.stalls = [s for s in self.stalls if s[1] > old]

    def _runs(self) -> bool:
        return self._jobs[0][2] != "arrive"

    def _push(self, at: int, kind: str, what: object) -> None:
        self._seq += 1
        heapq.heappush(self._jobs, (at, self._seq, kind, what))

    def _gap(self, route: str) -> int:
        return int(self.random.expovariate(self.rates[route] * self.rate) * SECOND)

    def _arrive(self, at: int, route: str) -> None:
        lanes = self._lanes[route]
        lane = lanes.index(False) if False in lanes else len(lanes)
        lanes[lane : lane + 1] = [True]
        self.sent[route] += 1
        work = Work(sum(self.sent.values()), route, at, lane)
        self.work.append(work)
        ms = MS // 1000
        if route == "GET /ping":
            steps = [
                ("run", 400 * ms),
                ("wait", int(self.random.uniform(1, 6) * MS)),
                ("run", 300 * ms),
            ]
        elif self.fixes:
            steps = [("run", 500 * ms), ("wait", self.block_ns), ("run", 600 * ms)]
        else:
            heavy = 3.5 if self.random.random() < 0.04 else self.random.uniform(0.95, 1.1)
            block = int(self.block_ns * heavy)
            steps = [("run", block), ("wait", MS), ("run", 600 * ms)]
        self._push(at, "step", (work, steps))
        self._push(at + self._gap(route), "arrive", route)

    def _step(self, ready: int, work: Work, steps: list) -> None:
        (_, duration), *rest = steps
        start = self._run(ready, duration, work)
        end = start + duration
        if start > ready:
            work.spans.append((ready, start, State.READY))
        work.spans.append((start, end, State.BLOCKING if duration >= 20 * MS else State.RUN))
        if not rest:
            work.end_ns = end
            self.latest[work.route].append((end, end - work.sent_ns))
            self._lanes[work.route][work.lane] = False
            return
        wait = rest[0][1]
        work.spans.append((end, end + wait, State.AWAIT))
        self._push(end + wait, "step", (work, rest[1:]))

    def _run(self, ready: int, duration: int, work: Work | None) -> int:
        start = max(ready, self.free)
        total = self.busy[-1][1]
        if start > self.busy[-1][0]:
            self.busy.append((start, total))
        self.busy.append((start + duration, total + duration))
        self.free = start + duration
        self.running = (start, start + duration, work)
        self.callbacks += 1
        if duration >= 20 * MS:
            self.stalls.append((start, start + duration, work))
        return start

    def snapshot(self, window_ns: int = 6 * SECOND) -> Snapshot:
        """The picture at the moment the world was advanced to."""
        now = self.now
        begin = now - window_ns
        running = None
        if self.running and self.running[0] <= now < self.running[1]:
            start, _, work = self.running
            label = work.route if work else "callback heartbeat"
            running = Running(start, label, _location(), work.number if work else 0)
        busy = [(t, v) for t, v in self.busy if t >= begin - SECOND]
        busy = [(t, v) for t, v in busy if t <= now]
        lag = [(t, v) for t, v in self.lag if begin <= t <= now]
        recent = [v for t, v in lag if t > now - 5 * SECOND]
        stalls = tuple(
            StallView(
                start,
                min(end, now),
                end > now,
                work.route if work else "",
                _location(),
                work.number if work else 0,
                3,
            )
            for start, end, work in self.stalls
            if end > begin and start < now
        )
        requests = tuple(
            view for work in self.work if (view := _request(work, begin, now)) is not None
        )
        held = sum(end - start for start, end, _ in self.stalls)
        used = sum(
            min(e, now) - max(s, now - 5 * SECOND)
            for s, e, _ in self.stalls
            if e > now - 5 * SECOND and s < now
        )
        loop = LoopView(
            busy=_track(busy),
            lag=_track(lag),
            stalls=stalls,
            running=running,
            lag_recent=_quantiles(recent),
            ready_delay_recent=_quantiles(recent),
            utilization_recent=min(1.0, used / (5 * SECOND) + 0.02),
            callbacks=self.callbacks,
            iterations=self.callbacks,
        )
        findings = ()
        if self.stalls:
            worst = max(end - start for start, end, _ in self.stalls)
            findings = (
                Finding(
                    rule="slow-callback",
                    severity="error",
                    title="slow callback",
                    sentence=f"GET /report held the loop {worst // MS} ms in time.sleep(0.05)",
                    count=len(self.stalls),
                    worst_ns=worst,
                    total_ns=held,
                    last_ns=min(now, self.stalls[-1][1]),
                    location=_location(),
                    source="time.sleep(0.05)",
                    victims=len(self.stalls) * 2,
                    victim_wait_ns=held * 2,
                    suggested_fix="to_thread",
                ),
            )
        return Snapshot(
            now_ns=now,
            recent_ns=5 * SECOND,
            loop=loop,
            requests=requests,
            routes=tuple(self._route(route) for route in self.rates),
            marks=tuple(mark for mark in self.marks if mark.at_ns > begin),
            findings=findings,
            comparison=self._comparison(),
            health=Health(events=self.callbacks * 3, newest_ns=now),
            resources=self.resources,
            counters=self.counters,
            peers=tuple(Peer(worker, loop) for worker in range(2, self.peers + 2)),
        )

    def _route(self, route: str) -> RouteView:
        done = [v for t, v in self.latest[route] if self.now - 5 * SECOND < t <= self.now]
        ok = sum(t <= self.now for t, _ in self.latest[route])
        return RouteView(
            route,
            self.rates[route] * self.rate,
            self.sent[route],
            ok,
            {},
            self.sent[route] - ok,
            _quantiles(done),
        )

    def _comparison(self) -> Comparison | None:
        if not self.marks or all(mark.kind != "fix" for mark in self.marks):
            return None
        routes = []
        for route, values in self.latest.items():
            before = _quantiles([v for t, v in values if t <= self.since])
            after = _quantiles([v for t, v in values if self.since < t - v and t <= self.now])
            enough = min(before.count, after.count) >= 30
            routes.append(RouteComparison(route, before, after, enough))
        return Comparison(
            tuple(self.before_fixes), tuple(self.fixes), self.since, 30, tuple(routes)
        )


class FakeController:
    """The contract of a run, over a world; `calls` is what the keys asked of it."""

    def __init__(self, world: BlockWorld | None = None, clock_offset_ns: int = 0):
        self.world = world or BlockWorld()
        self.offset = clock_offset_ns
        self.calls: list[tuple] = []
        self.status = Status("running", url="http://127.0.0.1:8000")
        self.scenario = SCENARIO
        self.catalogue = ENTRIES
        self.blank = False
        """True: nothing has been seen of the target yet."""
        self.polls: list[tuple[int, int]] = []
        self.stacks: dict[int, tuple[Location, ...]] = {}
        """What is known of tasks' await stacks."""

    def poll(self) -> None:
        pass

    def past(self, held: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
        requests = [r for r in held.requests if r.end_ns > start_ns and r.start_ns < end_ns]
        return replace(held, now_ns=end_ns, requests=tuple(requests))

    def hold(self, since_ns: int) -> None:
        self.calls.append(("hold", since_ns))

    def frame(self, now_ns: int, window_ns: int) -> Frame:
        self.polls.append((now_ns, window_ns))
        self.world.advance(now_ns + self.offset)
        status = replace(self.status, fixes_on=self.world.fixes, rate=self.world.rate)
        return Frame(self.scenario, status, None if self.blank else self.world.snapshot(window_ns))

    def ask_stack(self, task: int) -> tuple[Location, ...] | None:
        self.calls.append(("ask_stack", task))
        return self.stacks.get(task)

    def entries(self) -> tuple[ScenarioInfo, ...]:
        return self.catalogue

    def toggle(self, key: str) -> None:
        self.calls.append(("toggle", key))
        self.world.toggle(key)

    def baseline(self) -> None:
        self.calls.append(("baseline",))

    def set_rate(self, factor: float) -> None:
        self.calls.append(("set_rate", factor))
        self.world.set_rate(factor)

    def switch(self, scenario_id: str) -> None:
        self.calls.append(("switch", scenario_id))
        self.scenario = next(entry for entry in self.catalogue if entry.id == scenario_id)

    def restart(self) -> str:
        self.calls.append(("restart",))
        self.status = Status("running")
        return ""

    def close(self) -> None:
        self.calls.append(("close",))


def resource(
    name: str, used: int, capacity: int, waiting: int = 0, kind: str = "asyncio.Semaphore", **more
) -> ResourceView:
    """A resource with so many units in use, and so many that wait for one."""
    given = {
        "name": name,
        "kind": kind,
        "capacity": capacity,
        "instances": 1,
        "location": None,
        "in_use": Occupied(used, used, used),
        "waiting": Occupied(waiting, waiting, waiting),
        "idle": 0,
        "waited": Quantiles(),
        "given_up": Quantiles(),
        "holders": (),
        "waiters": (),
        "in_use_track": _track([]),
        "waiting_track": _track([]),
    }
    return ResourceView(**given | more)


def _location() -> Location:
    return Location("scenarios/block.py", 41, "report", str(SOURCE))


def _request(work: Work, begin: int, now: int) -> RequestView | None:
    if work.sent_ns >= now or (work.end_ns and work.end_ns <= begin):
        return None
    is_open = not work.end_ns or work.end_ns > now
    spans = [(s, min(e, now), state) for s, e, state in work.spans if s < now]
    until = spans[-1][1] if spans else work.sent_ns
    if is_open and until < now:
        spans.append((until, now, State.READY))

    def total(*states: State) -> int:
        return sum(e - s for s, e, state in spans if state in states)

    return RequestView(
        work.number,
        work.route,
        work.lane,
        tuple(spans),
        work.sent_ns,
        now if is_open else work.end_ns,
        is_open,
        0 if is_open else 200,
        total(State.RUN, State.BLOCKING),
        total(State.READY),
        total(State.AWAIT),
    )


def _track(pairs: list[tuple[int, int]]) -> Track:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Track(table[:, 0], table[:, 1])


def _quantiles(values: list[int]) -> Quantiles:
    if not values:
        return Quantiles()
    values = sorted(values)

    def at(share: float) -> int:
        return values[min(len(values) - 1, int(share * len(values)))]

    return Quantiles(len(values), at(0.5), at(0.9), at(0.99), values[-1])
