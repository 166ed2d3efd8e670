"""Random small programs: what the probe measured against what the program itself saw."""

import asyncio
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording import Recording

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, Kind

durations = st.integers(0, 40)
leaves = st.one_of(
    st.tuples(st.just("sleep"), durations),
    st.tuples(st.just("block"), durations),
    st.just(("yield",)),
)
programs = st.recursive(
    st.lists(leaves, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            leaves,
            st.tuples(st.just("spawn"), inner),
            st.tuples(st.just("gather"), st.lists(inner, max_size=3)),
        ),
        max_size=5,
    ),
    max_leaves=12,
)


class Interpreter:
    """Runs a program, and notes on its own when each task ran, for how long, and woken when."""

    def __init__(self, clock):
        self.clock = clock
        self.steps = {}  # task -> [(ready or None, start)], as the task saw them
        self.busy = {}  # task -> all its blocks
        self.spawned = []
        self.parents = {}

    def task(self, program, parent):
        return self.run(program, parent, self.clock())

    async def run(self, program, parent, created_ns):
        me = asyncio.current_task()
        self.parents[me] = parent
        steps = self.steps[me] = [(created_ns, self.clock())]
        self.busy[me] = 0
        for op, *rest in program:
            ready = None
            if op == "block":
                time.sleep(rest[0] / 1000)
                self.busy[me] += rest[0] * MS
                continue
            if op == "spawn":
                self.spawned.append(asyncio.create_task(self.task(rest[0], me)))
                continue
            if op == "yield" or (op == "sleep" and rest[0] == 0):
                ready = self.clock()
                await asyncio.sleep(0)
            elif op == "sleep":
                await asyncio.sleep(rest[0] / 1000)
            elif op == "gather" and rest[0]:
                await asyncio.gather(*(self.task(p, me) for p in rest[0]))
            else:
                continue  # to gather nothing takes no step
            steps.append((ready, self.clock()))

    async def main(self, program):
        root = asyncio.create_task(self.task(program, None))
        await root
        while self.spawned:
            await self.spawned.pop()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs)
def test_every_step_of_every_task_is_exact(program):
    with tempfile.TemporaryDirectory() as folder, VirtualLoop() as loop:
        probe = install(loop, path=folder, clock=loop.clock, watchdog=False, heartbeat_s=None)
        began = loop.clock()
        told = Interpreter(loop.clock)
        loop.run(told.main(program))
        ended = loop.clock()
        probe.uninstall()
        seen = Recording(Path(folder))
        numbers = {task: task._loopviz_tag & NUMBER for task in told.steps}

    for task, steps in told.steps.items():
        recorded = seen.steps(numbers[task])
        assert [at for _, at, _ in recorded] == [at for _, at in steps]
        assert sum(ran for *_, ran in recorded) == told.busy[task]
        for (ready, at), (ready_seen, at_seen, _) in zip(steps, recorded, strict=True):
            assert ready_seen <= at_seen == at
            if ready is not None:
                assert ready_seen == ready

    parents = {e.task_id: e.a >> 32 for e in seen.of(Kind.TASK_START)}
    for task, parent in told.parents.items():
        if parent is not None:
            assert parents[numbers[task]] == numbers[parent]
    assert {e.task_id for e in seen.of(Kind.TASK_END)} >= set(numbers.values())

    busy = sum(told.busy.values())
    lasted = seen.durations()
    assert sum(ns for s, ns in lasted if s.kind is not Kind.IDLE) == busy
    assert sum(ns for s, ns in lasted if s.kind is Kind.IDLE) == ended - began - busy

    model = Model()
    model.feed(seen.batch(), seen.strings)
    elapsed = ended - began
    assert model.loop.utilization == (busy / elapsed if elapsed else None)
    assert model.loop.busy_ns == busy
    longest = max((ns for s, ns in lasted if s.kind in (Kind.STEP, Kind.CALLBACK)), default=0)
    assert model.loop.callback_all.max_ns == longest
