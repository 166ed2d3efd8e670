"""anyio's primitives, its streams, and jobs in its threads."""

import asyncio

import anyio
import anyio.to_thread
import pytest
from anyio._backends import _asyncio as backend
from anyio.streams import memory
from starlette.concurrency import iterate_in_threadpool

from loopviz.probe.patches import rename, unwatch, watch
from loopviz.wire.events import TASK_CANCELLED, TASK_RETURNED, WAIT_GET, WAIT_PUT, Kind
from tests.probe.patches.recorded import failures, jobs, resources, story

DONE = ["JOB", "JOB_START", ("JOB_END", TASK_RETURNED)]


async def hold(gate, seconds):
    async with gate:
        await asyncio.sleep(seconds)


def test_a_limiter_and_its_new_size(watched):
    async def main():
        limiter = anyio.CapacityLimiter(1)
        await asyncio.gather(hold(limiter, 1), hold(limiter, 1))
        limiter.total_tokens = 5
        await hold(limiter, 0)

    recording = watched(main())
    assert story(recording, "anyio.CapacityLimiter") == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("RELEASED", 1),
        ("ACQUIRED", 1),
        ("RELEASED", 0),
        ("ACQUIRED", 1),
        ("RELEASED", 0),
    ]
    sizes = [e.a & 0xFFFFFFFF for e in recording.of(Kind.RESOURCE)]
    assert sizes == [1, 5]
    assert not failures(recording)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("kind", ["anyio.Lock", "anyio.Semaphore"])
def test_locks_and_semaphores(watched, kind, fast):
    async def main():
        if kind == "anyio.Lock":
            gate = anyio.Lock(fast_acquire=fast)
        else:
            gate = anyio.Semaphore(1, fast_acquire=fast)
        await asyncio.gather(hold(gate, 1), hold(gate, 1))
        gate.acquire_nowait()
        waiter = asyncio.create_task(gate.acquire())
        await asyncio.sleep(1)
        waiter.cancel()
        await asyncio.wait([waiter])
        gate.release()

    assert story(watched(main()), kind) == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("RELEASED", 1),
        ("ACQUIRED", 1),
        ("RELEASED", 0),
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
        ("RELEASED", 0),
    ]


@pytest.mark.parametrize("kind", ["anyio.Lock", "anyio.Semaphore"])
def test_cancelled_at_the_checkpoint_after_it_got_it(watched, kind):
    async def main():
        gate = anyio.Lock() if kind == "anyio.Lock" else anyio.Semaphore(1)
        task = asyncio.create_task(gate.acquire())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert story(watched(main()), kind) == [("ACQUIRED", 1), ("RELEASED", 0)]


def test_a_stream(watched):
    async def main():
        send, receive = anyio.create_memory_object_stream[str](1)
        async with send, receive:
            taker = asyncio.create_task(receive.receive())
            await asyncio.sleep(1)
            await send.send("handed over")
            assert await taker == "handed over"
            await send.send("kept")
            sender = asyncio.create_task(send.send("waits"))
            await asyncio.sleep(1)
            assert await receive.receive() == "kept"
            await sender
            with pytest.raises(anyio.WouldBlock):
                send.send_nowait("no")

    recording = watched(main())
    assert [row[:3] for row in resources(recording).values()] == [
        ("anyio.MemoryObjectStream", "", 1)
    ]
    assert story(recording, "anyio.MemoryObjectStream") == [
        ("WAIT", WAIT_GET),
        ("WAIT_OVER", WAIT_GET),
        ("QUEUE_SIZE", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
    ]


MAKE = {
    "anyio.CapacityLimiter": lambda: anyio.CapacityLimiter(3),
    "anyio.Semaphore": lambda: anyio.Semaphore(3),
}


def test_an_event_of_the_app_s(watched, here):
    lines = []

    async def main():
        event, line = anyio.Event(), here()
        lines.append(line)
        asyncio.get_running_loop().call_later(1, event.set)
        await event.wait()

    recording = watched(main())
    assert list(resources(recording).values()) == [("anyio.Event", "", 0, lines[0])]
    assert story(recording, "anyio.Event") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]


def test_an_event_made_by_a_module_where_no_loop_runs(watched):
    watch()
    try:
        event = anyio.Event()
        rename(event, "ready")

        async def main():
            asyncio.get_running_loop().call_later(1, event.set)
            await event.wait()

        recording = watched(main())
    finally:
        unwatch()
    assert [row[:2] for row in resources(recording).values()] == [("anyio.Event", "ready")]
    assert story(recording, "anyio.Event") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]


@pytest.mark.parametrize("kind", MAKE)
def test_made_by_a_module_where_no_loop_runs(watched, kind):
    watch()
    try:
        gate = MAKE[kind]()
        assert type(gate).__name__.endswith("Adapter")
        rename(gate, "downloads")
        recording = watched(hold(gate, 1))
    finally:
        unwatch()
    line = MAKE[kind].__code__.co_firstlineno
    assert list(resources(recording).values()) == [(kind, "downloads", 3, line)]
    assert story(recording, kind) == [("ACQUIRED", 1), ("RELEASED", 0)]


def test_threads_are_jobs_of_the_default_limiter(watched):
    async def main():
        assert await anyio.to_thread.run_sync(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await anyio.to_thread.run_sync(lambda: 1 // 0)

    recording = watched(main())
    (row,) = resources(recording).values()
    assert row == ("anyio.CapacityLimiter", "default thread limiter", 40, 0)
    assert [job[:2] for job in jobs(recording)] == [DONE[:2], DONE[:2]]
    assert [b for name, b in story(recording, "anyio.CapacityLimiter")] == [1, 0, 1, 0]
    assert {e.text for e in recording.aux if e.kind is Kind.JOB_START} == {"AnyIO worker thread"}


def test_a_plain_generator_that_is_streamed_is_what_its_jobs_run(watched):
    """Starlette runs it a little further in a thread for each item."""

    def rows():
        yield from "ab"

    async def main():
        assert [item async for item in iterate_in_threadpool(rows())] == ["a", "b"]

    records = watched(main()).of(Kind.JOB)
    assert [e.text.partition("\t")[0].rpartition(".")[2] for e in records] == ["rows"] * 3


def test_a_job_given_up_before_a_thread_was_free(watched):
    async def main():
        limiter = anyio.CapacityLimiter(1)
        async with limiter:
            task = asyncio.create_task(anyio.to_thread.run_sync(int, limiter=limiter))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])

    assert jobs(watched(main())) == [["JOB", ("JOB_END", TASK_CANCELLED)]]


def test_nothing_is_left_in_anyio(loop, probe_of):
    owners = [
        backend.CapacityLimiter,
        backend.Lock,
        backend.Semaphore,
        backend.AsyncIOBackend,
        memory.MemoryObjectSendStream,
        memory.MemoryObjectReceiveStream,
        memory._MemoryObjectStreamState,
    ]
    before = [dict(vars(owner)) for owner in owners]
    probe = probe_of(loop)
    assert all(dict(vars(o)) != was for o, was in zip(owners, before, strict=True))
    probe.uninstall()
    for owner, was in zip(owners, before, strict=True):
        assert all(vars(owner)[name] is value for name, value in was.items())
        assert vars(owner).keys() == was.keys()
