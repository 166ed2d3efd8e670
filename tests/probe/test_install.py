"""In and out of a live loop."""

import asyncio
import gc
import stat
import time
from collections import deque

import pytest

from loopviz.errors import LoopvizError
from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import Kind
from loopviz.wire.ring import AUX_RING, LOOP_RING


async def child():
    await asyncio.sleep(0.25)


def state(loop):
    """All that a loop consists of, but for what moves by itself."""
    moving = {"_ready", "_clock_resolution", "_current_handle"}
    about_loop = {name: value for name, value in vars(loop).items() if name not in moving}
    return about_loop, dict(vars(loop._selector)), type(loop._ready)


def test_nothing_is_left_in_the_loop(loop, probe_of):
    before = state(loop)
    probe = probe_of(loop)
    assert state(loop) != before
    probe.uninstall()
    assert state(loop) == before
    assert type(loop._ready) is deque


def test_out_twice_is_harmless(loop, probe_of, recording):
    before = state(loop)
    probe = probe_of(loop)
    probe.uninstall()
    probe.uninstall()
    assert state(loop) == before
    assert recording(probe).kinds == [Kind.STOPPED]


def test_as_a_context_manager(loop, probe_of):
    before = state(loop)
    with pytest.raises(RuntimeError, match="from the app"), probe_of(loop):
        raise RuntimeError("from the app")
    assert state(loop) == before


@pytest.mark.parametrize("out", [False, True], ids=["in", "in and out"])
def test_pending_callbacks_keep_their_order(loop, probe_of, out):
    ran = []
    for i in range(5):
        loop.call_soon(ran.append, i)
    cancelled = loop.call_soon(ran.append, "cancelled")
    handles = list(loop._ready)
    probe = probe_of(loop)
    assert list(loop._ready) == handles
    loop.call_soon(ran.append, 5)
    cancelled.cancel()
    if out:
        probe.uninstall()
        assert list(loop._ready)[:6] == handles
        loop.call_soon(ran.append, 6)
    loop.run(asyncio.sleep(0))
    assert ran == list(range(7 if out else 6))


def test_the_ready_queue_is_still_a_deque_of_handles(loop, probe_of):
    """For whoever else looks into it."""
    probe_of(loop)
    handles = [loop.call_soon(print) for _ in range(3)]
    ready = loop._ready
    assert isinstance(ready, deque)
    assert len(ready) == 3
    assert list(ready) == handles
    assert ready[0] is handles[0]
    assert ready[-1] is handles[-1]
    assert handles[1] in ready
    assert all(isinstance(handle, asyncio.Handle) for handle in ready)
    ready.clear()
    assert not ready


@pytest.mark.parametrize("way", ["appendleft", "extend", "insert"])
def test_handles_that_get_in_by_another_way(loop, probe_of, way):
    """Some libraries put a handle to the front; the loop must not stumble over it."""
    ran = []
    probe_of(loop)
    loop.call_soon(ran.append, "second")
    handle = asyncio.Handle(ran.append, ("first",), loop)
    if way == "appendleft":
        loop._ready.appendleft(handle)
    elif way == "extend":
        loop._ready.extend([handle])
    else:
        loop._ready.insert(0, handle)
    loop.run(asyncio.sleep(0))
    assert sorted(ran) == ["first", "second"]


def test_out_from_within_a_callback(loop, probe_of, recording):
    """In the middle of an iteration, with others still to run in it."""
    before = state(loop)
    ran = []

    async def main():
        probe = probe_of(loop)
        for i in range(3):
            loop.call_soon(ran.append, i)
        loop.call_soon(probe.uninstall)
        for i in range(3, 6):
            loop.call_soon(ran.append, i)
        await child()
        return probe

    seen = recording(loop.run(main()))
    assert ran == list(range(6))
    assert state(loop) == before
    assert seen.kinds[-1] is Kind.STOPPED
    assert seen.kinds.count(Kind.CALLBACK) == 4  # three appends and the uninstall


def test_a_wrapper_that_was_there_first_stays(loop, probe_of):
    """Another tool has wrapped `create_task` and `select` on the instance: it gets them back."""
    calls = []
    create_task, select = loop.create_task, loop._selector.select

    def their_create_task(coro, **options):
        calls.append("create_task")
        return create_task(coro, **options)

    def their_select(timeout=None):
        calls.append("select")
        return select(timeout)

    loop.create_task, loop._selector.select = their_create_task, their_select
    before = state(loop)
    probe = probe_of(loop)
    loop.run(child())
    assert set(calls) == {"create_task", "select"}
    probe.uninstall()
    assert state(loop) == before


def test_the_heartbeat_goes_with_the_probe(loop, probe_of):
    probe = probe_of(loop, heartbeat_s=0.02)
    loop.run(child())
    probe.uninstall()
    assert all(handle.cancelled() for handle in loop._scheduled)
    loop.run(child())
    assert not loop._scheduled


def test_out_after_the_loop_was_closed(tmp_path):
    loop = VirtualLoop()
    probe = install(loop, path=tmp_path, clock=loop.clock, watchdog=False)
    loop.run(child())
    loop.close()
    probe.uninstall()


def test_a_probe_keeps_no_task_alive_after_it_is_out(loop, probe_of):
    """A task that took the probe out, and then raised, is reported when it is dropped."""
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context["message"]))
    probe = probe_of(loop)

    async def raises():
        probe.uninstall()
        raise ValueError

    async def main():
        task = loop.create_task(raises())
        await asyncio.sleep(0.25)
        del task
        gc.collect()

    loop.run(main())
    assert reports == ["Task exception was never retrieved"]
    assert probe.folder.exists()  # it is still held


def test_what_it_makes_is_private(loop, tmp_path):
    folder = tmp_path / "a" / "b"
    with install(loop, path=folder, clock=loop.clock, watchdog=False, heartbeat_s=None):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for name in (LOOP_RING, AUX_RING):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_without_a_path_it_makes_a_private_folder(loop, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with install(loop, clock=loop.clock, watchdog=False, heartbeat_s=None) as probe:
        assert probe.folder.parent == tmp_path
        assert stat.S_IMODE(probe.folder.stat().st_mode) == 0o700


def test_what_is_no_loop_at_all_is_refused(tmp_path):
    with pytest.raises(LoopvizError, match=r"cannot record a builtins\.int.*asyncio loop"):
        install(42, path=tmp_path)


def test_time_sleep_is_itself_again(loop):
    virtual = time.sleep
    with VirtualLoop() as inner:
        assert time.sleep is not virtual
        inner.run(child())
    assert time.sleep == virtual
