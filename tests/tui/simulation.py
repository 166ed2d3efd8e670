"""Scenarios played on a virtual clock and told to the real model: what the screen shows is true.

`World` is a small event loop: tasks are generators that yield what they do, one callback runs at a
time, timers are late when it is held. Everything it does is told as a `Story`, and the model is fed
what had happened by the moment that is asked for. All follows from the seed and the keys pressed.
"""

import heapq
import random
from functools import cache
from pathlib import Path

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.lab.catalogue import ScenarioInfo, find
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import Snapshot
from loopviz.testing import Story
from loopviz.wire.samples import Sample
from tests.tui.endpoints import PLAYS, US, Pool, Steps

T0 = 1000 * SECOND
"""When a world begins: nothing may depend on small numbers."""

HEARTBEAT_NS = 20 * MS
WATCHED_NS = 10 * MS
"""A callback that runs for so long is sampled by the watchdog."""

POOL_TIMEOUT_NS = SECOND
"""Who has waited for so long gets a 500."""

TIMED_OUT = "TimeoutError: QueuePool limit of size 5 overflow 0 reached"

CYCLE = "run_asgi\t/lib/python3.11/site-packages/uvicorn/protocols/http.py\t416\trun_asgi"
LOOPS = "\t/lib/python3.11/asyncio/events.py\t1\t"


@cache
def known(scenario: str) -> ScenarioInfo:
    """A scenario that comes with loopviz, as it is in its file."""
    return find(scenario, ())


class World:
    """Advance it, then take snapshots of its model; fixes and rates are heeded from then on."""

    def __init__(self, scenario: str = "block", seed: int = 7, begin_ns: int = T0) -> None:
        self.scenario = info = known(scenario)
        self.random = random.Random(seed)
        self.fixes: frozenset[str] = frozenset()
        self.rate = 1.0
        self.story = Story(begin_ns)
        self.model = Model(
            [(load.name, load.rps) for load in info.load],
            [fix.key for fix in info.fixes if not fix.wrong],
            Naming([(str(info.path.parent), "scenarios")], _line),
            answers={fix.key: fix.answers for fix in info.fixes},
            counters=[(c.key, c.title, c.bad) for c in info.counters],
            headline=info.headline,
        )
        self.told_ns = begin_ns
        self._later: dict[str, list] = {"loop": [], "aux": [], "samples": []}
        self._pools: list[Pool] = []
        self._jobs = 0
        self._tasks = 3
        self._agenda: list[tuple] = []
        self._count = 0
        self._running: dict[int, Steps] = {}
        self._routes: dict[int, int] = {}
        self._sent_at: dict[int, int] = {}
        self._granted: dict[int, Pool] = {}
        self._sent = [0] * len(info.load)
        self._done = [0] * len(info.load)
        self._workers = [f"ThreadPoolExecutor-0_{n}" for n in range(8)]
        self._begin()
        self.threads = self.add(
            8,
            "ThreadPoolExecutor",
            LOOPS,
            name="default executor",
        )
        self.play = PLAYS[scenario](info, self)
        for pool in self._pools:
            self.story.resource(
                pool.number, pool.kind, pool.capacity, name=pool.name, made_at=pool.made_at[1:]
            )

    def add(self, capacity: int, kind: str, made_at: str, *, name: str = "") -> Pool:
        """A resource that the play's steps can use."""
        self._pools.append(Pool(len(self._pools) + 1, kind, capacity, name, made_at))
        return self._pools[-1]

    def toggle(self, key: str) -> None:
        before, self.fixes = self.fixes, self.scenario.toggled(self.fixes, key)
        for one in sorted(before ^ self.fixes, key=lambda one: one in before):
            self.model.mark(self.told_ns, f"fix:{one}={'on' if one in self.fixes else 'off'}")

    def set_rate(self, factor: float) -> None:
        self.rate = factor
        self.model.mark(self.told_ns, f"load:{factor}")

    def advance(self, to_ns: int) -> None:
        """Everything until then happens, and is told."""
        while self.story.now_ns < to_ns:
            self._turn(to_ns)
        self.told_ns = max(to_ns, self.told_ns)
        self._tell()

    def snapshot(self, window_ns: int = 6 * SECOND) -> Snapshot:
        return self.model.snapshot(self.told_ns, window_ns)

    def _begin(self) -> None:
        self.model.mark(self.told_ns, f"scenario:{self.scenario.id}")
        server = "Server.serve\t/lib/python3.11/site-packages/uvicorn/server.py\t70\tserve"
        self.story.task(1, server, name="Task-1").step(1, 50 * US)
        user = f"refresh\t{self.scenario.path}\t30\trefresh"
        self.story.task(2, user, parent=1, name="refresh").step(2, 80 * US)
        self._push(self.told_ns + HEARTBEAT_NS, "heartbeat")
        self._push(self.told_ns + SECOND, "tick", 2)
        for route in range(len(self.scenario.load)):
            self._push(self.told_ns + self._gap(route), "arrive", route)

    def _gap(self, route: int) -> int:
        rps = self.scenario.load[route].rps * self.rate
        return int(self.random.expovariate(rps) * SECOND) if rps else SECOND

    def _push(self, at: int, kind: str, *what: object) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (at, self._count, kind, what))

    def _turn(self, to_ns: int) -> None:
        """One thing happens; if none is due, the loop is idle until one is."""
        due, _, kind, what = self._agenda[0]
        if due > self.story.now_ns:
            self.story.idle(due - self.story.now_ns)
        heapq.heappop(self._agenda)
        story = self.story
        late = story.now_ns - due
        if kind == "give up":
            self._give_up(*what)
        elif kind == "heartbeat":
            story.callback("", 20 * US, waited=min(late, 100 * US), late=late + 60 * US)
            self._push(due + HEARTBEAT_NS, "heartbeat")
            if self._count % 40 == 0:
                story.runs(2 * MS).gc(2 * MS, self.random.choice([0, 0, 1, 2]))
        elif kind == "tick":
            place = f"sleep\t{self.scenario.path}\t31\trefresh"
            story.step(2, 400 * US, waited=late, place=place)
            self._push(due + SECOND, "tick", 2)
        elif kind == "arrive":
            self._arrive(due, *what)
        else:
            self._step(due, *what)
        if self._count % 3 == 0:
            story.polls()

    def _arrive(self, due: int, route: int) -> None:
        self._push(due + self._gap(route), "arrive", route)
        self._tasks += 1
        task = self._tasks
        name = self.scenario.load[route].name
        self._sent[route] += 1
        self._routes[task] = route
        self._running[task] = self.play.serve(name, task)
        story = self.story
        story.callback("data_received\t/lib/python3.11/site-packages/uvicorn/x.py\t1\t", 40 * US)
        story.task(task, CYCLE, parent=1)
        self._sent_at[task] = due
        self._push(story.now_ns, "step", task, "", "first")

    def _step(self, due: int, task: int, place: str, first: str = "", by: int = 0):
        """The task goes on until it waits for something."""
        story, steps = self.story, self._running[task]
        name = self.scenario.load[self._routes[task]].name
        story.step(task, 30 * US, waited=story.now_ns - due, place=place, woken_by=by)
        if task in self._granted:
            pool = self._granted.pop(task)
            story.acquires(task, pool.number, pool.in_use)
        if first:
            story.request(task, name, sent_ns=self._sent_at[task]).phase(task, "endpoint")
        status = 200
        for what, *more in steps:
            if what == "run":
                story.runs(more[0])
            elif what == "hold":
                self._hold(*more)
            elif what == "status":
                status = more[0]
            elif what == "count":
                self._side_at(story.now_ns, lambda more=more: story.counts(*more))
            elif what == "release":
                self._release(task, more[0])
            elif what == "sleep":
                self._push(story.now_ns + more[0], "step", task, more[1])
                return
            elif what == "job":
                self._job(task, *more)
                return
            elif self._acquire(task, *more):
                return
        self._answer(task, status)

    def _answer(self, task: int, status: int) -> None:
        story = self.story
        route = self._routes.pop(task)
        name = self.scenario.load[route].name
        story.phase(task, "").response(task, name, status, sent=420).end(task)
        del self._running[task]
        self._done[route] += 1
        sent = self._sent_at.pop(task)
        sample = Sample(route, sent, sent, story.now_ns + 100 * US, status)
        flying = [s - d for s, d in zip(self._sent, self._done, strict=True)]
        self._later["samples"].append((sample, list(self._sent), flying))

    def _hold(self, lasts: int, place: str) -> None:
        """The line blocks the loop, and the watchdog sees it."""
        story = self.story
        began = story.now_ns
        _, path, line, function = place.split("\t")

        def seen() -> None:
            story.sampled(path, int(line), function)

        self._side_at(began + WATCHED_NS, seen)
        story.runs(lasts)

    def _acquire(self, task: int, pool: Pool, place: str) -> bool:
        """Whether it has to wait."""
        story = self.story
        if pool.in_use < pool.capacity:
            pool.in_use += 1
            story.acquires(task, pool.number, pool.in_use)
            return False
        story.waits_for(task, pool.number, place=place)
        pool.waiting.append((task, place))
        self._push(story.now_ns + POOL_TIMEOUT_NS, "give up", task, pool, place)
        return True

    def _give_up(self, task: int, pool: Pool, place: str) -> None:
        if (task, place) in pool.waiting:
            pool.waiting.remove((task, place))
            self.story.step(task, 100 * US, place=place).wait_over(task, pool.number)
            self.story.raises(task, TIMED_OUT, place=place)
            self._answer(task, 500)

    def _release(self, task: int, pool: Pool) -> None:
        story = self.story
        pool.in_use -= 1
        story.releases(task, pool.number, pool.in_use)
        if pool.waiting:
            other, place = pool.waiting.popleft()
            pool.in_use += 1
            self._granted[other] = pool  # told in its own next step
            self._push(story.now_ns, "step", other, place, "", task)

    def _job(self, task: int, executor: Pool, lasts: int, place: str) -> None:
        """A worker does it, at once: there are as many as are asked for."""
        story = self.story
        self._jobs += 1
        job, ends = self._jobs, story.now_ns + lasts
        story.job(job, executor.number, place, by=task)
        worker = self._workers[job % len(self._workers)]
        self._side_at(
            story.now_ns + 80 * US, lambda: story.job_starts(job, executor.number, worker)
        )
        self._side_at(ends, lambda: story.job_ends(job, executor.number))
        self._push(ends + 50 * US, "step", task, place)

    def _side_at(self, at: int, tell) -> None:
        """Told in the aux ring, at that time."""
        now, self.story.now_ns = self.story.now_ns, at
        tell()
        self.story.now_ns = now

    def _tell(self) -> None:
        """The model hears of all that had happened by now."""
        for ring, batch, feed in (
            ("aux", self.story.aux_batch, self.model.feed_aux),
            ("loop", self.story.batch, self.model.feed),
        ):
            events, strings = batch()
            events = np.concatenate([*self._later[ring], events])
            if ring == "aux":
                events = events[np.argsort(events["at"], kind="stable")]
            past = events["at"] <= self.told_ns
            self._later[ring] = [events[~past]]
            if past.any():
                feed(events[past], strings)
        samples = self._later["samples"]
        while samples and samples[0][0].done_ns <= self.told_ns:
            sample, sent, flying = samples.pop(0)
            self.model.feed_load([sample], sent, flying, [0] * len(sent))
        late_ns = self.told_ns - SECOND // 2
        for number, route in enumerate(self.model.routes.routes):
            due = (at for task, at in self._sent_at.items() if self._routes[task] == number)
            route.waiting = [at for at in due if at <= late_ns]


@cache
def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).is_file() else []


def _line(path: str, line: int) -> str:
    rows = _lines(path)
    return rows[line - 1] if 0 < line <= len(rows) else ""
