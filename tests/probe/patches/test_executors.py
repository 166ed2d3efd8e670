"""Jobs of thread and process pools: submitted, started, ended; and what the callables see."""

import asyncio
import contextvars
import multiprocessing
import os
import threading
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED, Kind
from tests.probe.patches.recorded import failures, jobs, resources

DONE = ["JOB", "JOB_START", ("JOB_END", TASK_RETURNED)]


def work(result):
    return result


def breaks():
    raise ValueError("from the job")


def test_to_thread_runs_on_the_default_executor(watched):
    variable = contextvars.ContextVar("variable", default=0)

    async def main():
        variable.set(7)
        assert await asyncio.to_thread(variable.get) == 7
        assert await asyncio.to_thread(work, "done") == "done"

    recording = watched(main())
    ((kind, name, capacity, line),) = resources(recording).values()
    assert (kind, name, line) == ("ThreadPoolExecutor", "default executor", 0)
    assert capacity > 0
    assert jobs(recording) == [DONE, DONE]
    job = recording.of(Kind.JOB)[1]
    assert job.task_id == recording.of(Kind.STEP)[0].task_id
    assert job.text == f"work\t{__file__}\t{work.__code__.co_firstlineno}\twork"
    names = {e.text for e in recording.aux if e.kind is Kind.JOB_START}
    assert names == {"asyncio_0"}
    assert not failures(recording)


def test_own_executor_has_its_line_and_errors_are_as_before(watched, here):
    lines = []

    async def main():
        pool, line = ThreadPoolExecutor(3), here()
        lines.append(line)
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError, match="from the job") as caught:
            await loop.run_in_executor(pool, breaks)
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "breaks"
        pool.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(work, 1)

    recording = watched(main())
    assert list(resources(recording).values()) == [("ThreadPoolExecutor", "", 3, lines[0])]
    assert jobs(recording) == [
        ["JOB", "JOB_START", ("JOB_END", TASK_RAISED)],
        ["JOB", ("JOB_END", TASK_CANCELLED)],
    ]


def test_a_job_cancelled_in_the_queue_never_starts(watched):
    async def main():
        gate = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(gate.wait)
            second = pool.submit(work, 1)
            assert second.cancel()
            gate.set()
            await asyncio.wrap_future(first)

    recording = watched(main())
    assert sorted(jobs(recording), key=len) == [["JOB", ("JOB_END", TASK_CANCELLED)], DONE]


def test_jobs_submitted_off_the_loop_are_not_told_of(watched):
    async def main():
        with ThreadPoolExecutor(1) as pool:
            await asyncio.to_thread(lambda: pool.submit(work, 1).result())

    assert jobs(watched(main())) == [DONE]


def test_a_line_of_processes_is_first_come_first_served():
    """Two slots, four jobs, one of them cancelled while it waits."""
    from loopviz.probe.patches.process_pool import _Line

    told = []

    class Recorder:
        def job_started(self, a, worker):
            told.append(("start", a, worker))

        def job_ended(self, a, outcome):
            told.append(("end", a, outcome))

    line, recorder = _Line(2), Recorder()
    for a in (1, 2, 3, 4):
        line.enter(recorder, a)
    line.leave(recorder, 3, TASK_CANCELLED)
    line.leave(recorder, 2, TASK_RETURNED)
    line.leave(recorder, 1, TASK_RAISED)
    line.leave(recorder, 4, TASK_RETURNED)
    assert told == [
        ("start", 1, "process 1"),
        ("start", 2, "process 2"),
        ("end", 3, TASK_CANCELLED),
        ("end", 2, TASK_RETURNED),
        ("start", 4, "process 2"),
        ("end", 1, TASK_RAISED),
        ("end", 4, TASK_RETURNED),
    ]


@pytest.mark.real
def test_a_real_process_pool(watched):
    async def main():
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return await asyncio.gather(
                loop.run_in_executor(pool, os.getpid),
                loop.run_in_executor(pool, work, "done"),
            )

    recording = watched(main(), clock=time.monotonic_ns)
    assert [row[:3] for row in resources(recording).values()] == [("ProcessPoolExecutor", "", 1)]
    assert jobs(recording) == [DONE, DONE]
