"""The native core and the Python one: the same records, and what must hold of the native one."""

import _thread
import asyncio
import gc
import hashlib
import importlib
import os
import queue
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from loopviz.probe import core, hooks, install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, Kind
from tests.support.cores import native_core
from tests.support.programs import Interpreter, programs
from tests.support.recording import FEW, Recording


def make_native():
    return importlib.import_module("loopviz.probe._native.loop").make_hooks


def recorded(make_hooks, program):
    """What a core records of a program: each record, tasks by the order of their start."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(sys.modules["loopviz.probe.install"], "make_hooks", make_hooks)
        with VirtualLoop() as loop:
            probe = install(
                loop,
                path=folder,
                clock=loop.clock,
                watchdog=False,
                heartbeat_s=0.02,
                capacity=FEW,
            )
            began = loop.clock()
            loop.run(Interpreter(loop.clock).main(program))
            probe.uninstall()
        seen = Recording(Path(folder))
    tasks = {0: 0}
    for event in seen.of(Kind.TASK_START):
        tasks[event.task_id] = len(tasks)
    return [normal(event, tasks, began) for event in seen.loop]


def normal(event, tasks, began):
    a = event.a
    if event.kind is Kind.TASK_START:
        a = tasks[a >> 32] << 32 | a & NUMBER
    elif event.kind is Kind.WOKEN:
        a = tasks[a]
    elif event.kind in (Kind.STEP, Kind.CALLBACK, Kind.POLLED, Kind.TIMER):
        a -= began
    return event.kind, event.at - began, a, tasks[event.task_id], event.b, event.text


@native_core
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs)
def test_both_cores_write_the_same_records(program):
    assert recorded(make_native(), program) == recorded(hooks.make_python_hooks, program)


@native_core
def test_a_handle_is_one_of_asyncios(loop, probe_of):
    probe_of(loop)
    ran = []

    async def main():
        handle = asyncio.get_running_loop().call_soon(ran.append, 1)
        cancelled = asyncio.get_running_loop().call_soon(ran.append, 2)
        assert isinstance(handle, asyncio.Handle)
        assert "append" in repr(handle)
        assert weakref.ref(handle)() is handle
        cancelled.cancel()
        assert (handle.cancelled(), cancelled.cancelled()) == (False, True)
        assert "cancelled" in repr(cancelled)
        await asyncio.sleep(0)

    loop.run(main())
    assert ran == [1]


@native_core
def test_a_native_hook_keeps_nothing_alive(loop, probe_of):
    class Thing:
        def method(self):
            pass

    probe = probe_of(loop)
    thing = Thing()
    gone = weakref.ref(thing)
    loop.call_soon(thing.method)
    loop.run(asyncio.sleep(0.1))
    del thing
    assert gone() is None
    left = weakref.ref(loop)
    probe.uninstall()
    assert not [name for name in vars(loop) if name in ("_run_once", "call_soon", "create_task")]
    assert left() is loop


@native_core
def test_a_ring_stays_mapped_while_it_is_written(loop, probe_of):
    probe = probe_of(loop)
    with pytest.raises(BufferError):
        probe._ring.close()
    loop.run(asyncio.sleep(0.1))
    probe.uninstall()
    probe._ring.close()


@native_core
def test_a_hundred_thousand_callbacks_leave_no_object(loop, probe_of):
    """Reference counts are flat: whatever a callback makes is gone when it is over."""
    probe_of(loop)

    async def main(times):
        for _ in range(times):
            await asyncio.sleep(0)

    loop.run(main(1000))
    gc.collect()
    before = len(gc.get_objects()), sys.getallocatedblocks()
    loop.run(main(100_000))
    gc.collect()
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    assert objects - before[0] < 50
    assert blocks - before[1] < 500


@native_core
def test_a_function_in_c_may_have_no_caller():
    """A thread may begin with it."""
    make = importlib.import_module("loopviz.probe._native.phases").operation_of
    called = queue.SimpleQueue()
    operation = make(lambda **given: called.put(given), dict, {})
    _thread.start_new_thread(operation, (), {"name": "dependencies"})
    assert called.get(timeout=5) == {"name": "dependencies", "function": None}


def test_the_native_core_is_built_from_these_sources():
    assert "have changed" not in core.WHY_NOT, "build it again: pip install -e ."


@native_core
def test_a_native_core_of_other_sources_is_not_used(tmp_path, monkeypatch):
    monkeypatch.delenv("LOOPVIZ_PURE", raising=False)
    monkeypatch.setattr(core, "_FOLDER", tmp_path)
    (tmp_path / "ring.pyx").write_text("as it was")
    (tmp_path / "built_from.txt").write_text(hashlib.sha256(b"as it was").hexdigest() + "\n")
    assert core._why_not() == ""
    (tmp_path / "ring.pyx").write_text("as it is now")
    assert core._why_not() == "its sources have changed since it was built"


@pytest.mark.parametrize("pure", ["", "1"])
def test_the_core_that_is_asked_for_is_used(pure):
    ask = "from loopviz.probe import core; print(core.NATIVE, core.WHY_NOT)"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "LOOPVIZ_PURE": pure},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if pure:
        assert told == "False LOOPVIZ_PURE=1 is set\n"
    elif core.NATIVE:
        assert told == "True \n"


def test_no_native_core_turns_a_gil_on(monkeypatch):
    monkeypatch.delenv("LOOPVIZ_PURE", raising=False)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert "without a GIL" in core._why_not()


def test_an_iteration_that_is_not_known_is_left_to_python(monkeypatch):
    monkeypatch.delenv("LOOPVIZ_PURE", raising=False)
    assert core.digest_of_iteration() in core._KNOWN
    monkeypatch.setattr(core, "_KNOWN", ())
    assert "asyncio's loop is another one" in core._why_not()
