"""Which tasks a task awaits, read on another thread while nothing runs on the loop."""

import asyncio
import threading

import anyio
import pytest

from loopviz.probe.places import Places
from loopviz.probe.wait_graph import MOST_TASKS, awaits

HERE = __file__
PLACES = Places()


class Numbered:
    """Tasks with the numbers that a probe would give them, by name."""

    def __init__(self):
        self.tasks = {}

    def __call__(self, name, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.adopt(name, task)
        return task

    def adopt(self, name, task):
        number = len(self.tasks) + 1
        task._loopviz_tag = number
        self.tasks[name] = number

    def rest(self):
        """Numbers for tasks that a library made, in the order of their making."""
        known = [t for t in asyncio.all_tasks() if not hasattr(t, "_loopviz_tag")]
        for task in sorted(known, key=lambda t: t.get_name()):
            self.adopt(task.get_name(), task)


def read(main):
    """What `main(numbered)` leaves suspended, as {name: (names, any_of)}, and the raw answer."""

    async def run():
        numbered = Numbered()
        kept = await main(numbered)
        for _ in range(5):
            await asyncio.sleep(0)
        numbered.rest()
        loop, answer = asyncio.get_running_loop(), []
        thread = threading.Thread(
            target=lambda: answer.extend(awaits(loop, PLACES, list(numbered.tasks.values())))
        )
        thread.start()
        thread.join()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        del kept
        names = {number: name for name, number in numbered.tasks.items()}
        return {
            names[one.task]: ({names[n] for n in one.tasks}, one.any_of) for one in answer
        }, answer

    return asyncio.run(run())


async def forever():
    await asyncio.get_running_loop().create_future()


async def on(awaitable):
    return await awaitable


async def directly(numbered):
    inner = numbered("inner", forever())
    return numbered("outer", on(inner))


async def gathered(numbered):
    two = numbered("one", forever()), numbered("two", forever())
    return numbered("outer", on(asyncio.gather(*two)))


async def shielded(numbered):
    inner = numbered("inner", forever())
    return numbered("outer", on(asyncio.shield(inner)))


async def with_timeout(numbered):
    inner = numbered("inner", forever())
    return numbered("outer", on(asyncio.wait_for(inner, 60)))


async def all_of(numbered):
    two = numbered("one", forever()), numbered("two", forever())
    return numbered("outer", on(asyncio.wait(two)))


async def first_of(numbered):
    two = numbered("one", forever()), numbered("two", forever())
    return numbered("outer", on(asyncio.wait(two, return_when=asyncio.FIRST_COMPLETED)))


async def task_group(numbered):
    async def outer():
        async with asyncio.TaskGroup() as group:
            for name in ("one", "two"):
                numbered.adopt(name, group.create_task(forever()))

    return numbered("outer", outer())


async def anyio_group(numbered):
    async def outer():
        async with anyio.create_task_group() as group:
            group.start_soon(forever, name="one")
            group.start_soon(forever, name="two")

    return numbered("outer", outer())


@pytest.mark.parametrize(
    ("main", "awaited", "through"),
    [
        (directly, ({"inner"}, False), "task"),
        (gathered, ({"one", "two"}, False), "gather"),
        (shielded, ({"inner"}, False), "shield"),
        (with_timeout, ({"inner"}, False), "wait_for"),
        (all_of, ({"one", "two"}, False), "wait"),
        (first_of, ({"one", "two"}, True), "wait"),
        (task_group, ({"one", "two"}, False), "TaskGroup"),
        (anyio_group, ({"one", "two"}, False), "TaskGroup"),
    ],
)
def test_a_task_awaits_others(main, awaited, through):
    found, answer = read(main)
    assert found["outer"] == awaited
    assert [one.through for one in answer if one.tasks] == [through]


def test_what_has_ended_is_awaited_by_nobody():
    async def nothing():
        pass

    async def main(numbered):
        two = numbered("done", nothing()), numbered("open", forever())
        return numbered("outer", on(asyncio.gather(*two)))

    found, _ = read(main)
    assert found["outer"] == ({"open"}, False)
    assert "done" not in found


def test_a_task_that_awaits_no_task_awaits_nobody():
    async def main(numbered):
        lock = asyncio.Lock()
        await lock.acquire()
        numbered("lock", on(lock.acquire()))
        numbered("sleep", on(asyncio.sleep(60)))
        return numbered("queue", on(asyncio.Queue().get()))

    found, _ = read(main)
    assert {name: found[name] for name in ("lock", "sleep", "queue")} == dict.fromkeys(
        ("lock", "sleep", "queue"), (set(), False)
    )


def test_the_place_is_the_innermost_user_line_and_what_is_awaited_there():
    _, answer = read(directly)
    outer = next(one for one in answer if one.tasks)
    what, file, line, function = outer.place.split("\t")
    assert (what, file, function) == ("future", HERE, "on")
    assert int(line) == on.__code__.co_firstlineno + 1


def test_those_awaited_are_found_from_one_task():
    async def run():
        numbered = Numbered()
        innermost = numbered("innermost", forever())
        inner = numbered("inner", on(innermost))
        outer = numbered("outer", on(inner))
        numbered("other", forever())
        for _ in range(3):
            await asyncio.sleep(0)
        found = awaits(asyncio.get_running_loop(), PLACES, [numbered.tasks["outer"]])
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        del outer
        return [one.task for one in found], numbered.tasks

    found, numbers = asyncio.run(run())
    assert found == [numbers[name] for name in ("outer", "inner", "innermost")]


def test_all_others_follow_on_request():
    async def run():
        numbered = Numbered()
        tasks = [numbered(name, forever()) for name in ("one", "two", "three")]
        await asyncio.sleep(0)
        loop, wanted = asyncio.get_running_loop(), [numbered.tasks["two"]]
        found = awaits(loop, PLACES, wanted), awaits(loop, PLACES, wanted, others=True)
        for task in tasks:
            task.cancel()
        return [[one.task for one in answer] for answer in found], numbered.tasks

    (alone, everyone), numbers = asyncio.run(run())
    assert alone == [numbers["two"]]
    assert everyone == [numbers[name] for name in ("two", "one", "three")]


def test_the_answer_is_bounded():
    async def run():
        numbered = Numbered()
        many = [numbered(str(n), forever()) for n in range(MOST_TASKS + 50)]
        outer = numbered("outer", on(asyncio.gather(*many)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = awaits(asyncio.get_running_loop(), PLACES, [numbered.tasks["outer"]])
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        del outer
        return len(found), max(len(one.tasks) for one in found)

    assert asyncio.run(run()) == (MOST_TASKS, MOST_TASKS)


def test_an_unknown_task_is_left_out():
    async def run():
        return awaits(asyncio.get_running_loop(), PLACES, [17])

    assert asyncio.run(run()) == []
