"""Who woke whom, and what for."""

import asyncio
import threading

from loopviz.wire.events import Kind


def test_a_thread_that_wakes_the_loop_is_no_waker(loop, watched):
    async def main():
        future = loop.create_future()

        async def waits():
            await future

        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_result, None))
        thread.start()
        thread.join()
        await task

    seen = watched(main())
    woken = {(e.task_id, e.a) for e in seen.of(Kind.WOKEN)}
    main_, waits = seen.start_of("main").task_id, seen.start_of("waits").task_id
    assert woken == {(main_, waits)}, "the main task, by the end of the other; nothing else"


def test_a_waker_is_found_through_callbacks(loop, watched):
    """The last of two gathered tasks wakes the one that gathers them, through its callback."""

    async def sets(event, after):
        await asyncio.sleep(after)
        event.set()

    async def waits(event):
        await event.wait()

    async def main():
        event = asyncio.Event()
        await asyncio.gather(sets(event, 0.25), waits(event))

    seen = watched(main())
    who = {name: seen.start_of(name).task_id for name in ("sets", "waits", "main")}
    woken = [(e.task_id, e.a) for e in seen.of(Kind.WOKEN)]
    assert woken == [(who["waits"], who["sets"]), (who["main"], who["waits"])]


def test_a_step_says_what_it_waited_for_and_where(loop, watched, here):
    lines = {}

    async def inner():
        lines["sleep"] = here() + 1
        await asyncio.sleep(0.25)

    async def other():
        await asyncio.sleep(0)
        await asyncio.sleep(0.125)

    async def main():
        await inner()
        lines["task"] = here() + 1
        await asyncio.create_task(other())
        future = loop.create_future()
        loop.call_later(0.125, future.set_result, None)
        lines["future"] = here() + 1
        await future

    seen = watched(main())
    task = seen.start_of("main").task_id
    waited = [
        seen.strings[e.b].split("\t") for e in seen.of(Kind.STEP) if e.task_id == task and e.b
    ]
    assert [(what, file, int(line)) for what, file, line, _ in waited] == [
        ("sleep", __file__, lines["sleep"]),
        ("future", __file__, lines["task"]),
        ("future", __file__, lines["future"]),
    ]
    first, yielded, _ = (
        e.b for e in seen.of(Kind.STEP) if e.task_id == seen.start_of("other").task_id
    )
    assert (first, yielded) == (0, 0), "neither of them was a wait"


def test_a_few_of_the_steps_that_waited_for_nothing_say_where(watched, here):
    line = 0

    async def polls():
        nonlocal line
        for _ in range(3000):
            line = here() + 1
            await asyncio.sleep(0)

    seen = watched(polls())
    places = [step.text for step in seen.of(Kind.STEP) if step.b]
    assert 2 <= len(places) <= 4, "of three thousand steps one in a thousand"
    assert {place.split("\t")[2] for place in places} == {str(line)}
    assert {place.split("\t")[3].rpartition(".")[2] for place in places} == {"polls"}
