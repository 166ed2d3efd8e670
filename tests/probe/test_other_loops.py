"""Loops that are none of asyncio's: it is said that they run, once, and they run as they would."""

import types

from loopviz.engine.program_workers import ProgramWorkers
from loopviz.probe.other_loops import tell_of_trio
from loopviz.program.program import program


def test_that_trio_runs_is_told(tmp_path):
    workers = ProgramWorkers(program("python bot.py", ["python", "bot.py"]), tmp_path)
    trio = types.SimpleNamespace(run=lambda *args, **options: (args, options))
    original = trio.run
    tell_of_trio(trio, str(workers.endpoint.path))
    assert trio.run(1, clock=2) == ((1,), {"clock": 2})
    assert trio.run is original
    assert [*workers.messages()] == []
    assert (workers.other, workers.seen) == ("trio", 0)
    workers.reap(0)


def test_it_runs_where_nobody_listens(tmp_path):
    trio = types.SimpleNamespace(run=lambda value: value)
    tell_of_trio(trio, str(tmp_path / "control"))
    assert trio.run(3) == 3
