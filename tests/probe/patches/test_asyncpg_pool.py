"""asyncpg's pool on a real PostgreSQL, if one can be started here."""

import asyncio

import pytest

from loopviz.wire.events import WAIT_PUT
from tests.probe.patches.recorded import TOLD, failures, most_in_use, resources, story, whos

asyncpg = pytest.importorskip("asyncpg")
pytestmark = pytest.mark.real
KIND = "asyncpg.pool"


async def query(pool):
    async with pool.acquire() as connection:
        await connection.fetch("select pg_sleep(0.02)")


def test_five_tasks_and_two_connections(really_watched, postgres, here):
    lines = []

    async def main():
        pool, line = await asyncpg.create_pool(**postgres.asyncpg, min_size=1, max_size=2), here()
        lines.append(line)
        await asyncio.gather(*(query(pool) for _ in range(5)))
        connection = await pool.acquire()
        await pool.release(connection)
        await pool.fetch("select 1")
        await pool.close()

    recording = really_watched(main)
    pools = [row for row in resources(recording).values() if "Event" not in row[0]]
    assert pools == [(KIND, "", 2, lines[0])]
    names = [name for name, _ in story(recording, KIND)]
    assert sorted(names) == ["ACQUIRED"] * 7 + ["RELEASED"] * 7 + ["WAIT"] * 3
    assert most_in_use(recording, KIND) == 2
    assert story(recording, KIND)[-1] == ("RELEASED", 0)
    gathered = set(whos(recording, KIND, *TOLD)) - {whos(recording, KIND, *TOLD)[-1]}
    for task in gathered:
        own = [e.kind.name for e in recording.of(*TOLD) if e.task_id == task]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    assert not failures(recording)


def test_a_timeout_and_a_pool_that_was_there_before(really_watched, postgres):
    async def before():
        return await asyncpg.create_pool(**postgres.asyncpg, min_size=1, max_size=1)

    async def main(pool):
        async with pool.acquire():
            with pytest.raises(TimeoutError):
                await pool.acquire(timeout=0.05)
        await pool.close()

    seen = really_watched(main, first=before())
    assert (KIND, "", 1, 0) in resources(seen).values()
    assert story(seen, KIND) == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
        ("RELEASED", 0),
    ]
