"""How tasks end, and what is told of those whose end nobody awaits."""

import asyncio
import gc
import time

import pytest

from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED, Kind


async def child():
    await asyncio.sleep(0)


async def fails():
    raise ValueError("no")


async def outlived_by(make):
    """Tasks that outlive the one that makes them."""

    async def parent():
        return make()

    kept = await asyncio.create_task(parent())
    await asyncio.sleep(0.01)
    return kept


def in_a_set():
    tasks = {asyncio.create_task(child()) for _ in range(3)}
    for task in tasks:
        task.add_done_callback(tasks.discard)


def forgotten():
    return [asyncio.create_task(child())]


def awaited_by_another():
    task = asyncio.create_task(child())

    async def awaits():
        await task

    return [task, asyncio.create_task(awaits())]


async def gathered():
    await asyncio.gather(child(), fails(), return_exceptions=False)


@pytest.mark.parametrize(
    ("make", "noticed"), [(in_a_set, 1), (forgotten, 0), (awaited_by_another, 1)]
)
def test_who_is_told_of_the_end_of_a_task_that_outlives_its_parent(watched, make, noticed):
    seen = watched(outlived_by(make))
    numbers = {e.task_id for e in seen.of(Kind.TASK_START) if e.text.startswith("child")}
    assert {e.a for e in seen.of(Kind.TASK_END) if e.task_id in numbers} == {noticed}


def test_a_gather_that_has_failed_is_not_told_of_the_others(watched):
    async def main():
        with pytest.raises(ValueError, match="no"):
            await gathered()
        await asyncio.sleep(0.01)

    seen = watched(main())
    (end,) = [e for e in seen.of(Kind.TASK_END) if e.task_id == seen.start_of("child").task_id]
    assert end.a == 0


def test_the_exception_of_a_task_of_whose_end_nobody_is_told(watched):
    """It is known although the app keeps the task, so that asyncio never says so."""

    async def main():
        forgotten, awaited = asyncio.create_task(fails()), asyncio.create_task(fails())
        with pytest.raises(ValueError, match="no"):
            await awaited
        await asyncio.sleep(0.01)
        assert forgotten.exception() is not None

    seen = watched(main())
    (told,) = seen.of(Kind.TASK_EXCEPTION)
    assert told.text == "ValueError: no"
    (end,) = [e for e in seen.of(Kind.TASK_END) if e.task_id == told.task_id]
    assert end.a == 0


def test_an_exception_that_nobody_retrieves(loop, watched):
    said = []

    async def fails():
        raise ValueError("unseen")

    async def main():
        loop.set_exception_handler(lambda loop, context: said.append(context["message"]))
        task = asyncio.create_task(fails())
        await asyncio.sleep(0.25)
        del task
        gc.collect()
        await asyncio.sleep(0)

    seen = watched(main())
    (unseen,) = seen.of(Kind.EXCEPTION_NEVER_RETRIEVED)
    assert unseen.task_id == seen.start_of("fails").task_id
    assert said == ["Task exception was never retrieved"]


def test_a_task_that_nothing_references_is_lost(loop, watched):
    said = []

    async def waits():
        await asyncio.get_running_loop().create_future()

    async def main():
        loop.set_exception_handler(lambda loop, context: said.append(context["message"]))
        asyncio.create_task(waits())  # noqa: RUF006 - that is the bug
        await asyncio.sleep(0.25)
        gc.collect()
        await asyncio.sleep(0)

    seen = watched(main())
    (lost,) = seen.of(Kind.TASK_DESTROYED)
    assert lost.task_id == seen.start_of("waits").task_id
    assert said == ["Task was destroyed but it is pending!"]


def test_outcomes(watched):
    async def returns():
        return 1

    async def raises():
        raise ValueError

    async def waits():
        await asyncio.sleep(10)

    async def swallows():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return

    async def main():
        tasks = [asyncio.create_task(f()) for f in (returns, raises, waits, swallows)]
        await asyncio.sleep(0.25)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert watched(main()).outcomes() == {
        "main": TASK_RETURNED,
        "returns": TASK_RETURNED,
        "raises": TASK_RAISED,
        "waits": TASK_CANCELLED,
        "swallows": TASK_RETURNED,
    }


def test_a_task_ends_when_its_last_step_does(watched, loop):

    async def blocks():
        time.sleep(0.05)

    async def main():
        await asyncio.gather(blocks(), child())

    seen = watched(main())
    _, started, ran = seen.steps(seen.start_of("blocks").task_id)[-1]
    (end,) = (e for e in seen.of(Kind.TASK_END) if e.task_id == seen.start_of("blocks").task_id)
    assert end.at == started + ran == started + 50_000_000


def test_an_exception_that_no_one_retrieves_is_still_reported(watched, loop):
    """The probe looks whether a task raised without marking it as retrieved."""
    reports = []

    async def raises():
        raise ValueError("no one will know")

    async def main():
        task = loop.create_task(raises())
        await asyncio.sleep(0.25)
        assert task.done()
        del task
        gc.collect()
        await asyncio.sleep(0.25)

    loop.set_exception_handler(lambda _loop, context: reports.append(context["message"]))
    seen = watched(main())
    assert seen.outcomes()["raises"] == TASK_RAISED
    assert reports == ["Task exception was never retrieved"]


def test_a_cancel_that_comes_too_late_is_no_step(watched, loop):
    """`loop.call_later(…, task.cancel)` is bound to a task, and still is a callback."""

    async def main():
        task = loop.create_task(child())
        loop.call_later(0.25, task.cancel)
        await task
        await asyncio.sleep(0.5)

    seen = watched(main())
    ends = [e.task_id for e in seen.of(Kind.TASK_END)]
    assert len(ends) == len(set(ends))
    assert len(seen.steps(seen.start_of("child").task_id)) == 2
    assert [e.text.split("\t")[0] for e in seen.of(Kind.CALLBACK)].count("Task.cancel") == 1


def test_a_cancel_in_time_is_no_step_either(watched, loop):
    async def waits():
        await asyncio.sleep(10)

    async def main():
        task = loop.create_task(waits())
        loop.call_later(0.25, task.cancel)
        await asyncio.wait([task])

    seen = watched(main())
    assert seen.outcomes()["waits"] == TASK_CANCELLED
    assert len(seen.steps(seen.start_of("waits").task_id)) == 2
    timers = [e.text.split("\t")[0] for e in seen.of(Kind.TIMER)]
    assert timers == ["Task.cancel"]
