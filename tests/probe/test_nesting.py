"""nest_asyncio, by a stand-in that does to a loop's class what it does."""

import asyncio
import types
from asyncio import events

import pytest

import loopviz
from loopviz.probe.nesting import patches_of_nesting


class Loop(asyncio.SelectorEventLoop):
    """nest_asyncio patches the class of the loop, here one of the test's own."""


def _patch_loop(loop):
    def run_until_complete(self, future):
        running, thread = events._get_running_loop(), self._thread_id
        task = asyncio.ensure_future(future, loop=self)
        events._set_running_loop(self)
        try:
            while not task.done():
                self._run_once()
            return task.result()
        finally:
            events._set_running_loop(running)
            self._thread_id = thread

    type(loop).run_until_complete = run_until_complete


@pytest.fixture
def nest():
    """Apply it to a loop, as patched by the probe."""
    module = types.SimpleNamespace(_patch_loop=_patch_loop)
    (patch,) = patches_of_nesting(module)
    yield patch.make(_patch_loop)
    del Loop.run_until_complete


async def answer(number):
    await asyncio.sleep(0.001)
    return number


def test_a_task_that_runs_the_loop_does_not_hang(nest, tmp_path):
    """Neither while the probe is there, nor after it has left."""

    async def main():
        loop = asyncio.get_running_loop()
        own = asyncio.current_task()
        probe = loopviz.install(path=tmp_path / "recording")
        nest(loop)
        nest(loop)
        other = loop.create_task(asyncio.sleep(0.005))
        answers = [loop.run_until_complete(answer(n)) for n in range(3)]
        assert asyncio.current_task() is own
        await other
        probe.uninstall()
        answers.append(await asyncio.wait_for(answer(3), 1))
        assert "_run_once" not in vars(loop)
        return answers

    loop = Loop()
    try:
        assert asyncio.Runner(loop_factory=lambda: loop).run(asyncio.wait_for(main(), 5)) == [
            0,
            1,
            2,
            3,
        ]
    finally:
        loop.close()


def test_a_loop_that_is_not_recorded_is_left_alone(nest):
    loop = Loop()
    nest(loop)
    assert "_run_once" not in vars(loop)
    loop.close()
