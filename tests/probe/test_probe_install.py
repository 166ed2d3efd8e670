"""In and out of a live loop, and what happens when a hook breaks."""

import asyncio
import gc
import logging
import stat
import time
from collections import deque

import pytest

from loopviz.errors import LoopvizError
from loopviz.probe import install
from loopviz.probe.install import AUX_RING, LOOP_RING
from loopviz.probe.places import Places
from loopviz.testing import VirtualLoop
from loopviz.wire.events import Kind


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


# What breaks


def broken_places(monkeypatch):
    def raises(self, frame):
        raise RuntimeError("no place")

    monkeypatch.setattr(Places, "user_frame", raises)


async def app():
    """A bit of everything, and its result."""
    log = []
    loop = asyncio.get_running_loop()
    loop.call_soon(log.append, "soon")
    loop.call_later(0.25, log.append, "later")

    async def fails():
        raise ValueError

    tasks = [asyncio.create_task(child()), asyncio.create_task(fails())]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.25)
    return log, [type(result) for result in results]


EXPECTED = (["soon", "later"], [type(None), ValueError])


def test_a_broken_create_task_hook_is_reported_once(loop, probe_of, recording, monkeypatch, caplog):
    broken_places(monkeypatch)
    probe = probe_of(loop)
    assert loop.run(app()) == EXPECTED
    probe.uninstall()
    seen = recording(probe)
    assert [(e.kind, e.text) for e in seen.aux] == [
        (Kind.HOOK_FAILED, "create_task: RuntimeError: no place")
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].name == "loopviz"
    assert len(seen.of(Kind.TASK_END)) == 3, "the other hooks go on"


def test_an_app_whose_ring_is_gone_goes_on(loop, probe_of, caplog):
    """Every hook that writes raises from the first event to the last."""
    probe = probe_of(loop)
    loop.run(child())
    probe._ring.close()
    assert loop.run(app()) == EXPECTED
    before = {name: value for name, value in vars(loop).items() if name == "create_task"}
    assert before
    probe.uninstall()
    assert "create_task" not in vars(loop)
    assert type(loop._ready) is deque
    hooks = [record.args[0] for record in caplog.records]
    assert sorted(hooks) == sorted(set(hooks)), "each once"


def test_a_hook_that_failed_once_does_not_spoil_what_comes_after(loop, probe_of, recording):
    """An object that answers to any attribute looks like a task, and is none."""

    asked = []

    class Proxy:
        def __getattr__(self, name):
            def remote_call(*args):
                asked.append(name)

            return remote_call

        def method(self):
            pass

    proxy = Proxy()
    probe = probe_of(loop)

    async def main():
        loop.call_soon(proxy.method)
        await asyncio.sleep(0.25)
        await asyncio.gather(child(), child())

    loop.run(main())
    probe.uninstall()
    seen = recording(probe)
    assert asked == [], "the probe calls no method of the user's objects"
    children = [e.task_id for e in seen.of(Kind.TASK_START) if e.text.startswith("child")]
    assert [len(seen.steps(who)) for who in children] == [2, 2]
    assert {e.task_id for e in seen.of(Kind.TASK_END)} >= set(children)


def test_evil_callbacks(loop, probe_of):
    """Callables that answer to nothing in the usual way."""
    from unittest.mock import MagicMock, Mock

    class Unhashable:
        __hash__ = None
        called = 0

        def __init__(self):
            self.__qualname__ = []

        def __call__(self):
            Unhashable.called += 1

    mocks = [Mock(), MagicMock(), Mock().method]
    probe = probe_of(loop)

    async def main():
        for callback in (*mocks, Unhashable()):
            loop.call_soon(callback)
        await asyncio.sleep(0.25)

    loop.run(main())
    probe.uninstall()
    for mock in mocks:
        mock.assert_called_once_with()
    assert Unhashable.called == 1


def test_the_names_of_very_many_tasks_cost_bounded_memory(loop, probe_of):
    """Unique names are kept up to a limit, in the ring and outside it."""
    import tracemalloc

    probe = probe_of(loop)

    async def nothing():
        pass

    async def many(start, count):
        for i in range(start, start + count):
            await loop.create_task(nothing(), name=f"job-{i}-{'x' * 200}")

    loop.run(many(0, 1500))
    gc.collect()
    tracemalloc.start()
    loop.run(many(1500, 2000))
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    probe.uninstall()
    assert grown < 100_000  # 2000 names of 200 letters would be 500,000


@pytest.mark.real
def test_a_watchdog_that_breaks_is_reported_and_ends(loop, probe_of, recording, monkeypatch):
    """Its thread does not die with a traceback on the user's terminal."""
    said = []
    monkeypatch.setattr("threading.excepthook", said.append)

    def raises(*args):
        raise RuntimeError("no stack")

    monkeypatch.setattr("loopviz.probe.watchdog.stack_of", raises)
    from loopviz.clock import monotonic_ns

    probe = probe_of(loop, watchdog=True, clock=monotonic_ns)
    real_sleep = loop._real_sleep

    async def main():
        real_sleep(0.06)

    loop.run(main())
    probe.uninstall()
    assert said == []
    assert [e.text for e in recording(probe).aux] == ["watchdog: RuntimeError: no stack"]


def test_time_sleep_is_itself_again(loop):
    virtual = time.sleep
    with VirtualLoop() as inner:
        assert time.sleep is not virtual
        inner.run(child())
    assert time.sleep == virtual


def test_a_hook_that_failed_is_used_no_more(loop, probe_of, recording, caplog):
    """What it would tell from then on could be wrong; the app never hears of it."""
    from loopviz.probe.asgi import watch_requests

    served = []

    async def app(scope, receive, send):
        served.append(scope)

    probe = probe_of(loop)

    async def main():
        watched = watch_requests(app, probe.hooks)
        await watched({"type": "http", "headers": []}, None, None)  # no method: no proper scope
        await watched({"type": "http", "headers": [], "method": "GET", "path": "/"}, None, None)
        async with asyncio.Lock():
            pass

    loop.run(main())
    probe.uninstall()
    seen = recording(probe)
    assert len(served) == 2
    assert [e.text for e in seen.aux] == ["request: KeyError: 'method'"]
    assert len(caplog.records) == 1
    assert not seen.of(Kind.REQUEST_START, Kind.REQUEST_END)
    assert seen.of(Kind.ACQUIRED), "the others go on"
