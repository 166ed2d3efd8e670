"""A hook that breaks, or meets odd objects: the app goes on, and it is reported once."""

import ast
import asyncio
import gc
import inspect
import logging
import threading
from collections import defaultdict, deque

import pytest

from loopviz.clock import monotonic_ns
from loopviz.probe.places import Places
from loopviz.probe.recorder import _METHODS, Recorder
from loopviz.wire.events import Kind
from tests.support.cores import python_core


async def child():
    await asyncio.sleep(0.25)


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


@python_core
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
    probe = probe_of(loop, watchdog=True, clock=monotonic_ns)
    real_sleep = loop._real_sleep

    async def main():
        real_sleep(0.06)

    loop.run(main())
    probe.uninstall()
    assert said == []
    waits = (Kind.QUEUED, Kind.WAITED_FOR_GIL)  # of a machine that is full: seen before
    told = [e.text for e in recording(probe).aux if e.kind not in waits]
    assert told == ["watchdog: RuntimeError: no stack"]


def test_no_file_is_read_on_the_loops_thread_by_the_watchdog(loop, probe_of, monkeypatch, caplog):
    """Blockbuster, for one, raises for a read on a thread whose loop runs."""
    read_on = []

    def limits():
        read_on.append(threading.get_ident())

    monkeypatch.setattr("loopviz.probe.watchdog.CpuLimits", limits)
    probe = probe_of(loop, watchdog=True, clock=monotonic_ns)
    loop.run(asyncio.sleep(0.01))
    probe.uninstall()
    assert caplog.records == []
    assert len(read_on) == 1
    assert threading.get_ident() not in read_on


def test_a_watchdog_that_cannot_be_made_is_reported(loop, probe_of, recording, monkeypatch, caplog):
    def raises(*_args):
        raise OSError("no descriptors")

    monkeypatch.setattr("loopviz.probe.watchdog.LoopThread", raises)
    probe = probe_of(loop, watchdog=True, clock=monotonic_ns)
    assert loop.run(app()) == EXPECTED
    probe.uninstall()
    assert [e.text for e in recording(probe).aux if e.kind is Kind.HOOK_FAILED] == [
        "watchdog: OSError: no descriptors"
    ]
    assert [record.name for record in caplog.records] == ["loopviz"], "nothing of asyncio's"


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


def test_every_hook_of_the_recorder_names_the_methods_that_it_turns_off():
    (cls,) = ast.parse(inspect.getsource(Recorder)).body
    found = defaultdict(list)
    for method in cls.body:
        for node in ast.walk(method):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("fail_safe", "self.fail"):
                found[ast.literal_eval(node.args[0])].append(method.name)
    assert {hook: set(names) for hook, names in _METHODS.items()} == {
        hook: set(names) for hook, names in found.items()
    }
