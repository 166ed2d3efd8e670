"""redis-py's asyncio pools, against a server that speaks Redis's protocol."""

import asyncio

import pytest
from redis import asyncio as redis
from redis.exceptions import ConnectionError as NoConnection

from loopviz import name
from loopviz.wire.events import NUMBER, Kind
from tests.probe.patches.recorded import (
    TOLD,
    assert_each_handler_made_one,
    assert_restores,
    failures,
    resources,
    story,
)
from tests.probe.patches.servers import serving_redis

KIND = "redis.pool"
pytestmark = pytest.mark.real


async def get(client):
    assert await client.get("key") == b"ok"


def test_five_tasks_and_two_connections(really_watched, here):
    lines = []

    async def main():
        async with serving_redis() as url:
            blocking = redis.BlockingConnectionPool
            pool, line = blocking.from_url(url, max_connections=2, protocol=2), here()
            lines.append(line)
            async with redis.Redis.from_pool(pool) as client:
                await asyncio.gather(*(get(client) for _ in range(5)))

    recording = really_watched(main)
    assert list(resources(recording).values()) == [(KIND, "", 2, lines[0])], "no condition, no lock"
    told = story(recording, KIND)
    assert sorted(name for name, _ in told) == ["ACQUIRED"] * 5 + ["RELEASED"] * 5 + ["WAIT"] * 3
    assert max(units for name, units in told if name == "ACQUIRED") == 2
    assert told[-1] == ("RELEASED", 0)
    for task in {e.task_id for e in recording.of(*TOLD)}:
        own = [e.kind.name for e in recording.of(*TOLD) if e.task_id == task]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    place = f"\t{__file__}\t{get.__code__.co_firstlineno + 1}\tget"
    assert {e.text for e in recording.of(Kind.WAIT)} == {place}
    free = [e for e in recording.of(Kind.ACQUIRED) if e.a >> 32]
    assert [recording.strings[e.a >> 32] for e in free] == [place] * 2
    assert f"socket{place}\tredis" in {e.text for e in recording.of(Kind.STEP)}, "a read"
    assert not failures(recording)


def test_a_plain_pool_raises_and_a_blocking_one_gives_up(really_watched):
    async def main():
        async with serving_redis() as url:
            for pool in (
                redis.ConnectionPool.from_url(url, max_connections=1, protocol=2),
                redis.BlockingConnectionPool.from_url(
                    url, max_connections=1, timeout=0.01, protocol=2
                ),
            ):
                async with redis.Redis.from_pool(pool) as client:
                    name(client, type(pool).__name__)
                    answers = await asyncio.gather(get(client), get(client), return_exceptions=True)
                    assert [type(answer) for answer in answers] == [type(None), type(answers[1])]
                    assert isinstance(answers[1], NoConnection)

    recording = really_watched(main)
    stories = {
        row[1]: [e.kind.name for e in recording.of(*TOLD) if e.a & NUMBER == number]
        for number, row in resources(recording).items()
    }
    assert stories == {
        "ConnectionPool": ["ACQUIRED", "RELEASED"],
        "BlockingConnectionPool": ["ACQUIRED", "WAIT", "WAIT_OVER", "RELEASED"],
    }
    assert not failures(recording)


def test_a_client_for_each_request_is_made_by_its_task(really_watched):
    async def handler(url):
        async with redis.from_url(url, protocol=2) as client:
            await get(client)

    async def main():
        async with serving_redis() as url:
            for _ in range(2):
                await asyncio.create_task(handler(url))

    recording = really_watched(main)
    assert_each_handler_made_one(recording, KIND)


def test_nothing_is_left_in_the_classes(loop, probe_of):
    owners = [redis.ConnectionPool, redis.BlockingConnectionPool]
    assert_restores(owners, lambda: probe_of(loop))
