"""Random small programs: what the probe measured against what the program itself saw."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from loopviz.model.model import Model
from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, Kind
from tests.support.programs import Interpreter, programs
from tests.support.recording import FEW, Recording


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs)
def test_every_step_of_every_task_is_exact(program):
    with tempfile.TemporaryDirectory() as folder, VirtualLoop() as loop:
        probe = install(
            loop,
            path=folder,
            clock=loop.clock,
            watchdog=False,
            heartbeat_s=None,
            capacity=FEW,
        )
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
