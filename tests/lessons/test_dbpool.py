import anyio
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

pytestmark = pytest.mark.anyio

HELD = pytest.mark.xfail(strict=True, raises=AssertionError, reason="a connection is held")
NO_SIXTH = pytest.mark.xfail(
    strict=True, raises=pytest.RaisesGroup(PoolTimeout), reason="QueuePool limit of size 5 reached"
)
QUEUE = pytest.mark.xfail(strict=True, raises=TimeoutError, reason="the sixth waits for its turn")


@pytest.mark.parametrize("fix", [pytest.param(None, marks=HELD), "release"])
async def test_no_connection_is_held_while_another_service_is_awaited(started, monkeypatch, fix):
    held = []

    async def other_service():
        held.append(dbpool.engine.pool.checkedout())

    async with started("dbpool", fix) as (dbpool, client):
        monkeypatch.setattr(dbpool, "other_service", other_service)
        await client.get("/order")
        assert held == [0]


@pytest.mark.parametrize(
    "fix",
    [
        pytest.param(None, marks=NO_SIXTH),
        "release",
        "pool_15",
        pytest.param("limit", marks=QUEUE),
    ],
)
async def test_six_requests_need_no_six_connections(started, monkeypatch, fix):
    arrived = 0
    all_are_there = anyio.Event()

    async def other_service():
        """Answers none of the six before all have called."""
        nonlocal arrived
        arrived += 1
        if arrived == 6:
            all_are_there.set()
        await all_are_there.wait()

    async with started("dbpool", fix) as (dbpool, client):
        monkeypatch.setattr(dbpool, "other_service", other_service)
        with anyio.fail_after(4):  # longer than the pool's own timeout
            async with anyio.create_task_group() as clients:
                for _ in range(6):
                    clients.start_soon(client.get, "/order")
        assert arrived == 6


async def test_a_request_that_finds_the_pool_full_is_answered_at_once(started, monkeypatch):
    five_are_there, go_on = anyio.Semaphore(0), anyio.Event()
    statuses = []

    async def other_service():
        five_are_there.release()
        await go_on.wait()

    async def ask(client):
        response = await client.get("/order")
        statuses.append(response.status_code)

    async with started("dbpool", "shed") as (dbpool, client):
        monkeypatch.setattr(dbpool, "other_service", other_service)
        async with anyio.create_task_group() as clients:
            for _ in range(5):
                clients.start_soon(ask, client)
                await five_are_there.acquire()
            await ask(client)
            assert statuses == [503]
            go_on.set()
        assert statuses == [503, 200, 200, 200, 200, 200]
