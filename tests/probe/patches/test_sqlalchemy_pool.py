"""The pools of real async engines, on SQLite files."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool.impl import AsyncAdaptedQueuePool

from loopviz.probe.patches import rename
from loopviz.wire.events import NUMBER, WAIT_PUT, Kind
from tests.probe.patches.recorded import TOLD, failures, most_in_use, resources, story, whos

KIND = "sqlalchemy.pool"
pytestmark = pytest.mark.real


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"


def pools(recording):
    return [row for row in resources(recording).values() if row[0] == KIND]


async def query(engine, seconds):
    async with engine.connect() as connection:
        await connection.execute(text("select 1"))
        await asyncio.sleep(seconds)


def test_a_pool_that_is_used_up(really_watched, url, here):
    lines = []

    async def main():
        engine, line = create_async_engine(url, pool_size=1, max_overflow=1), here()
        lines.append(line)
        rename(engine, "orders db")
        await asyncio.gather(*(query(engine, 0.1) for _ in range(4)))
        await engine.dispose()

    recording = really_watched(main)
    assert pools(recording) == [(KIND, "orders db", 2, lines[0])]
    assert "asyncio.Lock" not in {row[0] for row in resources(recording).values()}, "its own parts"
    events = [name for name, _ in story(recording, KIND)]
    assert sorted(events) == ["ACQUIRED"] * 4 + ["RELEASED"] * 4 + ["WAIT"] * 2
    assert most_in_use(recording, KIND) == 2
    assert story(recording, KIND)[-1] == ("RELEASED", 0)
    (number,) = (n for n, row in resources(recording).items() if row[0] == KIND)
    for task in set(whos(recording, KIND, *TOLD)):
        own = [e for e in recording.of(*TOLD) if e.task_id == task and e.a & NUMBER == number]
        names = [e.kind.name for e in own]
        assert names in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    waits = [e for e in recording.of(Kind.WAIT) if e.a == number]
    # the user's line, though the pool waits in a greenlet
    assert {e.text for e in waits} == {
        f"\t{__file__}\t{query.__code__.co_firstlineno + 1}\t{query.__qualname__}"
    }
    assert not failures(recording)


def test_nobody_has_a_connection_in_time(really_watched, url):
    async def main():
        engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.25)
        async with engine.connect():
            with pytest.raises(PoolTimeoutError):
                await query(engine, 0)
        await engine.dispose()

    assert story(really_watched(main), KIND) == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
        ("RELEASED", 0),
    ]


def test_an_engine_that_was_there_before(really_watched, url):
    async def before():
        engine = create_async_engine(url, pool_size=1, max_overflow=-1)
        await query(engine, 0)
        return engine

    async def main(engine):
        await asyncio.gather(query(engine, 0.1), query(engine, 0.1))
        await engine.dispose()
        await query(engine, 0)
        await engine.dispose()

    seen = really_watched(main, first=before())
    # without a limit; and after dispose() the engine's new pool is the same resource
    assert pools(seen) == [(KIND, "", 0, 0)]
    assert [n for n, _ in story(seen, KIND)].count("RELEASED") == 3
    assert most_in_use(seen, KIND) == 2


def test_nothing_is_left_in_the_pool_class(loop, probe_of):
    before = dict(vars(AsyncAdaptedQueuePool))
    probe = probe_of(loop)
    assert dict(vars(AsyncAdaptedQueuePool)) != before
    probe.uninstall()
    assert dict(vars(AsyncAdaptedQueuePool)) == before
