"""Any loop, however it is run: several, in threads, with factories, forked."""

import asyncio
import contextvars
import gc
import os
import sys
import threading
import time

import pytest

from loopviz.clock import MS
from loopviz.errors import LoopvizError
from loopviz.probe import install
from loopviz.probe.loops import tasks_of
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, TASK_RETURNED, Kind
from tests.support.recording import Recording, coroutine_name


async def child():
    await asyncio.sleep(0.25)


def test_installed_twice_it_is_one_and_goes_with_the_last(loop, probe_of, recording):
    probe = probe_of(loop)
    with install(loop) as again:
        assert again is probe
        loop.run(child())
    loop.run(child())
    probe.uninstall()
    loop.run(child())
    assert not {"_run_once", "call_soon", "create_task"} & set(vars(loop))
    starts = [e for e in recording(probe).of(Kind.TASK_START) if "child" in e.text]
    assert len(starts) == 2


def test_a_loop_is_not_recorded_into_two_places(loop, probe_of, tmp_path):
    probe = probe_of(loop)
    with pytest.raises(LoopvizError, match=rf"into {probe.folder}: uninstall that"):
        install(loop, path=tmp_path / "elsewhere")
    with install(loop, path=probe.folder) as again:
        assert again is probe


def test_out_and_in_again_within_one_iteration(loop, probe_of, recording):
    ran = []
    probes = []

    def swap():
        probes[-1].uninstall()
        probes.append(probe_of(loop))

    async def main():
        probes.append(probe_of(loop))
        await asyncio.sleep(0)
        for i in range(4):
            loop.call_soon(ran.append, i)
            loop.call_soon(swap)
        loop.call_soon(ran.append, 4)
        await child()

    loop.run(main())
    assert ran == [0, 1, 2, 3, 4]
    for probe in probes[:-1]:
        assert recording(probe).kinds[-1] is Kind.STOPPED
    appended = [
        e.text for probe in probes for e in recording(probe).of(Kind.CALLBACK) if "append" in e.text
    ]
    assert len(appended) == 5


@pytest.mark.real
def test_loops_in_threads_have_a_ring_each(tmp_path):
    def run(name, count):
        async def work():
            await asyncio.sleep(0.001)

        async def main():
            with install(path=tmp_path / name):
                await asyncio.gather(*(work() for _ in range(count)))

        asyncio.run(main())

    counts = {"a": 10, "b": 20, "c": 30}
    threads = [threading.Thread(target=run, args=item) for item in counts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = set()
    for name, count in counts.items():
        seen = Recording(tmp_path / name)
        works = [e.task_id for e in seen.of(Kind.TASK_START) if coroutine_name(e) == "work"]
        assert len(works) == count
        assert not numbers & set(works), "numbers are the process's"
        numbers.update(works)
        assert {e.task_id for e in seen.of(Kind.TASK_END)} >= set(works)


@pytest.mark.real
@pytest.mark.parametrize("running", [True, False], ids=["running", "not yet running"])
def test_a_loop_of_another_thread(tmp_path, running, here):
    """Its probe goes in there, and its watchdog looks at that thread."""
    loop = asyncio.new_event_loop()
    lines = []

    async def blocks():
        lines.append(here() + 1)
        time.sleep(0.1)

    thread = threading.Thread(target=loop.run_forever)
    if running:
        thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    probe = install(loop, path=tmp_path / "probe")
    if not running:
        thread.start()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
    asyncio.run_coroutine_threadsafe(blocks(), loop).result()
    loop.call_soon_threadsafe(probe.uninstall)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    seen = Recording(probe.folder)
    task = seen.start_of("blocks").task_id
    ((_, _, ran),) = seen.steps(task)
    assert ran >= 100 * MS
    strings = seen._readers[1].strings
    samples = [e for e in seen.aux if e.kind is Kind.STALL and e.task_id == task]
    assert samples
    for sample in samples:
        index, _, numbers = sample.text.removeprefix("asleep:").partition(":")
        frame = strings[int(numbers.split(",")[int(index)])]
        assert frame.split("\t")[1:3] == [__file__, str(lines[0])]


def test_in_a_runner(tmp_path):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        options = {"clock": loop.clock, "watchdog": False, "heartbeat_s": None}
        probe = install(loop, path=tmp_path / "probe", **options)
        assert runner.run(asyncio.sleep(0.25, "slept")) == "slept"
        probe.uninstall()
    seen = Recording(probe.folder)
    assert seen.outcomes()["sleep"] == TASK_RETURNED


def test_context_variables_are_the_apps(loop, watched):
    var = contextvars.ContextVar("var", default="default")
    read = []

    async def main():
        var.set("main")
        loop.call_soon(lambda: read.append(var.get()))
        context = contextvars.copy_context()
        context.run(var.set, "other")
        loop.call_soon(lambda: read.append(var.get()), context=context)
        var.set("later")
        await asyncio.create_task(note())
        await loop.create_task(note(), context=context)

    async def note():
        read.append(var.get())

    watched(main())
    assert read == ["main", "other", "later", "other"]


def test_a_custom_task_factory(loop, watched):
    class Task(asyncio.Task):
        pass

    made = []

    def factory(loop, coro, **options):
        made.append(Task(coro, loop=loop, **options))
        return made[-1]

    async def main():
        loop.set_task_factory(factory)
        task = asyncio.create_task(child(), name="mine")
        await task
        assert type(task) is Task

    seen = watched(main())
    start = seen.start_of("child")
    assert seen.strings[start.a & NUMBER] == "mine"
    assert start.a >> 32 == seen.start_of("main").task_id
    assert seen.outcomes()["child"] == TASK_RETURNED
    assert len(made) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks(loop, watched):
    """What runs before the first wait runs in the step that made the task."""
    done = []

    async def at_once():
        time.sleep(0.125)
        done.append("at once")

    async def waits():
        time.sleep(0.125)
        inner = asyncio.create_task(at_once())
        await asyncio.sleep(0.25)
        await inner
        time.sleep(0.5)

    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(waits())

    seen = watched(main())
    main_, waits_, once = (seen.start_of(name) for name in ("main", "waits", "at_once"))
    assert done == ["at once"]
    assert once.a >> 32 == waits_.task_id, "its parent is the task that ran, though eagerly"
    assert waits_.a >> 32 == main_.task_id
    assert seen.steps(once.task_id) == []
    assert [lasted for *_, lasted in seen.steps(waits_.task_id)] == [500 * MS]
    assert seen.outcomes() == dict.fromkeys(("main", "waits", "at_once"), TASK_RETURNED)


@pytest.mark.real
def test_collections_are_told_as_pauses(tmp_path):
    async def main():
        with install(path=tmp_path / "probe"):
            await asyncio.sleep(0)
            started = time.monotonic_ns()
            gc.collect()
            ended = time.monotonic_ns()
            await asyncio.sleep(0)
        return started, ended

    callbacks = list(gc.callbacks)
    started, ended = asyncio.run(main())
    pauses = [e for e in Recording(tmp_path / "probe").of(Kind.GC) if e.b == 2]
    assert any(started <= pause.a < pause.at <= ended for pause in pauses)
    assert gc.callbacks == callbacks


@pytest.mark.real
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_writes_nothing_into_the_parents_ring(tmp_path):
    def in_child():
        async def of_child():
            lock = asyncio.Lock()
            async with lock:
                await asyncio.sleep(0)

        asyncio.run(of_child())
        gc.collect()

    async def main():
        with install(path=tmp_path / "probe"):
            await asyncio.sleep(0)
            pid = os.fork()
            if not pid:
                code = 1
                try:
                    asyncio.events._set_running_loop(None)
                    in_child()
                    code = 0
                finally:
                    os._exit(code)
            _, status = os.waitpid(pid, 0)
            await asyncio.sleep(0)
            return status

    assert asyncio.run(main()) == 0
    seen = Recording(tmp_path / "probe")
    assert not any("of_child" in text for text in seen.strings)
    assert seen.kinds[-1] is Kind.STOPPED
    assert not seen.of(Kind.ACQUIRED)


def test_functions_that_are_made_without_end_are_not_kept(loop, watched, monkeypatch):
    """Bound by hand, each is new to the hooks."""
    import types
    import weakref

    monkeypatch.setattr("loopviz.probe.hooks._TAGS_KEPT", 50)
    alive = []

    async def main():
        for _ in range(200):

            def called(self):
                pass

            alive.append(weakref.ref(called))
            loop.call_soon(types.MethodType(called, object()))
            await asyncio.sleep(0)
        del called
        gc.collect()
        return sum(ref() is not None for ref in alive)

    kept = []

    async def run():
        kept.append(await main())

    seen = watched(run())
    assert kept[0] <= 50
    assert len([e for e in seen.of(Kind.CALLBACK) if "called" in e.text]) == 200


@pytest.mark.parametrize("schedule", ["call_soon", "call_soon_threadsafe"])
def test_a_handle_tells_in_debug_mode_where_it_was_made(loop, probe_of, here, schedule):
    loop.set_debug(True)
    probe_of(loop)

    async def made():
        handle = getattr(loop, schedule)(str)
        return here() - 1, handle._source_traceback[-1]

    line, last = loop.run(made())
    assert (last.filename, last.lineno) == (__file__, line)


class Uninitialized(asyncio.Task):
    """As granian makes one: registered, and never initialized."""

    def __init__(self):
        asyncio.tasks._register_task(self)


def test_a_task_that_was_never_initialized_keeps_no_loop_from_being_recorded(
    loop, probe_of, recording
):
    async def main():
        strange = Uninitialized()
        found.append(tasks_of(loop))
        probe = probe_of(loop)
        await asyncio.sleep(1)
        probe.uninstall()
        asyncio.tasks._unregister_task(strange)
        return probe

    found = []
    seen = recording(loop.run(main()))
    assert seen.of(Kind.TASK_START)
    assert all(not isinstance(task, Uninitialized) for task in found[0])
