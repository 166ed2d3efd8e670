"""Await stacks, taken on another thread; nothing of the app is called for them."""

import asyncio
import threading

import pytest

from loopviz.probe.await_stack import DEPTH, await_stack, stack_of_task


async def inner():
    await asyncio.sleep(60)


async def outer():
    await inner()


async def items():
    await inner()
    yield 1


async def looping():
    async for _ in items():
        pass


class Wrapped:
    def __await__(self):
        return inner().__await__()


async def wrapping():
    await Wrapped()


async def deep(left):
    if left:
        await deep(left - 1)
    else:
        await asyncio.sleep(60)


class Strange:
    """An awaitable that must not be touched: whoever looks at it closely finds out."""

    touched = ()

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return None

    def __getattr__(self, name):
        Strange.touched += (name,)
        raise AttributeError(name)


async def strange():
    await Strange()


def names(frames):
    return [text.split("\t")[3] for text in frames]


def stack_of(coroutine):
    """Of a task that runs the coroutine, once it waits."""

    async def main():
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = stack_of_task(task, threading.get_ident())
        task.cancel()
        await asyncio.wait([task])
        return found

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("coroutine", "functions"),
    [
        (outer, ["outer", "inner", "sleep"]),
        (looping, ["looping", "items", "inner", "sleep"]),
        (wrapping, ["wrapping", "inner", "sleep"]),
    ],
)
def test_from_the_outermost_to_the_innermost(coroutine, functions):
    assert names(stack_of(coroutine())) == functions


def test_a_frame_has_its_file_and_line():
    _, file, line, function = stack_of(outer())[1].split("\t")
    assert (file, function) == (__file__, "inner")
    assert int(line) == inner.__code__.co_firstlineno + 1


def test_of_a_deep_one_the_innermost_frames():
    assert names(stack_of(deep(200))) == ["deep"] * (DEPTH - 1) + ["sleep"]


def test_what_the_app_has_made_is_not_touched():
    Strange.touched = ()
    found = stack_of(strange())
    during = [name for name in Strange.touched if name not in ("send", "throw", "close")]
    assert names(found) == ["strange"]
    assert during == ["_asyncio_future_blocking"] or during == []  # asyncio itself asks


def test_the_task_is_found_by_its_number():
    async def main():
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        task = asyncio.create_task(outer())
        task._loopviz_tag = 7 | 1 << 40
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = await asyncio.to_thread(await_stack, loop, thread, 7)
        assert names(found) == ["outer", "inner", "sleep"]
        task.cancel()
        await asyncio.wait([task])
        assert await asyncio.to_thread(await_stack, loop, thread, 7) is None
        assert await_stack(loop, thread, 8) is None

    asyncio.run(main())


def block(inside, over):
    inside.set()
    over.wait(30)


async def blocking(inside, over):
    block(inside, over)


def test_of_a_task_that_holds_the_loop_down_to_the_line_that_does():
    inside, over, found = threading.Event(), threading.Event(), []

    def ask(loop, thread):
        inside.wait(30)
        found.extend(await_stack(loop, thread, 7))
        over.set()

    async def main():
        asker = threading.Thread(
            target=ask, args=(asyncio.get_running_loop(), threading.get_ident())
        )
        task = asyncio.create_task(blocking(inside, over))
        task._loopviz_tag = 7
        asker.start()
        await task
        asker.join()

    asyncio.run(main())
    assert names(found)[:2] == ["blocking", "block"]
    assert names(found)[2] in ("Event.wait", "Condition.wait")
