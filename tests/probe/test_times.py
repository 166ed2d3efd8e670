"""What the probe measures on a loop in virtual time: order first, then exact durations."""

import asyncio
import time

import pytest

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.wire.events import SWITCHES, Kind


def blocks(ms):
    time.sleep(ms / 1000)


def test_an_idle_loop_with_one_timer(watched, loop):
    """Select, the timer, the task that it wakes: nothing else, in this order."""

    async def main():
        await asyncio.sleep(0.25)

    began = loop.clock()
    seen = watched(main())
    kinds = [event.kind for event in seen.loop[: seen.kinds.index(Kind.TASK_END) + 1]]
    assert kinds == [
        Kind.TASK_START,
        Kind.POLLED,
        Kind.STEP,
        Kind.IDLE,
        Kind.POLLED,
        Kind.CALLBACK,
        Kind.TIMER,
        Kind.POLLED,
        Kind.STEP,
        Kind.TASK_END,
    ]
    assert [lasted for s, lasted in seen.durations() if s.kind is Kind.IDLE] == [250 * MS]
    assert sum(lasted for s, lasted in seen.durations() if s.kind is not Kind.IDLE) == 0
    assert {event.at for event in seen.loop} == {began, began + 250 * MS}


def test_a_block_of_80_ms_lasts_80_ms(watched):
    async def main():
        blocks(80)

    seen = watched(main())
    assert seen.steps(seen.start_of("main").task_id) == [(mine := seen.loop[0].at, mine, 80 * MS)]


def test_ready_delay_is_what_the_others_take_first(watched):
    """Three tasks become ready at once; each waits for those before it."""

    async def worker(ms):
        blocks(ms)
        await asyncio.sleep(0)
        blocks(ms)

    async def main():
        await asyncio.gather(worker(10), worker(20), worker(30))

    seen = watched(main())
    start = seen.loop[0].at
    workers = [e.task_id for e in seen.of(Kind.TASK_START) if "worker" in e.text]
    delays = [[at - ready for ready, at, _ in seen.steps(who)] for who in workers]
    assert delays == [[0, 50 * MS], [10 * MS, 40 * MS], [30 * MS, 30 * MS]]
    busy = [[ran for *_, ran in seen.steps(who)] for who in workers]
    assert busy == [[10 * MS] * 2, [20 * MS] * 2, [30 * MS] * 2]
    assert seen.steps(workers[0])[0][1] == start


@pytest.mark.parametrize("block", [0, 1, 125])
def test_lag_of_a_timer(watched, loop, block):
    async def main():
        loop.call_later(0.25, lambda: None)
        await asyncio.sleep(0.1875)
        blocks(62.5 + block)
        await asyncio.sleep(0.5)

    began = loop.clock()
    seen = watched(main())
    (timer,) = (e for e in seen.of(Kind.TIMER) if "<lambda>" in e.text)
    assert timer.a == began + 250 * MS
    assert timer.at - timer.a == block * MS


@pytest.mark.parametrize("seconds", [0.57, 0.1, 0.3, 1.1, 0.009])
def test_a_timer_is_due_when_it_was_said_to_be(watched, loop, seconds):
    """To the nanosecond, for delays that are no round number in binary."""

    async def main():
        await asyncio.sleep(seconds)

    began = loop.clock()
    (timer,) = watched(main()).of(Kind.TIMER)
    assert timer.at == timer.a == began + round(seconds * 1e9)


def test_the_heartbeat_counts_what_it_missed(watched, loop):
    """Due every 20 ms, whatever happens: after a block of 100 ms, those missed run at once."""

    async def main():
        await asyncio.sleep(0.05)
        blocks(100)
        await asyncio.sleep(0.05)

    began = loop.clock()
    seen = watched(main(), heartbeat_s=0.02)
    beats = [(e.a - began, e.at - e.a) for e in seen.of(Kind.TIMER) if not e.b]
    # in ms; a float of seconds is good for a tenth of a microsecond
    assert [(round(due / MS, 3), round(late / MS, 3)) for due, late in beats] == [
        (20, 0),
        (40, 0),
        (60, 90),
        (80, 70),
        (100, 50),
        (120, 30),
        (140, 10),
        (160, 0),
        (180, 0),
        (200, 0),
    ]


def test_busy_and_idle_make_up_all_of_the_time(watched, loop):
    async def main():
        for ms in range(1, 20):
            blocks(ms)
            await asyncio.sleep(ms / 500)
            await asyncio.sleep(0)

    began = loop.clock()
    seen = watched(main())
    busy = sum(lasted for s, lasted in seen.durations() if s.kind is not Kind.IDLE)
    idle = sum(lasted for s, lasted in seen.durations() if s.kind is Kind.IDLE)
    assert (busy, idle) == (190 * MS, 380 * MS)
    assert busy + idle == loop.clock() - began


def test_times_never_go_back_and_the_last_word_is_stopped(watched):
    async def main():
        await asyncio.gather(*(asyncio.sleep(i / 1000) for i in range(20)))

    seen = watched(main())
    times = [event.at for event in seen.loop]
    assert times == sorted(times)
    assert seen.kinds[-1] is Kind.STOPPED
    assert seen.kinds.count(Kind.STOPPED) == 1
    assert all(event.a <= event.at for event in seen.of(*SWITCHES))


def test_a_callback_that_is_no_task(watched, loop, here):
    def tick():
        blocks(5)

    async def main():
        loop.call_soon(tick)
        await asyncio.sleep(0)

    seen = watched(main())
    ((tick_event, lasted),) = (
        (s, lasted)
        for s, lasted in seen.durations()
        if s.kind is Kind.CALLBACK and "tick" in s.text
    )
    name, file, line, function = tick_event.text.split("\t")
    assert name == function == tick.__qualname__
    assert (file, int(line)) == (__file__, tick.__code__.co_firstlineno)
    assert (lasted, tick_event.task_id) == (5 * MS, 0)


def test_builtin_and_partial_callbacks_have_a_name(watched, loop):
    import functools

    class Called:
        def __call__(self):
            pass

    async def main():
        loop.call_soon(functools.partial(functools.partial(blocks, 1)))
        loop.call_soon([].append, 1)
        loop.call_soon(Called())
        await asyncio.sleep(0)

    names = [e.text.split("\t")[0] for e in watched(main()).of(Kind.CALLBACK)]
    assert names[:3] == ["blocks", "list.append", Called.__qualname__]


def test_a_cancelled_callback_leaves_no_trace(watched, loop):
    async def main():
        handle = loop.call_soon(blocks, 1)
        loop.call_soon(blocks, 2)
        handle.cancel()
        loop.call_later(0.1, blocks, 3).cancel()
        await asyncio.sleep(0.2)

    seen = watched(main())
    ran = [lasted for s, lasted in seen.durations() if "blocks" in s.text]
    assert ran == [2 * MS]


def test_call_soon_threadsafe(watched, loop):
    import threading

    done = asyncio.Event()

    async def main():
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(done.set,))
        thread.start()
        await done.wait()
        thread.join()

    seen = watched(main())
    names = [e.text.split("\t")[0] for e in seen.of(Kind.CALLBACK)]
    assert names.count("Event.set") == 1
    assert seen.outcomes()["main"] == 0


def test_the_same_program_twice_gives_the_same_records(tmp_path):
    from loopviz.probe import install
    from loopviz.testing import VirtualLoop
    from loopviz.wire.ring import LOOP_RING

    async def child(ms):
        blocks(ms)
        await asyncio.sleep(ms / 1000)

    async def main():
        for tick in range(100):
            await asyncio.gather(child(tick % 7), child(80 if tick == 50 else 1))

    def run(name):
        with VirtualLoop() as loop:
            probe = install(
                loop, path=tmp_path / name, clock=loop.clock, watchdog=False, heartbeat_s=None
            )
            loop.run(main())
            probe.uninstall()
            return (tmp_path / name / LOOP_RING).read_bytes()[4096:], loop.clock()

    from loopviz.wire.events import RECORD

    def shape(raw):
        """All but the tasks' numbers, which go on counting in one process."""
        records = RECORD.iter_unpack(raw[: 32 * 2000])
        return [(at, record_tag >> 32, seq) for at, _, record_tag, seq in records]

    (first, ended), (second, ended_too) = run("a"), run("b")
    assert ended == ended_too
    assert shape(first) == shape(second)


def test_the_model_says_the_same(watched, loop):
    async def main():
        blocks(30)
        await asyncio.sleep(0.07)

    seen = watched(main())
    model = Model()
    model.feed(seen.batch(), seen.strings)
    assert model.loop.utilization == 0.3
    assert model.loop.callback_all.max_ns == 30 * MS
