"""uvloop: what it runs is recorded as on asyncio's loop, and it behaves as it does alone."""

import asyncio
import contextvars
import gc
import importlib
import socket
import sys
import threading
import time
import weakref
from itertools import pairwise

import pytest

from loopviz.clock import MS, monotonic_ns
from loopviz.model.model import Model
from loopviz.probe import core, install
from loopviz.probe.uvloop_calls import IO
from loopviz.wire.events import NUMBER, TASK_RETURNED, Kind
from tests.support.cores import native_core
from tests.support.recording import FEW, Recording, coroutine_name

uvloop = pytest.importorskip("uvloop")
QUIET = {"watchdog": False, "heartbeat_s": None, "capacity": FEW}


@pytest.fixture
def uvloop_loop():
    loop = uvloop.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(params=["asyncio", "uvloop"])
def either(request):
    loop = {"asyncio": asyncio, "uvloop": uvloop}[request.param].new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def watch(tmp_path):
    """Run a coroutine on a loop with a probe in it; what was recorded."""

    def run(loop, main, **options):
        probe = install(loop, path=tmp_path / type(loop).__module__, **(QUIET | options))
        loop.run_until_complete(main)
        probe.uninstall()
        return Recording(probe.folder)

    return run


def names(seen, kind=Kind.CALLBACK):
    return [event.text.split("\t")[0] for event in seen.of(kind)]


# ---- the same records


async def child(times):
    for _ in range(times):
        await asyncio.sleep(0)


async def sets(event):
    await child(2)
    event.set()


async def fails():
    await asyncio.sleep(0)
    raise ValueError("no")


async def everything():
    """All that makes a task ready, without I/O, timers or threads: those come when they like."""
    loop = asyncio.get_running_loop()
    event, queue = asyncio.Event(), asyncio.Queue(1)
    loop.call_soon(lambda: loop.call_soon(event.is_set))
    loop.call_soon(event.is_set).cancel()
    await asyncio.gather(sets(event), event.wait(), child(3), fails(), return_exceptions=True)
    await asyncio.gather(queue.put(1), queue.put(2), queue.get(), queue.get())
    forgotten = asyncio.create_task(fails(), name="forgotten")
    cancelled = asyncio.create_task(child(100))
    await child(1)
    cancelled.cancel()
    async with asyncio.TaskGroup() as group:
        group.create_task(child(2), name="in a group")
        group.create_task(child(0))
    await asyncio.wait([cancelled, forgotten])
    forgotten.exception()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await asyncio.shield(future)


def story(seen):
    """What was recorded, without times; tasks by the order of their start."""
    kinds = (Kind.TASK_START, Kind.STEP, Kind.CALLBACK, Kind.WOKEN, Kind.TASK_END)
    tasks = {0: 0}
    told = []
    for event in seen.of(*kinds):
        if event.kind is Kind.TASK_START:
            tasks[event.task_id] = len(tasks)
        if event.text.startswith(("run_until_complete", "_run_until_complete_cb")):
            break
        a = None
        if event.kind is Kind.TASK_START:
            a = tasks[event.a >> 32], seen.strings[event.a & NUMBER]
        elif event.kind is Kind.WOKEN:
            a = tasks[event.a]
        elif event.kind is Kind.TASK_END:
            a = event.a, event.b
        text = event.text if event.kind in (Kind.TASK_START, Kind.STEP, Kind.CALLBACK) else ""
        told.append((event.kind.name, tasks[event.task_id], a, text))
    return told


def test_a_program_is_recorded_on_uvloop_as_on_asyncios_loop(watch):
    loops = asyncio.new_event_loop(), uvloop.new_event_loop()
    on_asyncio, on_uvloop = (story(watch(loop, everything())) for loop in loops)
    for loop in loops:
        loop.close()
    assert len(on_uvloop) > 70
    assert on_uvloop == on_asyncio


def test_busy_ready_and_waiting_are_the_life_of_a_task(either, watch):
    """To the nanosecond, on real time: each is measured, and none is a rest."""
    ended = []

    async def works(ms):
        time.sleep(ms / 1000)
        await asyncio.sleep(0)
        await asyncio.sleep(ms / 1000)
        time.sleep(ms / 1000)

    async def main():
        await asyncio.gather(*(works(ms) for ms in (1, 2, 3)))

    seen = watch(either, main())
    model = Model()
    finish = model.trace.tasks.finish

    def finished(task, at):
        ended.append((task, at))
        finish(task, at)

    model.trace.tasks.finish = finished
    model.feed(seen.batch(), seen.strings)
    starts = {e.task_id: e.at for e in seen.of(Kind.TASK_START)}
    assert len(ended) == 4
    for task, _ in ended:
        life = task.ended_ns - starts[task.number]
        told = task.busy_ns + task.ready_ns + task.waiting_ns
        # between its record and its first `call_soon` a task is neither
        assert abs(told - life) < 0.2 * MS
        steps = seen.steps(task.number)
        assert all(ready <= at for ready, at, _ in steps)
    ran = [task.busy_ns for task, _ in ended if "works" in seen.strings[task.site]]
    assert all(busy >= 2 * ms * MS for busy, ms in zip(sorted(ran), (1, 2, 3), strict=True))


def test_ready_delay_is_what_the_others_take_first(either, watch):
    async def worker(ms):
        time.sleep(ms / 1000)
        await asyncio.sleep(0)
        time.sleep(ms / 1000)

    async def main():
        await asyncio.gather(worker(4), worker(6), worker(8))

    seen = watch(either, main())
    workers = [e.task_id for e in seen.of(Kind.TASK_START) if coroutine_name(e) == "worker"]
    delays = [[at - ready for ready, at, _ in seen.steps(who)] for who in workers]
    for found, least in zip(delays, [[0, 14], [4, 12], [10, 10]], strict=True):
        assert [delay >= ms * MS for delay, ms in zip(found, least, strict=True)] == [True, True]


def test_times_never_go_back(uvloop_loop, watch):
    async def main():
        await asyncio.gather(
            *(asyncio.sleep(i / 1000) for i in range(20)), asyncio.to_thread(id, 1)
        )

    seen = watch(uvloop_loop, main(), heartbeat_s=0.002)
    assert all(one.at <= after.at for one, after in pairwise(seen.loop))
    assert all(e.a <= e.at for e in seen.of(Kind.STEP, Kind.CALLBACK, Kind.POLLED, Kind.TIMER))
    assert seen.kinds[-1] is Kind.STOPPED


# ---- timers, threads, sockets


@pytest.mark.real
def test_a_timer_is_due_when_it_was_asked_for(either, watch):
    asked = []

    async def main():
        asked.append(monotonic_ns() + 20 * MS)
        either.call_later(0.02, lambda: None)
        either.call_at(either.time() + 0.02, lambda: None)
        either.call_soon(time.sleep, 0.04)
        await asyncio.sleep(0.08)

    seen = watch(either, main())
    timers = [e for e in seen.of(Kind.TIMER) if "<lambda>" in e.text]
    assert len(timers) == 2
    for timer in timers:  # uvloop's clock is one of milliseconds
        assert abs(timer.a - asked[0]) <= 3 * MS
        assert timer.at - timer.a >= 19 * MS


def test_what_is_due_at_once_is_queued(uvloop_loop, watch):
    """As uvloop does with delays below half a millisecond."""

    async def main():
        for delay in (0, -1, 0.0001):
            uvloop_loop.call_later(delay, id, 0).cancel()
            uvloop_loop.call_later(delay, lambda: None)
        uvloop_loop.call_at(uvloop_loop.time() - 1, lambda: None)
        uvloop_loop.call_later(float("inf"), lambda: None).cancel()
        await asyncio.sleep(0)

    seen = watch(uvloop_loop, main())
    assert len([e for e in seen.of(Kind.TIMER) if "<lambda>" in e.text]) == 4


def test_a_thread_that_wakes_the_loop_is_no_waker(either, watch):
    async def main():
        event = asyncio.Event()

        async def waits():
            await event.wait()

        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        thread = threading.Thread(target=either.call_soon_threadsafe, args=(event.set,))
        thread.start()
        thread.join()
        await task

    seen = watch(either, main())
    main_, waits = seen.start_of("main").task_id, seen.start_of("waits").task_id
    assert {(e.task_id, e.a) for e in seen.of(Kind.WOKEN)} == {(main_, waits)}
    assert names(seen).count("Event.set") == 1


def test_readers_and_writers(either, watch):
    async def main():
        ours, theirs = socket.socketpair()
        done = either.create_future()

        def readable():
            if ours.recv(1) == b"y":
                either.remove_reader(ours)
                done.set_result(None)

        either.add_reader(ours, readable)
        either.add_writer(theirs, lambda: (theirs.send(b"x"), either.remove_writer(theirs)))
        either.call_later(0.02, theirs.send, b"y")
        await done
        ours.close()
        theirs.close()

    seen = watch(either, main())
    called = [name.rpartition(".")[2] for name in names(seen)]
    assert called.count("readable") == 2
    assert called.count("<lambda>") == 1


@pytest.mark.real
def test_idle_time_is_that_without_cpu(uvloop_loop, watch):
    async def main():
        await asyncio.sleep(0.06)
        time.sleep(0.03)
        await asyncio.sleep(0)
        await asyncio.sleep(0.06)

    seen = watch(uvloop_loop, main(), heartbeat_s=0.02)
    idle = sum(lasted for s, lasted in seen.durations() if s.kind is Kind.IDLE)
    assert idle > 80 * MS
    model = Model()
    model.feed(seen.batch(), seen.strings)
    assert model.loop.utilization > 0.1
    assert max(lasted for s, lasted in seen.durations() if s.kind is Kind.STEP) >= 30 * MS


class Blocks(asyncio.Protocol):
    """Blocks where uvloop calls it from C."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        asyncio.get_running_loop().call_soon(id, self)
        time.sleep(0.06)
        asyncio.get_running_loop().create_task(child(0))
        self.transport.write(data)


class BlocksFirst(Blocks):
    """Gives no sign of itself before it blocks: the watchdog finds it."""

    def data_received(self, data):
        time.sleep(0.06)
        self.transport.write(data)


async def asks(protocol):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    await asyncio.sleep(0.03)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    writer.close()
    server.close()
    await asyncio.sleep(0.03)


@pytest.mark.real
@pytest.mark.parametrize("protocol", [Blocks, BlocksFirst])
def test_a_protocol_that_blocks_in_c_is_a_stall_with_its_line(uvloop_loop, watch, protocol):
    seen = watch(uvloop_loop, asks(protocol), watchdog=True, heartbeat_s=0.02)
    blocked = [(lasted, s) for s, lasted in seen.durations() if s.text == IO]
    lasted, switch = max(blocked, key=lambda found: found[0])
    assert lasted > 30 * MS  # the watchdog may have come late
    samples = [e for e in seen.aux if e.kind is Kind.STALL and e.a == switch.at]
    strings = seen._readers[1].strings
    frames = {strings[int(n)] for e in samples for n in e.text.split(":")[-1].split(",")}
    assert {frame.split("\t")[3] for frame in frames if frame} == {
        f"{protocol.__name__}.data_received"
    }


# ---- uvloop behaves as it does alone


def test_handles_are_uvloops_own(uvloop_loop, watch):
    handle = uvloop_loop.call_soon(id, 0)
    alone = repr(handle)
    handle.cancel()
    ran = []

    async def main():
        handle = uvloop_loop.call_soon(ran.append, 1)
        cancelled = uvloop_loop.call_soon(ran.append, 2)
        timer = uvloop_loop.call_later(0.01, ran.append, 3)
        assert {type(h).__module__ for h in (handle, cancelled, timer)} == {"uvloop.loop"}
        like = uvloop_loop.call_soon(id, 0)
        assert repr(like) == alone
        like.cancel()
        assert "append" in repr(handle)
        assert "append" in repr(timer)
        cancelled.cancel()
        assert (handle.cancelled(), cancelled.cancelled()) == (False, True)
        await asyncio.sleep(0.03)
        assert ran == [1, 3]

    seen = watch(uvloop_loop, main())
    assert names(seen).count("list.append") == 2


def test_a_cancelled_call_does_not_keep_the_loop_busy(uvloop_loop, watch):
    async def main():
        uvloop_loop.call_soon(id, 0).cancel()
        await asyncio.sleep(0.05)

    seen = watch(uvloop_loop, main())
    assert sum(ns for s, ns in seen.durations() if s.kind is Kind.IDLE) > 40 * MS


def contexts_of_errors(loop, main):
    said = []
    loop.set_exception_handler(lambda _loop, context: said.append(context))
    loop.run_until_complete(main)
    loop.set_exception_handler(None)
    return said


def described(context):
    traceback, files = context["exception"].__traceback__, []
    while traceback is not None:
        files.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    handle = context["handle"]
    return context["message"].partition(" at 0x")[0], type(handle), repr(handle), files


def test_errors_of_callbacks_are_told_as_uvloop_tells_them(uvloop_loop, tmp_path):
    def bad():
        raise ValueError("bad")

    async def main():
        uvloop_loop.call_soon(bad)
        uvloop_loop.call_soon(5)
        uvloop_loop.call_later(0.005, bad)
        await asyncio.sleep(0.02)

    alone = [described(context) for context in contexts_of_errors(uvloop_loop, main())]
    probe = install(uvloop_loop, path=tmp_path / "probe", **QUIET)
    watched = [described(context) for context in contexts_of_errors(uvloop_loop, main())]
    probe.uninstall()
    assert len(alone) == 3
    own = sys.modules["loopviz.probe.uvloop_calls"].__file__
    without_ours = [(*rest, [f for f in files if f != own]) for *rest, files in watched]
    assert sorted(without_ours, key=str) == sorted(alone, key=str)  # a late timer comes first


@native_core
def test_no_traceback_has_a_line_of_the_native_core(uvloop_loop, tmp_path):
    def bad():
        raise ValueError("bad")

    async def main():
        uvloop_loop.call_soon(bad)
        await asyncio.sleep(0)

    with install(uvloop_loop, path=tmp_path / "probe", **QUIET):
        (context,) = contexts_of_errors(uvloop_loop, main())
    assert "loopviz" not in "".join(described(context)[3])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_loop_ends_it(uvloop_loop, tmp_path, error):
    def ends():
        raise error

    probe = install(uvloop_loop, path=tmp_path / "probe", **QUIET)
    uvloop_loop.call_soon(ends)
    with pytest.raises(error):
        uvloop_loop.run_forever()
    uvloop_loop.run_until_complete(child(1))
    probe.uninstall()
    assert Recording(probe.folder).outcomes() == {"child": TASK_RETURNED}


def test_contexts(either, watch):
    var = contextvars.ContextVar("var", default="none")
    found = []

    async def main():
        var.set("main")
        either.call_soon(lambda: found.append(var.get()))
        own = contextvars.copy_context()
        own.run(var.set, "given")
        either.call_soon(lambda: found.append(var.get()), context=own)
        either.call_soon_threadsafe(lambda: found.append(var.get()), context=own)
        either.call_later(0.001, lambda: found.append(var.get()), context=own)
        await asyncio.create_task(child(1), context=own)
        await asyncio.sleep(0.02)

    watch(either, main())
    assert sorted(found) == ["given", "given", "given", "main"]


def test_debug_mode(uvloop_loop, watch, caplog):
    async def main():
        uvloop_loop.slow_callback_duration = 0.001
        uvloop_loop.call_soon(time.sleep, 0.005)
        await asyncio.sleep(0.01)

    uvloop_loop.set_debug(True)
    watch(uvloop_loop, main())
    assert [r.getMessage() for r in caplog.records if "Executing <Handle sleep" in r.getMessage()]


def test_wrong_calls_fail_as_they_do_alone(uvloop_loop, tmp_path):
    wrong = [
        lambda loop: loop.call_soon(),
        lambda loop: loop.call_soon(id, 1, contxt=None),
        lambda loop: loop.call_later("1", id),
        lambda loop: loop.call_later(None, id),
        lambda loop: loop.call_at("1", id),
        lambda loop: loop.add_reader("no", id),
    ]

    def told(make):
        with pytest.raises((TypeError, ValueError)) as caught:
            make(uvloop_loop)
        return type(caught.value)

    alone = [told(make) for make in wrong]
    with install(uvloop_loop, path=tmp_path / "probe", **QUIET):
        assert [told(make) for make in wrong] == alone
    uvloop_loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        uvloop_loop.call_soon(id, 1)


def test_many_arguments(uvloop_loop, watch):
    got = []

    async def main():
        uvloop_loop.call_soon(lambda *args: got.append(args), *range(30))
        await asyncio.sleep(0)

    watch(uvloop_loop, main())
    assert got == [tuple(range(30))]


# ---- in and out


def test_the_loop_is_as_it_was_afterwards(uvloop_loop, tmp_path):
    before = dict(vars(uvloop_loop))
    probe = install(uvloop_loop, path=tmp_path / "probe", **QUIET)
    assert probe.coverage == "uvloop"
    left, ran = uvloop_loop.call_soon(id, 1), []
    uvloop_loop.call_soon(ran.append, 1)
    uvloop_loop.call_later(0.01, ran.append, 2)
    probe.uninstall()
    assert vars(uvloop_loop) == before
    left.cancel()
    uvloop_loop.run_until_complete(asyncio.sleep(0.02))
    assert sorted(ran) == [1, 2]
    assert [e.text for e in Recording(probe.folder).aux if e.kind is Kind.COVERAGE] == ["uvloop"]


@pytest.mark.real
def test_into_a_loop_that_runs(uvloop_loop, tmp_path):
    async def main():
        await asyncio.sleep(0.01)
        with install(path=tmp_path / "probe", **QUIET):
            time.sleep(0.005)
            await asyncio.sleep(0.03)
            time.sleep(0.005)
        await asyncio.sleep(0.01)

    uvloop_loop.run_until_complete(main())
    seen = Recording(tmp_path / "probe")
    (task,) = (e.task_id for e in seen.of(Kind.TASK_START))
    steps = seen.steps(task)
    assert [ran >= 5 * MS for *_, ran in steps] == [True, True], steps
    assert sum(ns for s, ns in seen.durations() if s.kind is Kind.IDLE) > 20 * MS


def test_a_second_run_of_the_loop_is_no_long_callback(uvloop_loop, tmp_path):
    """What the thread computes while the loop does not run is nobody's."""
    probe = install(uvloop_loop, path=tmp_path / "probe", **QUIET)
    uvloop_loop.run_until_complete(asyncio.sleep(0.002))
    until = time.thread_time() + 0.03
    while time.thread_time() < until:
        pass
    uvloop_loop.run_until_complete(asyncio.sleep(0.002))
    probe.uninstall()
    seen = Recording(probe.folder)
    assert max(ns for s, ns in seen.durations() if s.kind is Kind.CALLBACK) < 25 * MS


def test_names_of_tasks(uvloop_loop, watch):
    """uvloop names a task only after its factory has made it."""

    async def main():
        await asyncio.create_task(child(1), name="one")
        async with asyncio.TaskGroup() as group:
            group.create_task(child(1), name="in a group")
            group.create_task(child(1))

    seen = watch(uvloop_loop, main())
    starts = [e for e in seen.of(Kind.TASK_START) if coroutine_name(e) == "child"]
    assert [seen.strings[e.a & NUMBER] for e in starts] == ["one", "in a group", ""]


def test_task_factories_of_the_app(uvloop_loop, watch):
    made = []

    def factory(loop, coro, **options):
        made.append(coro.__name__)
        return asyncio.Task(coro, loop=loop, **options)

    async def main():
        uvloop_loop.set_task_factory(factory)
        assert uvloop_loop.get_task_factory() is factory
        await asyncio.create_task(child(1))
        with pytest.raises(TypeError):
            uvloop_loop.set_task_factory(5)

    seen = watch(uvloop_loop, main())
    uvloop_loop.set_task_factory(None)
    assert made == ["child"]
    assert len(seen.steps(seen.start_of("child").task_id)) == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks(uvloop_loop, watch):
    async def main():
        uvloop_loop.set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(child(0))
        await asyncio.create_task(child(1))

    seen = watch(uvloop_loop, main())
    assert [e.b for e in seen.of(Kind.TASK_END)] == [TASK_RETURNED] * 3


@pytest.mark.real
def test_stacks_end_where_the_loop_is_run(uvloop_loop, watch):
    """A task that a library makes in a callback was not made by whoever runs the loop."""

    async def main():
        uvloop_loop.call_soon(lambda: None)
        uvloop_loop.call_soon(uvloop_loop.create_task, asyncio.sleep(0.002))
        await asyncio.sleep(0.01)

    seen = watch(uvloop_loop, main())
    assert seen.start_of("sleep").text.split("\t")[1].endswith("tasks.py")


# ---- nothing is kept


def test_a_hook_keeps_nothing_alive(uvloop_loop, watch):
    class Thing:
        def method(self):
            pass

    gone = []

    async def main():
        thing = Thing()
        gone.append(weakref.ref(thing))
        thing.handle = uvloop_loop.call_soon(thing.method)  # a cycle through the call
        await asyncio.sleep(0)
        thing = Thing()
        gone.append(weakref.ref(thing))
        uvloop_loop.call_later(10, thing.method).cancel()
        del thing
        await asyncio.sleep(0)

    watch(uvloop_loop, main())
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_a_hundred_thousand_callbacks_leave_no_object(uvloop_loop, tmp_path):
    with install(uvloop_loop, path=tmp_path / "probe", **QUIET):
        uvloop_loop.run_until_complete(child(1000))
        gc.collect()
        before = len(gc.get_objects()), sys.getallocatedblocks()
        uvloop_loop.run_until_complete(child(100_000))
        gc.collect()
        objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    assert objects - before[0] < 50
    assert blocks - before[1] < 500


def test_a_broken_hook_does_no_harm(uvloop_loop, tmp_path, monkeypatch, caplog):
    def breaks(*_):
        raise RuntimeError("no site")

    core_in_use = "loopviz.probe._native.loop" if core.NATIVE else "loopviz.probe.hooks"
    monkeypatch.setattr(importlib.import_module(core_in_use), "callback_site", breaks)
    ran = []

    async def main():
        uvloop_loop.call_soon(ran.append, 1)
        await child(2)
        ran.append(2)

    probe = install(uvloop_loop, path=tmp_path / "probe", **QUIET)
    uvloop_loop.run_until_complete(main())
    probe.uninstall()
    assert ran == [1, 2]
    assert [record.args[0] for record in caplog.records] == ["callback"]
