"""Busy, ready and waiting of every task, to the nanosecond; utilization; over random programs."""

import asyncio
import tempfile
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.probe import install
from loopviz.testing import Story, VirtualLoop
from loopviz.wire.events import NUMBER
from tests.support.programs import Interpreter, programs
from tests.support.recording import FEW, Recording

EXACT = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def by_number(model):
    tasks = model.trace.tasks
    return {task.number: task for task in (*tasks.ended, *tasks.live.values())}


def life(task):
    """Of one that has ended."""
    assert task.ended_ns == task.end_ns
    return task.ended_ns - task.started_ns


class Keeper(Interpreter):
    """Notes also when each task was created, and when it came to its end."""

    def __init__(self, clock):
        super().__init__(clock)
        self.lives = {}

    def task(self, program, parent):
        return self._run(program, parent, self.clock())

    async def _run(self, program, parent, created_ns):
        try:
            await self.run(program, parent, created_ns)
        finally:
            self.lives[asyncio.current_task()] = created_ns, self.clock()


@EXACT
@given(program=programs, portion=st.integers(1, 50))
def test_every_task_of_a_real_program_adds_up(program, portion):
    """The model's figures against what the program saw by itself, with the real probe between."""
    with tempfile.TemporaryDirectory() as folder, VirtualLoop() as loop:
        probe = install(
            loop,
            path=folder,
            clock=loop.clock,
            watchdog=False,
            heartbeat_s=None,
            capacity=FEW,
        )
        keeper = Keeper(loop.clock)
        loop.run(keeper.main(program))
        probe.uninstall()
        seen = Recording(Path(folder))
        numbers = {task: task._loopviz_tag & NUMBER for task in keeper.steps}
    model, events = Model(), seen.batch()
    for start in range(0, len(events), portion):
        model.feed(events[start : start + portion], seen.strings)
    tasks = by_number(model)
    for real, (created, ended) in keeper.lives.items():
        task = tasks[numbers[real]]
        assert (task.started_ns, task.ended_ns) == (created, ended)
        assert task.busy_ns + task.ready_ns + task.waiting_ns == ended - created
        assert task.busy_ns == keeper.busy[real]
        assert task.steps == len(keeper.steps[real])
        known = [(ready, at) for ready, at in keeper.steps[real] if ready is not None]
        assert task.ready_ns >= sum(at - ready for ready, at in known)
        if len(known) == task.steps:  # it only yielded: it never waited
            assert task.waiting_ns == 0
    elapsed = model.loop.busy_ns + model.loop.idle_ns
    share = Fraction(model.loop.busy_ns, elapsed) if elapsed else None
    assert model.loop.utilization == (None if share is None else float(share))
    assert model.loop.busy_ns == sum(keeper.busy.values())


durations = st.integers(0, 30)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("task"), st.integers(1, 6), st.integers(0, 6)),
        st.tuples(st.just("step"), st.integers(1, 6), durations, st.integers(0, 200)),
        st.tuples(st.just("callback"), durations),
        st.tuples(st.just("idle"), durations),
        st.tuples(st.just("end"), st.integers(0, 2)),
        st.tuples(st.just("lost"), st.integers(1, 6)),
    ),
    max_size=60,
)


@settings(EXACT, max_examples=300)
@given(moves=moves, portion=st.integers(1, 20))
def test_every_task_of_a_story_adds_up(moves, portion):
    """Against a plain account of each task's life; whatever is said of when it became ready."""
    story, now = Story(), {}  # task -> its figures while it lives
    ended, current = [], None
    busy = idle = 0

    def leave():
        """The step ends."""
        nonlocal current
        if current is not None:
            now[current]["since"] = story.now_ns
            if now[current]["over"]:
                ended.append((current, now.pop(current), story.now_ns))
            current = None

    for word, *rest in moves:
        if word == "task" and rest[0] not in now:
            number, parent = rest
            story.task(number, parent=parent)
            now[number] = dict.fromkeys(("busy", "ready", "waiting", "over"), 0)
            now[number] |= {"since": story.now_ns, "started": story.now_ns}
        elif word == "step" and rest[0] in now:
            leave()
            number, runs, since = rest
            task = now.get(number)
            if task is None:
                continue
            ready = story.now_ns - since * MS // 10
            begun = max(ready, task["since"])
            task["waiting"] += begun - task["since"]
            task["ready"] += story.now_ns - begun
            task["busy"] += runs * MS
            busy += runs * MS
            story.step(number, runs * MS, waited=since * MS // 10)
            current = number
        elif word == "callback":
            leave()
            story.callback("f", rest[0] * MS)
            busy += rest[0] * MS
        elif word == "idle":
            leave()
            story.idle(rest[0] * MS)
            idle += rest[0] * MS
        elif word == "end" and current is not None and not now[current]["over"]:
            story.end(current, rest[0])
            now[current]["over"] = 1
        elif word == "lost" and rest[0] in now and rest[0] != current:
            task = now.pop(rest[0])
            task["waiting"] += story.now_ns - task["since"]
            story.destroyed(rest[0])
            ended.append((rest[0], task, story.now_ns))
    leave()
    story.idle(0)
    events, strings = story.batch()
    model = Model()
    for start in range(0, len(events), portion):
        model.feed(events[start : start + portion], strings)

    found = defaultdict(list)
    for task in model.trace.tasks.ended:
        found[task.number].append(task)
    for number, figures, at in ended:
        task = found[number].pop(0)
        assert task.busy_ns + task.ready_ns + task.waiting_ns == life(task)
        assert (task.started_ns, task.ended_ns) == (figures["started"], at)
        assert (task.busy_ns, task.ready_ns, task.waiting_ns) == (
            figures["busy"],
            figures["ready"],
            figures["waiting"],
        )
    assert not any(found.values())
    assert set(model.trace.tasks.live) == set(now)
    for number, figures in now.items():
        task = model.trace.tasks.live[number]
        assert task.busy_ns + task.ready_ns + task.waiting_ns == task.end_ns - task.started_ns
        assert task.busy_ns == figures["busy"]
        view = model.builder.task(task, story.now_ns)
        total = view.busy_ns + view.ready_ns + view.waiting_ns
        assert total == story.now_ns - figures["started"]
    known = busy + idle
    assert model.loop.utilization == (busy / known if known else None)
