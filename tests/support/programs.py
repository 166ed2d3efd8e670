"""Random small programs of tasks, and what they see of themselves while they run."""

import asyncio
import time

from hypothesis import strategies as st

from loopviz.clock import MS

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
