"""asyncio's own primitives, each in the cases that matter; and what is as it was before."""

import asyncio
import gc
import inspect

import pytest

from loopviz.errors import LoopvizError
from loopviz.probe.patches import rename, unwatch, watch
from loopviz.probe.patches.asyncio_primitives import patches as asyncio_patches
from loopviz.probe.patches.executors import PATCHES as EXECUTORS
from loopviz.testing import VirtualLoop
from loopviz.wire.events import WAIT_GET, WAIT_PUT, Kind
from tests.probe.patches.recorded import failures, resources, story, whos

ASYNCIO = asyncio_patches(())
CLASSES = {patch.owner for patch in (*ASYNCIO, *EXECUTORS)}


async def hold(gate, seconds):
    async with gate:
        await asyncio.sleep(seconds)


def test_a_contended_lock(watched, here):
    lines = []

    async def main():
        lock, line = asyncio.Lock(), here()
        lines.append(line)
        await asyncio.gather(hold(lock, 1), hold(lock, 1))

    recording = watched(main())
    assert list(resources(recording).values()) == [("asyncio.Lock", "", 1, lines[0])]
    assert story(recording, "asyncio.Lock") == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("RELEASED", 0),
        ("ACQUIRED", 1),
        ("RELEASED", 0),
    ]
    (wait,) = recording.of(Kind.WAIT)
    assert wait.text.endswith(f"{hold.__code__.co_firstlineno + 1}\thold")
    assert not failures(recording)


def test_the_maker_is_the_task_that_made_it(watched):
    async def makes():
        await hold(asyncio.Lock(), 0)

    async def main():
        await asyncio.create_task(makes())

    recording = watched(main())
    assert [e.task_id for e in recording.of(Kind.RESOURCE)] == [recording.start_of("makes").task_id]


def test_a_unit_handed_to_one_who_gives_up_is_given_back(watched):
    async def main():
        gate = asyncio.Semaphore(1)
        await gate.acquire()
        waiter = asyncio.create_task(gate.acquire())
        await asyncio.sleep(0)
        gate.release()
        waiter.cancel()
        await asyncio.wait([waiter])

    recording = watched(main())
    assert story(recording, "asyncio.Semaphore") == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("RELEASED", 1),
        ("RELEASED", 0),
        ("WAIT_OVER", WAIT_PUT),
    ]
    assert whos(recording, "asyncio.Semaphore", Kind.RELEASED)[1] == 0


def test_a_timeout_ends_the_wait(watched):
    async def main():
        gate = asyncio.Semaphore(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.25):
                await gate.acquire()

    recording = watched(main())
    assert story(recording, "asyncio.Semaphore") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]
    wait, over = recording.of(Kind.WAIT, Kind.WAIT_OVER)
    assert over.at - wait.at == 250_000_000


def test_a_condition_and_its_lock(watched):
    async def main():
        condition = asyncio.Condition()

        async def waits():
            async with condition:
                await condition.wait()

        waiter = asyncio.create_task(waits())
        await asyncio.sleep(1)
        async with condition:
            condition.notify()
        await waiter

    recording = watched(main())
    assert story(recording, "asyncio.Condition") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]
    lock = [event for event, _ in story(recording, "asyncio.Lock")]
    # taken, let go in wait(), taken by main, waited for and taken again
    assert lock[:4] == ["ACQUIRED", "RELEASED", "ACQUIRED", "RELEASED"]
    assert lock[-2:] == ["ACQUIRED", "RELEASED"]


def test_an_event_is_waited_for_only_if_it_is_not_set(watched):
    async def main():
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(1, event.set)
        await event.wait()
        await event.wait()

    recording = watched(main())
    assert story(recording, "asyncio.Event") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]


def test_a_join_of_a_queue_is_a_wait_for_the_queue(watched):
    async def main():
        queue = asyncio.Queue()
        queue.put_nowait(1)
        asyncio.get_running_loop().call_later(1, queue.task_done)
        await queue.join()

    recording = watched(main())
    assert [row[0] for row in resources(recording).values()] == ["asyncio.Queue"]
    line = main.__code__.co_firstlineno + 4
    place = f"queue\t{__file__}\t{line}\t{main.__qualname__}"
    assert place in [event.text for event in recording.of(Kind.STEP)]


def test_a_barrier_is_told_as_a_whole(watched):
    async def main():
        barrier = asyncio.Barrier(2)
        waiter = asyncio.create_task(barrier.wait())
        await asyncio.sleep(1)
        await barrier.wait()
        await waiter

    recording = watched(main())
    assert [row[:3] for row in resources(recording).values()] == [("asyncio.Barrier", "", 2)]
    assert story(recording, "asyncio.Barrier") == [("WAIT", WAIT_PUT), ("WAIT_OVER", WAIT_PUT)]


def test_both_sides_of_a_queue(watched):
    async def main():
        queue = asyncio.Queue(1)
        getter = asyncio.create_task(queue.get())
        await asyncio.sleep(1)
        queue.put_nowait("a")
        await getter
        await queue.put("b")
        putter = asyncio.create_task(queue.put("c"))
        await asyncio.sleep(1)
        assert queue.get_nowait() == "b"
        await putter

    assert story(watched(main()), "asyncio.Queue") == [
        ("WAIT", WAIT_GET),
        ("QUEUE_SIZE", 1),
        ("QUEUE_SIZE", 0),
        ("WAIT_OVER", WAIT_GET),
        ("QUEUE_SIZE", 1),
        ("WAIT", WAIT_PUT),
        ("QUEUE_SIZE", 0),
        ("QUEUE_SIZE", 1),
        ("WAIT_OVER", WAIT_PUT),
    ]


def test_what_was_made_before_the_probe_is_described_when_met(loop, probe_of, recording):
    gate, bounded = asyncio.Semaphore(2), asyncio.BoundedSemaphore(3)
    probe = probe_of(loop)

    async def main():
        await asyncio.gather(hold(gate, 1), hold(gate, 1), hold(gate, 1))
        await hold(bounded, 1)

    loop.run(main())
    probe.uninstall()
    seen = recording(probe)
    assert list(resources(seen).values()) == [
        ("asyncio.Semaphore", "", 0, 0),
        ("asyncio.BoundedSemaphore", "", 3, 0),
    ]
    assert [b for name, b in story(seen, "asyncio.Semaphore") if name == "ACQUIRED"] == [1, 2, 1]


def test_a_module_s_resource_has_its_line_if_the_probe_was_there_first(watched, here):
    watch()
    try:
        gate, line = asyncio.Semaphore(2), here()  # no loop runs: as if by an import
        recording = watched(hold(gate, 1))
    finally:
        unwatch()
    assert list(resources(recording).values()) == [("asyncio.Semaphore", "", 2, line)]


def test_a_new_name_introduces_it_anew(watched):
    async def main():
        lock, event = asyncio.Lock(), asyncio.Event()
        await hold(lock, 0)
        rename(lock, "ledger")
        rename(event, "ready")
        with pytest.raises(LoopvizError, match=r"builtins\.dict"):
            rename({}, "nothing")

    recording = watched(main())
    assert [e.text.split("\t")[1] for e in recording.of(Kind.RESOURCE)] == ["", "ledger", "ready"]


def test_a_loop_without_a_probe_is_not_told_of(watched, probe_of, loop, recording):
    probe = probe_of(loop)
    with VirtualLoop() as other:
        other.run(hold(asyncio.Lock(), 1))
    probe.uninstall()
    assert not recording(probe).of(Kind.RESOURCE, Kind.ACQUIRED)


def test_the_classes_look_the_same(loop, probe_of):
    def look(name, owner):
        function = getattr(owner, name)
        return (
            inspect.iscoroutinefunction(function),
            inspect.signature(function),
            function.__name__,
            function.__qualname__,
            function.__doc__,
        )

    names = [(p.name, p.owner) for p in (*ASYNCIO, *EXECUTORS) if hasattr(p.owner, p.name)]
    before = [look(*name) for name in names]
    probe_of(loop)
    assert [look(*name) for name in names] == before


def test_nothing_is_left_in_the_classes(loop, probe_of):
    before = [dict(vars(owner)) for owner in CLASSES]
    probe = probe_of(loop)
    assert [dict(vars(owner)) for owner in CLASSES] != before
    with VirtualLoop() as second:
        other = probe_of(second)
        probe.uninstall()
        assert [dict(vars(owner)) for owner in CLASSES] != before
        other.uninstall()
    after = [dict(vars(owner)) for owner in CLASSES]
    assert after == before
    assert all(now[n] is was[n] for now, was in zip(after, before, strict=True) for n in was)


def test_a_wait_that_outlives_the_probe(loop, probe_of, recording):
    async def main(probe):
        lock = asyncio.Lock()
        await lock.acquire()
        waiter = asyncio.create_task(hold(lock, 1))
        await asyncio.sleep(1)
        probe.uninstall()
        lock.release()
        await waiter

    probe = probe_of(loop)
    loop.run(main(probe))
    seen = recording(probe)
    assert story(seen, "asyncio.Lock") == [("ACQUIRED", 1), ("WAIT", WAIT_PUT)]
    assert seen.kinds[-1] is Kind.STOPPED


def test_a_wait_thrown_away_ends_as_its_own_task_s(watched):
    async def main():
        lock = asyncio.Lock()
        await lock.acquire()

        async def lost():
            await lock.acquire()

        coroutine = lost()
        coroutine.send(None)  # as if driven by a task that is then forgotten
        coroutine.close()
        gc.collect()
        lock.release()

    assert story(watched(main()), "asyncio.Lock") == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
        ("RELEASED", 0),
    ]


def test_a_hook_that_breaks_is_told_and_the_app_goes_on(watched, caplog):
    class Odd(asyncio.Semaphore):
        def locked(self):
            try:
                return super().locked()
            finally:
                self.asked = getattr(self, "asked", 0) + 1
                if self.asked == 1:
                    raise RuntimeError("not you")

    async def main():
        await hold(Odd(1), 1)
        return True

    recording = watched(main())
    assert failures(recording) == ["wait: RuntimeError: not you"]
    assert story(recording, "asyncio.Semaphore") == [("ACQUIRED", 1), ("RELEASED", 0)]
    assert "the wait hook failed" in caplog.text
