"""Whatever blocks the loop: its line, the call it made, how long, and who waited; once."""

import asyncio
import functools
import gc
import json
import linecache
import subprocess
import sys
import time
from typing import NamedTuple

import pytest

from loopviz.clock import MS, SECOND, monotonic_ns
from loopviz.engine.collector import Collector
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.state.stalls import SLOW_NS
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.wire.ring import AUX_RING, LOOP_RING
from tests.probe import blockers
from tests.probe import slow_app as slow_app_file
from tests.support.recording import FEW, Recording

pytestmark = pytest.mark.real

WAITING, TIMES = 50, 3


class Held(NamedTuple):
    """What the culprit itself has measured."""

    begin_ns: int
    end_ns: int
    waited_ns: int = 0
    """How long its thread waited for a core meanwhile."""

    @property
    def own_ns(self) -> int:
        return self.end_ns - self.begin_ns - self.waited_ns


def model_of(folder):
    """All that the probe has seen."""
    model = Model(naming=Naming((), linecache.getline))
    collector = Collector(folder / LOOP_RING, folder / AUX_RING, model)
    collector.drain()
    collector.close()
    return model


def stall_at(model, held):
    """The one stall at that time."""
    (stall,) = model.trace.stalls.overlapping(held.begin_ns, held.end_ns)
    model.trace.samples.describe(stall)
    return stall


def error_ns(stall, held):
    """By how much it lasted longer, or shorter, than the culprit has measured."""
    return abs((stall.end_ns - stall.start_ns) - (held.end_ns - held.begin_ns))


async def request(app):
    """A request in flight, without a server."""
    scope = {"type": "http", "method": "GET", "path": "/waits", "headers": []}
    await app(scope, None, None)


def hold(folder, block, start, *, tripwire=False):
    """Run `block` a few times in a loop; 50 requests are ready, and wait for it."""
    held = []
    gate = asyncio.Event()
    waiting = 0

    async def waits(_scope, _receive, _send):
        nonlocal waiting
        await asyncio.sleep(0.001)
        waiting += 1
        await gate.wait()
        waiting -= 1
        await asyncio.sleep(0.001)

    def culprit():
        begin, before = monotonic_ns(), slow_app_file.waited_ns()
        gate.set()
        block()
        time.sleep(0)  # whoever waits for the GIL has it now, and not after the clock was read
        waited = slow_app_file.waited_ns() - before  # reads a file: not after the clock was read
        held.append(Held(begin, monotonic_ns(), waited))

    async def main():
        probe = install(path=folder, heartbeat_s=None, tripwire=tripwire, capacity=FEW)
        app = watch_requests(waits, probe.hooks)
        patience = monotonic_ns() + SECOND
        while not Recording(folder).aux and monotonic_ns() < patience:
            await asyncio.sleep(0.001)  # until the watchdog's first look, where that is recorded
        for _ in range(TIMES):
            requests = [asyncio.create_task(request(app)) for _ in range(WAITING)]
            while waiting < WAITING:
                await asyncio.sleep(0.001)
            await start(culprit)
            await asyncio.gather(*requests)
            gate.clear()
        probe.uninstall()

    gc.disable()  # its pauses are stalls of their own
    try:
        asyncio.run(main())
    finally:
        gc.enable()
    return held


async def as_task(culprit):
    async def run():
        culprit()

    await asyncio.create_task(run())


async def soon(culprit):
    asyncio.get_running_loop().call_soon(culprit)
    await asyncio.sleep(0.01)


async def by_timer(culprit):
    asyncio.get_running_loop().call_later(0.005, culprit)
    await asyncio.sleep(0.01)


ROWS = {
    "time.sleep": (blockers.sleep, as_task, None),
    "a socket": (blockers.socket_receive, as_task, None),
    "a locked database": (blockers.database_lock, as_task, None),
    "a file": (blockers.file_read, as_task, ("pathlib", "read_bytes")),
    "subprocess.run": (blockers.run_program, as_task, ("subprocess.py", "run")),
    "Python code": (blockers.python_code, as_task, None),
    "a regular expression": (blockers.regular_expression, as_task, ("re/__init__.py", "match")),
    "json in C": (blockers.json_in_c, as_task, ("json/__init__.py", "dumps")),
    "json in Python": (blockers.json_in_python, as_task, ("json/__init__.py", "dumps")),
    "a C function": (blockers.c_function, as_task, None),
    "an operator": (blockers.operator, as_task, None),
    "C code asleep with the GIL": (blockers.asleep_with_the_gil, as_task, None),
    "logging": (blockers.log_to_a_full_pipe, as_task, ("logging/__init__.py", "Logger.warning")),
    "DNS": (blockers.name_lookup, as_task, ("socket.py", "getaddrinfo")),
    "a finalizer": (blockers.finalizer, as_task, None),
    "a callback": (blockers.sleep, soon, None),
    "a timer": (blockers.c_function, by_timer, None),
}


BY_TRIPWIRE = ("an operator",)
"""No function is called there, and so nothing runs any more on that line when the GIL is free."""


@pytest.mark.parametrize("name", ROWS)
def test_a_stall(tmp_path, name):
    blocker, start, call = ROWS[name]
    with blocker(tmp_path) as block:
        function = block.func if isinstance(block, functools.partial) else block
        if blocker is blockers.finalizer:
            function = blockers.Slow.__del__
        held = hold(tmp_path / "probe", block, start, tripwire=name in BY_TRIPWIRE)
    model = model_of(tmp_path / "probe")
    stalls = [stall_at(model, each) for each in held]
    for stall, each in zip(stalls, held, strict=True):
        where = stall.location
        assert (where.path, where.line) == blockers.line_that_holds(function)
        assert where.function.rpartition(".")[2] == function.__name__
        assert stall.stack.index(where) == (
            0 if call is None else stall.stack.index(stall.call) + 1
        )
        if call is not None:
            file, called = call
            assert file in stall.call.path
            assert stall.call.function.endswith(called)
        assert stall.victims == WAITING
        assert stall.request == 0
        assert each.own_ns >= SLOW_NS, "slow on any machine"
        runs = "as_task.<locals>.run" if start is as_task else "hold.<locals>.culprit"
        assert stall.label == runs
    # the middle one: a busy machine may take the core away between two readings of the clock
    assert sorted(map(error_ns, stalls, held))[TIMES // 2] < MS


def test_the_duration_needs_no_sample(tmp_path):
    """The switch trace gives it; the watchdog only says where."""
    held = []

    async def holds():
        begin = monotonic_ns()
        time.sleep(0.03)
        held.append(Held(begin, monotonic_ns()))

    async def main():
        probe = install(path=tmp_path / "probe", watchdog=False, heartbeat_s=None)
        for _ in range(TIMES):
            await asyncio.create_task(holds())
        probe.uninstall()

    asyncio.run(main())
    model = model_of(tmp_path / "probe")
    stalls = [stall_at(model, each) for each in held]
    assert [stall.location for stall in stalls] == [None] * TIMES
    assert sorted(map(error_ns, stalls, held))[TIMES // 2] < MS


@pytest.fixture(scope="module")
def slow_app(tmp_path_factory):
    """What the app of `slow_app.py` has measured, and the model of what the probe has seen."""
    folder = tmp_path_factory.mktemp("slow") / "probe"
    program = [sys.executable, slow_app_file.__file__, folder]
    done = subprocess.run(program, check=True, stdout=subprocess.PIPE, timeout=60)
    return *json.loads(done.stdout), model_of(folder)


@pytest.mark.parametrize(
    ("path", "function", "call"),
    [
        ("/endpoint", slow_app_file.endpoint, None),
        ("/dependency", slow_app_file.dependency, None),
        ("/middleware", slow_app_file.Middleware.__call__, None),
        ("/serialization", slow_app_file.big, "fastapi/routing.py"),
    ],
)
def test_a_stall_of_fastapi_under_load(slow_app, path, function, call):
    measured, pings, model = slow_app
    held = [Held(*times) for times in measured[path]]
    assert len(held) == TIMES
    stalls = [stall_at(model, each) for each in held]
    for stall, each in zip(stalls, held, strict=True):
        where = stall.location
        assert (where.path, where.line) == blockers.line_that_holds(function)
        assert where.function == function.__qualname__
        assert (stall.call and stall.call.file) == call
        assert each.own_ns >= SLOW_NS, "slow on any machine"
        assert stall.label == f"GET {path}"
        victims = [sent for sent, began in pings if sent < each.end_ns <= began]
        assert victims, "the load went on"
        # of one client, a request that is about to end and its next may both be in flight
        assert len(victims) <= stall.victims <= 2 * slow_app_file.CLIENTS
    assert sorted(map(error_ns, stalls, held))[TIMES // 2] < MS
