"""The pools of real sync engines, on SQLite files, used by worker jobs."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from loopviz.probe.patches import rename
from loopviz.wire.events import NUMBER, Kind
from tests.probe.patches.recorded import TOLD, failures

pytestmark = pytest.mark.real


MADE_AT = 0
"""The line that makes an engine."""


@pytest.fixture
def engine(tmp_path, here):
    """Makes engines; an engine with one connection by default."""
    made = []

    def make(**options):
        global MADE_AT
        options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 10} | options
        options |= {"poolclass": QueuePool, "connect_args": {"check_same_thread": False}}
        url = f"sqlite:///{tmp_path / 'test.db'}"
        one, MADE_AT = create_engine(url, **options), here()
        made.append(one)
        return one

    yield make
    for each in made:
        each.dispose()


def query(engine):
    with engine.connect() as connection:
        connection.execute(text("select 1"))


def told(recording):
    """What jobs did, by job: names in order."""
    found = {}
    for event in recording.aux:
        if event.kind in TOLD:
            found.setdefault(event.task_id, []).append(event.kind.name)
    return found


def submitted(recording):
    """The jobs' numbers, by the task that submitted them."""
    found = {}
    for event in recording.of(Kind.JOB):
        found.setdefault(event.task_id, []).append(event.a >> 32)
    return found


def described(recording):
    """In the aux ring: kind, capacity, line, maker."""
    rows = []
    for event in recording.aux:
        if event.kind is Kind.RESOURCE:
            kind, _, _, line, _ = event.text.split("\t")
            rows.append((kind, event.a & NUMBER, int(line), event.task_id))
    return rows


def test_jobs_wait_for_the_only_connection(really_watched, engine):
    """The second job begins once the first one has it, and the first goes on once that waits."""
    taken, waits = threading.Event(), threading.Event()

    def first(engine):
        with engine.connect():
            taken.set()
            assert waits.wait(10)

    def second(engine):
        assert taken.wait(10)
        threading.Timer(0.1, waits.set).start()
        with engine.connect():
            pass

    async def main():
        one = engine()
        await asyncio.gather(asyncio.to_thread(first, one), asyncio.to_thread(second, one))

    recording = really_watched(main)
    assert sorted(told(recording).values()) == [
        ["ACQUIRED", "RELEASED"],
        ["WAIT", "ACQUIRED", "RELEASED"],
    ]
    assert set(told(recording)) == {job for jobs in submitted(recording).values() for job in jobs}
    assert not recording.of(*TOLD)
    (wait,) = (e for e in recording.aux if e.kind is Kind.WAIT)
    line = second.__code__.co_firstlineno + 3
    assert wait.text == f"\t{__file__}\t{line}\t{second.__qualname__}"
    (row,) = described(recording)
    assert row[:2] == ("sqlalchemy.pool", 1)
    in_use = [e.b for e in recording.aux if e.kind in (Kind.ACQUIRED, Kind.RELEASED)]
    assert set(in_use) <= {0, 1}
    assert not failures(recording)


def test_who_gets_none_in_time_waits_no_more(really_watched, engine):
    async def main():
        one = engine(pool_timeout=0.1)
        with one.connect(), pytest.raises(PoolTimeoutError):
            await asyncio.to_thread(query, one)

    recording = really_watched(main)
    assert list(told(recording).values()) == [["WAIT", "WAIT_OVER"]]
    assert [e.kind.name for e in recording.of(*TOLD)] == ["ACQUIRED", "RELEASED"]


def test_a_connection_is_returned_by_another_thread_or_on_the_loop_s(really_watched, engine):
    async def main():
        one = engine(pool_size=2)
        first = await asyncio.to_thread(one.connect)
        await asyncio.to_thread(first.close)
        second = await asyncio.to_thread(one.connect)
        second.close()
        own = one.connect()
        await asyncio.to_thread(own.close)

    recording = really_watched(main)
    (jobs,) = submitted(recording).values()
    first, _, second, _ = jobs
    assert told(recording) == {first: ["ACQUIRED", "RELEASED"], second: ["ACQUIRED", "RELEASED"]}
    own = recording.of(*TOLD)
    assert [e.kind.name for e in own] == ["ACQUIRED", "RELEASED"]
    assert {e.task_id for e in own} == set(submitted(recording))


def test_an_engine_that_a_job_makes_is_its_task_s(really_watched, engine):
    def work():
        query(engine(pool_size=3, max_overflow=4))

    async def main():
        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, work)

    recording = really_watched(main)
    (task,) = submitted(recording)
    assert described(recording) == [("sqlalchemy.pool", 7, MADE_AT, task)]


def test_threads_without_a_job_are_not_recorded(really_watched, engine):
    async def main():
        one = engine()
        thread = threading.Thread(target=query, args=[one])
        thread.start()
        thread.join()
        await asyncio.to_thread(query, one)

    recording = really_watched(main)
    assert list(told(recording).values()) == [["ACQUIRED", "RELEASED"]]
    assert not failures(recording)


def test_a_name_given_to_the_engine(really_watched, engine):
    async def main():
        one = engine()
        rename(one, "orders db")
        await asyncio.to_thread(query, one)

    recording = really_watched(main)
    names = {e.text.split("\t")[1] for e in recording.aux if e.kind is Kind.RESOURCE}
    assert names == {"orders db"}


def test_many_threads_lose_no_connection(really_watched, engine):
    """They race for overflow connections, where the pool's method calls itself."""

    def work(engine):
        for _ in range(25):
            query(engine)

    async def main():
        one = engine(pool_size=1, max_overflow=2)
        await asyncio.gather(*(asyncio.to_thread(work, one) for _ in range(8)))
        assert one.pool.checkedout() == 0

    recording = really_watched(main)
    for names in told(recording).values():
        held = waits = 0
        for name in names:
            held += {"ACQUIRED": 1, "RELEASED": -1}.get(name, 0)
            waits = {"WAIT": 1}.get(name, 0)
            assert 0 <= held <= 1
        assert (held, waits) == (0, 0)
        assert names.count("ACQUIRED") == 25
    assert not failures(recording)


def test_nothing_is_left_in_the_pool_class(loop, probe_of):
    before = dict(vars(QueuePool))
    probe = probe_of(loop)
    assert "_do_get" in vars(QueuePool)
    probe.uninstall()
    assert dict(vars(QueuePool)) == before
