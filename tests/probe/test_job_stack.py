"""Where the thread is that runs the job which a task awaits."""

import asyncio
import threading
from types import SimpleNamespace

import anyio.to_thread
import pytest

from loopviz.probe.job_stack import job_stack
from loopviz.probe.patches.executors import SubmittedJob

NUMBER = 7


def work(started, over):
    wait(started, over)


def wait(started, over):
    started.set()
    over.wait(30)


async def of_thread(job, *arguments):
    await asyncio.to_thread(job, *arguments)


async def of_executor(job, *arguments):
    await asyncio.get_running_loop().run_in_executor(None, job, *arguments)


async def of_anyio(job, *arguments):
    await anyio.to_thread.run_sync(job, *arguments)


async def goes_on(job, *arguments):
    """It has left its job behind, and awaits something else."""
    asyncio.get_running_loop().run_in_executor(None, job, *arguments)
    await asyncio.sleep(30)


def seen(awaits, number=NUMBER):
    """The functions on the thread while that task awaits its job."""

    async def main():
        started, over = threading.Event(), threading.Event()
        recorder = SimpleNamespace(
            in_threads=None,
            task=lambda: NUMBER,
            job_started=lambda a: None,
            job_ended=lambda a, outcome: None,
        )
        job = SubmittedJob(recorder, 1 << 32, work)
        task = asyncio.create_task(awaits(job, started, over))
        task._loopviz_tag = NUMBER
        try:
            while not started.is_set():
                await asyncio.sleep(0)
            return job_stack(asyncio.get_running_loop(), number)
        finally:
            over.set()
            task.cancel()
            await asyncio.wait([task])

    return [frame.rpartition("\t")[2] for frame in asyncio.run(main())]


@pytest.mark.parametrize("awaits", [of_thread, of_executor, of_anyio])
def test_from_the_function_down_to_the_line_where_it_waits(awaits):
    assert seen(awaits) == ["work", "wait", "Event.wait", "Condition.wait"]


def test_none_of_a_job_that_is_not_awaited():
    assert seen(goes_on) == []
    assert seen(of_thread, number=8) == []
