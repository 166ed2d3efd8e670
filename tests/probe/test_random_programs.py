"""Random programs that use asyncio in many ways: they do watched what they do bare.

`python -m pytest -n0 -m soak tests/probe/test_random_programs.py --minutes 10` runs more of them.
"""

import gc
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from loopviz.probe import hooks, install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, Kind
from tests.support.cores import native_core
from tests.support.random_programs import World, deterministic, with_threads
from tests.support.recording import FEW, Recording

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
TIMED = (Kind.STEP, Kind.CALLBACK, Kind.POLLED, Kind.TIMER, Kind.GC)
OF_RESOURCES = (Kind.WAIT, Kind.WAIT_OVER, Kind.ACQUIRED, Kind.RELEASED, Kind.QUEUE_SIZE)
COUNTED = (Kind.POLLED, Kind.TASK_END, Kind.ACQUIRED, Kind.RELEASED, Kind.QUEUE_SIZE, Kind.GC)
"""Kinds whose `b` names no text."""
OF_FINALIZERS = (Kind.EXCEPTION_NEVER_RETRIEVED, Kind.TASK_DESTROYED, Kind.NEVER_AWAITED)
"""The Python core lets go of a task one switch later than the native one."""
QUIET = {"watchdog": False, "capacity": FEW}
SETTINGS = settings(
    deadline=None,
    derandomize=False,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def native():
    return importlib.import_module("loopviz.probe._native.loop").make_hooks


def run(program, make_hooks=None, heartbeat_s=None):
    """What a program did, and what was recorded of it; bare without `make_hooks`."""
    records = []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        if make_hooks:
            patch.setattr(sys.modules["loopviz.probe.install"], "make_hooks", make_hooks)
        gc.disable()  # a collection would end generators and tasks now here, now there
        try:
            with VirtualLoop() as loop:
                probe, began = None, loop.clock()
                if make_hooks:
                    watched = {"path": folder, "clock": loop.clock, "heartbeat_s": heartbeat_s}
                    probe = install(loop, **watched, **QUIET)
                log = World(loop).run(*program)
                if probe:
                    assert probe.coverage == "full"
                    probe.uninstall()
                    records = normal(Recording(Path(folder)), began)
        finally:
            gc.enable()
    return log, records


def normal(seen, began):
    """The records: numbers and texts in the order of their first use, times from the start."""
    tasks = numbers(0, *(event.task_id for event in seen.of(Kind.TASK_START)))
    resources = numbers(0, *(event.a >> 32 for event in seen.of(Kind.RESOURCE)))
    records, text = [], seen.strings.__getitem__
    for event in seen.loop:
        a, b = event.a, event.b if event.kind in COUNTED else event.text
        if event.kind is Kind.TASK_START:
            a = tasks[a >> 32], text(a & NUMBER)
        elif event.kind is Kind.RESOURCE:
            a = resources[a >> 32], a & NUMBER
        elif event.kind in OF_RESOURCES:
            more = a >> 32
            a = text(more) if event.kind is Kind.ACQUIRED else more, resources[a & NUMBER]
        elif event.kind is Kind.WOKEN:
            a = tasks[a]
        elif event.kind in TIMED:
            a -= began
        records.append((event.kind, event.at - began, a, tasks[event.task_id], b))
    records.sort(key=lambda record: record[0] in OF_FINALIZERS)
    return records


def numbers(*found):
    return {number: at for at, number in enumerate(dict.fromkeys(found))}


def check(program):
    """Bare, on the native core, and on the Python core it does the same; both record the same."""
    bare, _ = run(program)
    log, records = run(program, native())
    assert log == bare
    python, expected = run(program, hooks.make_python_hooks)
    assert python == bare
    assert records == expected


def run_with_threads(program):
    """On real time, and with the probe going in and out: it comes to its end."""
    with tempfile.TemporaryDirectory() as folder, VirtualLoop() as loop:
        probes = [install(loop, path=folder, **QUIET)]

        def swap():
            probes.append(probes.pop().uninstall() or install(loop, path=folder, **QUIET))

        def subloop(other):
            return install(other, path=folder + "/sub", **QUIET).uninstall

        log = World(loop, swap, subloop).run(*program)
        probes.pop().uninstall()
    assert log[-1] is not None


@native_core
@settings(SETTINGS, max_examples=40, derandomize=True)
@given(program=deterministic)
def test_a_program_does_watched_what_it_does_bare(program):
    check(program)


@native_core
@settings(SETTINGS, max_examples=10, derandomize=True)
@given(program=with_threads)
def test_a_program_with_threads_comes_to_its_end(program):
    run_with_threads(program)


@native_core
@pytest.mark.soak
@pytest.mark.timeout(0)
def test_for_minutes(pytestconfig):
    """A crash leaves the program that was running in a file."""
    last = Path(tempfile.gettempdir(), f"loopviz-program-{os.getpid()}.txt")
    print(f"\nthe program that is running: {last}")
    end = time.monotonic() + 60 * pytestconfig.getoption("minutes")
    ran = 0
    while time.monotonic() < end:
        for strategy, what in ((deterministic, check), (with_threads, run_with_threads)):
            ran += some(strategy, what, last)
    last.unlink()
    print(f"{ran} programs")


def some(strategy, what, last):
    """Run random programs; how many it were."""
    ran = 0

    @seed(time.time_ns())
    @settings(SETTINGS, max_examples=50)
    @given(program=strategy)
    def run_one(program):
        nonlocal ran
        ran += 1
        last.write_text(f"{what.__name__}({program!r})\n")
        what(program)

    run_one()
    return ran
