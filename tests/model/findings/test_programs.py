"""Small programs with each bug, watched by the real probe; and the same when they are right."""

import asyncio
import gc

import pytest

from tests.model.findings.server import Server, findings_of


@pytest.fixture
def findings(loop, probe_of):
    """Run `main(server)` on the virtual loop: what is found."""

    def run(main):
        probe = probe_of(loop)
        loop.run(main(Server(probe)))
        probe.uninstall()
        return findings_of(probe.folder)

    return run


# Locks and gates


async def ten_ms():
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("narrow", [False, True])
def test_a_lock_held_over_io(findings, narrow):
    async def main(server):
        lock = asyncio.Lock()

        async def handler(_):
            if narrow:
                async with lock:
                    pass
                await asyncio.sleep(0.04)
            else:
                async with lock:
                    await asyncio.sleep(0.04)

        await server.load(handler, 40, 0.02)

    found = findings(main)
    if narrow:
        assert found == ()
        return
    (across,) = found
    assert across.rule == "lock-held-across-io"
    assert [so.rule for so in across.consequences] == ["lock-convoy"]
    assert (across.count, across.worst_ns, across.victims) == (39, 40_000_000, 39)
    assert across.source == "await asyncio.sleep(0.04)"
    assert "Lock while it waited 40 ms in await asyncio.sleep(0.04)" in across.sentence


@pytest.mark.parametrize("units", [2, 50])
def test_a_gate(findings, units):
    async def main(server):
        gate = asyncio.Semaphore(units)

        async def handler(_):
            async with gate:
                await asyncio.sleep(0.1)

        await server.load(handler, 100, 0.02)

    found = findings(main)
    if units == 50:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.source) == ("pool-exhausted", "await asyncio.sleep(0.1)")
    assert seen.victims == seen.count > 90


# Tasks


@pytest.mark.parametrize("awaited", [False, True])
def test_an_exception_nobody_sees(findings, awaited):
    async def refresh():
        await asyncio.sleep(0.001)
        raise ValueError("no")

    async def main(server):
        async def handler(_):
            task = asyncio.create_task(refresh())
            await asyncio.sleep(0.01)
            if awaited:
                await asyncio.gather(task, return_exceptions=True)

        # what asyncio says of it in the end is not for the test's log
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await server.load(handler, 4, 0.1)
        gc.collect()
        await asyncio.sleep(0.1)

    found = findings(main)
    if awaited:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.count) == ("task-never-retrieved", 4)
    assert seen.source == "task = asyncio.create_task(refresh())"
    assert seen.sentence.startswith("refresh raised ")


@pytest.mark.parametrize("grouped", [False, True])
def test_a_task_that_outlives_its_request(findings, grouped):
    kept = set()

    async def main(server):
        async def handler(_):
            if grouped:
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(0.05))
            else:
                kept.add(asyncio.create_task(asyncio.sleep(0.05)))

        await server.load(handler, 5, 0.01)
        await asyncio.sleep(0.1)

    found = findings(main)
    if grouped:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.count, seen.worst_ns) == ("task-outlived-parent", 5, 50_000_000)
    assert seen.source == "kept.add(asyncio.create_task(asyncio.sleep(0.05)))"


def test_a_task_that_nothing_references(findings):
    async def waits_for_ever():
        await asyncio.get_running_loop().create_future()

    async def main(server):
        async def handler(_):
            asyncio.create_task(waits_for_ever())  # noqa: RUF006 - that is the bug
            await asyncio.sleep(0.01)

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await server.load(handler, 3, 0.01)
        gc.collect()
        await asyncio.sleep(0.1)

    (seen,) = findings(main)
    assert (seen.rule, seen.count) == ("task-lost", 3)
    assert seen.source.startswith("asyncio.create_task(waits_for_ever())")


@pytest.mark.parametrize("maxsize", [0, 10])
def test_a_queue_that_grows(findings, maxsize):
    async def main(_server):
        queue = asyncio.Queue(maxsize)

        async def consume():
            while True:
                await queue.get()
                await asyncio.sleep(0.05)

        consumer = asyncio.create_task(consume())
        for number in range(500):
            await queue.put(number)
            await asyncio.sleep(0.01)
        consumer.cancel()

    found = findings(main)
    if maxsize:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.source) == ("unbounded-growth", "queue = asyncio.Queue(maxsize)")
    assert "Queue grew for " in seen.sentence


# Requests


@pytest.mark.parametrize("overlapping", [False, True])
def test_awaits_in_a_row(findings, overlapping):
    async def price(_):
        await asyncio.sleep(0.03)

    async def main(server):
        async def handler(_):
            if overlapping:
                await asyncio.gather(*(price(item) for item in range(10)))
            else:
                for item in range(10):
                    await price(item)

        await server.load(handler, 5, 0.1)

    found = findings(main)
    if overlapping:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.count, seen.worst_ns) == ("sequential-awaits", 5, 300_000_000)
    assert seen.source == "await asyncio.sleep(0.03)"
    assert (seen.victims, seen.victim_wait_ns) == (5, 5 * 270_000_000)


@pytest.mark.parametrize("shielded", [False, True])
def test_a_request_that_is_cancelled_as_it_writes(findings, shielded):
    async def main(server):
        lock = asyncio.Lock()
        kept = []

        async def write():
            async with lock:
                await asyncio.sleep(0.02)

        async def handler(_):
            if shielded:
                kept.append(asyncio.create_task(write()))
                await asyncio.shield(kept[-1])
            else:
                await write()

        task = server.get(handler, method="POST")
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.1)

    found = findings(main)
    if shielded:
        assert found == ()
        return
    (seen,) = found
    assert (seen.rule, seen.count, seen.severity) == ("cancelled-mid-write", 1, "error")
    assert seen.source == "await asyncio.sleep(0.02)"


@pytest.mark.parametrize("steps", [1, 60])
def test_many_short_callbacks(findings, loop, steps):
    async def main(server):
        async def handler(_):
            for _ in range(steps):
                loop.clock.advance(1_000_000)  # a millisecond of work
                await asyncio.sleep(0)

        await server.load(handler, 100, 0.001)

    found = findings(main)
    if steps == 1:
        assert found == ()
        return
    assert "ready-delay-high" in {f.rule for f in found}
    assert "slow-callback" not in {f.rule for f in found}
