"""Random programs on virtual time: what is recorded of a primitive against a model of it.

The models know nothing of the probe: they are told what a task is about to do and what came of
it, and say who holds and who waits; each event must be in the recording, and no other.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, WAIT_GET, WAIT_PUT, Kind
from tests.support.recording import FEW, Recording, coroutine_name

MS = 1 / 1024  # exact as a float
times = st.integers(0, 6)
cancels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), max_size=6)
few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Gate:
    """asyncio's Semaphore: a released unit is handed to the first in line, who is told so."""

    wakes_all = sys.version_info >= (3, 13)
    handed_over = True

    def __init__(self, capacity):
        self.capacity = capacity
        self.holders, self.line, self.granted = set(), [], set()
        self.waiting = frozenset()
        self.told = 0
        self.events = []

    def in_use(self):
        return len(self.holders) + (len(self.granted) if self.handed_over else 0)

    def must_wait(self):
        return self.in_use() >= self.capacity or bool(self.line)

    def grant(self, most):
        for name in self.line:
            if most and self.in_use() < self.capacity and name not in self.granted:
                self.granted.add(name)
                most -= 1

    def emit(self, kind):
        if kind in ("ACQUIRED", "RELEASED"):
            self.told = self.in_use()
        self.events.append((kind, self.told, frozenset(self.holders), self.waiting))

    def asks(self, name):
        """It is about to acquire: must it wait?"""
        if self.must_wait():
            self.line.append(name)
            self.waiting |= {name}
            self.emit("WAIT")
            return True
        self.holders.add(name)
        self.emit("ACQUIRED")
        return False

    def got(self, name):
        """Its wait was worth it."""
        self.line.remove(name)
        self.granted.discard(name)
        self.holders.add(name)
        self.waiting -= {name}
        self.after_wait()
        self.emit("ACQUIRED")

    def after_wait(self):
        self.grant(len(self.line) if self.wakes_all else 1)

    def cancel(self, name):
        """Its task is cancelled now; it will notice in its next step."""
        if name in self.line and name not in self.granted:
            self.line.remove(name)

    def gave_up(self, name):
        """It has noticed."""
        if name in self.holders:  # it had it, but not for long
            self.release(name)
            return
        if name in self.line:
            self.line.remove(name)
        if name in self.granted:
            self.granted.remove(name)
            self.grant(len(self.line) if self.wakes_all else 1)
        elif self.wakes_all:
            self.grant(len(self.line))
        if self.in_use() < self.told:
            self.emit("RELEASED")
        self.waiting -= {name}
        self.emit("WAIT_OVER")

    def release(self, name):
        self.holders.remove(name)
        self.grant(1)
        self.emit("RELEASED")


class Door(Gate):
    """asyncio's Lock: a release only tells the first in line that he may try."""

    handed_over = False
    left = frozenset()
    """In line, but cancelled, and has not noticed: whoever is told to try is told in vain."""

    def after_wait(self):
        pass

    def must_wait(self):
        return bool(self.holders or set(self.line) - self.left)

    def grant(self, most):
        if self.line and self.line[0] not in self.left:
            self.granted.add(self.line[0])

    def cancel(self, name):
        if name in self.line and name not in self.granted:
            self.left |= {name}

    def gave_up(self, name):
        if name in self.line:
            self.line.remove(name)
        self.left -= {name}
        self.granted.discard(name)
        if not self.holders:
            self.grant(1)
        self.waiting -= {name}
        self.emit("WAIT_OVER")


class Tokens(Gate):
    """anyio's CapacityLimiter: whoever is handed a token leaves the line at once."""

    def must_wait(self):
        return self.in_use() >= self.capacity or any(n not in self.granted for n in self.line)

    def after_wait(self):
        pass

    def cancel(self, name):
        pass

    def gave_up(self, name):
        self.wakes_all = False
        super().gave_up(name)


async def use(gate, model, name, program, cancel):
    for op, ms in program:
        try:
            if op == "sleep":
                await asyncio.sleep(ms * MS)
                continue
            waits = model.asks(name)
            try:
                await gate.acquire()
            except asyncio.CancelledError:
                model.gave_up(name)
                raise
            if waits:
                model.got(name)
            try:
                await asyncio.sleep(ms * MS)
            finally:
                gate.release()
                model.release(name)
                if op == "drop" and model.line:  # he was handed it, and is gone before he knows
                    cancel(model.line[0])
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()


def recorded(main):
    with tempfile.TemporaryDirectory() as folder, VirtualLoop() as loop:
        probe = install(
            loop,
            path=Path(folder) / "probe",
            clock=loop.clock,
            watchdog=False,
            heartbeat_s=None,
            capacity=FEW,
        )
        loop.run(main)
        probe.uninstall()
        recording = Recording(probe.folder)
    assert not [e for e in recording.aux if e.kind is Kind.HOOK_FAILED]
    return recording


def names(recording):
    starts = [e for e in recording.of(Kind.TASK_START) if coroutine_name(e) == "use"]
    return {start.task_id: i for i, start in enumerate(starts)}


def told(recording, kind):
    """The recorded events of the one resource of that kind, as a reader would follow them."""
    (resource,) = {
        e.a >> 32 for e in recording.of(Kind.RESOURCE) if e.text.split("\t")[0] == kind
    } or {0}
    tasks, holders, waiting, in_use = names(recording), set(), set(), 0
    for event in recording.of(Kind.WAIT, Kind.WAIT_OVER, Kind.ACQUIRED, Kind.RELEASED):
        if event.a & NUMBER != resource:
            continue
        task = tasks.get(event.task_id)
        match event.kind:
            case Kind.WAIT:
                waiting.add(task)
            case Kind.WAIT_OVER:
                waiting.remove(task)
            case Kind.ACQUIRED:
                waiting.discard(task)
                holders.add(task)
                in_use = event.b
            case Kind.RELEASED:
                holders.discard(task)
                in_use = event.b
        yield event.kind.name, in_use, frozenset(holders), frozenset(waiting)


GATES = {
    "asyncio.Lock": (lambda _: asyncio.Lock(), lambda _: Door(1)),
    "asyncio.Semaphore": (asyncio.Semaphore, Gate),
    "asyncio.BoundedSemaphore": (asyncio.BoundedSemaphore, Gate),
    "anyio.CapacityLimiter": (anyio.CapacityLimiter, Tokens),
}
gate_programs = st.lists(
    st.lists(st.tuples(st.sampled_from(["hold", "drop", "sleep"]), times), max_size=4),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("kind", GATES)
@few
@given(programs=gate_programs, capacity=st.integers(1, 3), plan=cancels)
def test_occupancy_is_the_models_at_every_event(kind, programs, capacity, plan):
    make, make_model = GATES[kind]
    model = make_model(capacity)

    async def main():
        gate = make(capacity)

        def cancel(i):
            if i < len(tasks) and not tasks[i].done():
                model.cancel(i)
                tasks[i].cancel()

        tasks = [
            asyncio.create_task(use(gate, model, i, program, cancel))
            for i, program in enumerate(programs)
        ]
        for i, at in plan:
            asyncio.get_running_loop().call_later(at * MS, cancel, i)
        await asyncio.gather(*tasks, return_exceptions=True)

    recording = recorded(main())
    assert list(told(recording, kind)) == model.events
    assert not model.holders
    assert not model.waiting


class Pipe:
    """A queue: its items, and who waits to put and who to get."""

    def __init__(self, size):
        self.size, self.items, self.events = size, 0, []

    def asks(self, name, direction):
        waits = self.items == 0 if direction == WAIT_GET else 0 < self.size <= self.items
        if waits:
            self.events.append(("WAIT", name, direction))
        return waits

    def did(self, name, direction):
        self.items += 1 if direction == WAIT_PUT else -1
        self.events.append(("QUEUE_SIZE", name, self.items))

    def over(self, name, direction):
        self.events.append(("WAIT_OVER", name, direction))


async def use_queue(queue, model, name, program):
    for op, ms in program:
        try:
            if op == "sleep":
                await asyncio.sleep(ms * MS)
                continue
            direction = WAIT_PUT if op == "put" else WAIT_GET
            waits = model.asks(name, direction)
            try:
                await (queue.put(ms) if op == "put" else queue.get())
                model.did(name, direction)
            finally:
                if waits:
                    model.over(name, direction)
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()


queue_programs = st.lists(
    st.lists(st.tuples(st.sampled_from(["put", "get", "sleep"]), times), max_size=5),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("make", [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue])
@few
@given(programs=queue_programs, size=st.integers(0, 3), plan=cancels)
def test_a_queue_is_the_models_at_every_event(make, programs, size, plan):
    model = Pipe(size)

    async def main():
        queue = make(size)
        tasks = [
            asyncio.create_task(use_queue(queue, model, i, program))
            for i, program in enumerate(programs)
        ]
        for i, at in plan:
            asyncio.get_running_loop().call_later(at * MS, tasks[i % len(tasks)].cancel)
        await asyncio.wait(tasks, timeout=40 * MS)
        for task in tasks:
            while not task.done():  # it waits for good, and may do so again in its next op
                task.cancel()
                await asyncio.sleep(MS)

    recording = recorded(main())
    starts = [e for e in recording.of(Kind.TASK_START) if coroutine_name(e) == "use_queue"]
    tasks = {start.task_id: i for i, start in enumerate(starts)}
    events = [
        (e.kind.name, tasks[e.task_id], e.b if e.kind is Kind.QUEUE_SIZE else e.a >> 32)
        for e in recording.of(Kind.WAIT, Kind.WAIT_OVER, Kind.QUEUE_SIZE)
    ]
    assert events == model.events
