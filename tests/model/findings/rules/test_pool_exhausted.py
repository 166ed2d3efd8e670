"""Pools that are crowded; and those that are just used."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.testing import Story
from loopviz.wire.events import WAIT_GET
from tests.model.findings.stories import (
    CYCLE,
    HOLDER,
    HOLDS,
    MADE,
    WAITS,
    Crowd,
    fed,
    found,
    too_many,
)

POOLS = [
    ("sqlalchemy.pool", "database connections"),
    ("asyncpg.pool", "database connections"),
    ("httpcore.pool", "HTTP connections"),
]


@pytest.mark.parametrize(("kind", "what"), POOLS)
def test_a_pool_with_a_standing_queue(kind, what):
    crowd = too_many(kind)
    (seen,) = found(crowd.story, "pool-exhausted")
    waits = [wait for wait in crowd.waits if wait >= 10]
    assert (seen.count, seen.victims) == (len(waits), len(waits))
    assert seen.worst_ns == max(waits) * MS
    assert seen.total_ns == seen.victim_wait_ns == sum(waits) * MS
    assert (seen.location, seen.source) == (HOLDER, "line 21 of /app/api.py")
    assert seen.severity == ("error" if max(waits) >= 500 else "warning") == "error"
    assert seen.sentence.startswith(f"All 5 {what} of app/db.py:9 pool(5) were taken: GET /order")
    assert seen.sentence.endswith("each is held for 100 ms in line 21 of /app/api.py")


def test_a_pool_that_is_full_and_nobody_waits():
    crowd = Crowd("sqlalchemy.pool", 5).serve(range(0, 3000, 21), holds=100)
    assert crowd.waits == []
    assert found(crowd.story) == []


def test_bursts_that_a_pool_drains():
    crowd = Crowd("sqlalchemy.pool", 5)
    for _ in range(20):
        crowd.serve([0] * 10, holds=80).story.idle(500 * MS)
    assert len(crowd.waits) == 100
    assert set(crowd.waits) == {80}
    assert found(crowd.story) == []


def test_short_waits_are_no_trouble():
    """Though there always is one who waits."""
    crowd = Crowd("sqlalchemy.pool", 1).serve([0, 1, *range(7, 900, 8)], holds=8)
    assert max(crowd.waits) == 9
    assert found(crowd.story) == []


def test_a_gate_of_the_app_may_make_tasks_wait_for_a_moment():
    """It is what a semaphore is for; only a queue that stands for a second is worth a word."""
    crowd = Crowd("asyncio.Semaphore", 5)
    for _ in range(5):
        crowd.serve([0] * 25, holds=100).story.idle(100 * MS)
    assert max(crowd.waits) == 400
    assert found(crowd.story) == []
    (seen,) = found(too_many("asyncio.Semaphore").story)
    assert seen.rule == "pool-exhausted"
    assert "permits of app/db.py:9 Semaphore(5)" in seen.sentence


def test_connections_that_are_never_given_back():
    """Nobody's wait ends; they are counted while they go on."""
    story = Story().idle(MS).resource(1, "asyncpg.pool", 2, name="orders", made_at=MADE)
    for task in (1, 2):
        story.task(task, CYCLE).step(task).acquires(task, 1, task)
        story.idle(MS).step(task, place=HOLDS)
    for task in range(3, 8):
        story.task(task, CYCLE).step(task).request(task, "GET /a").waits_for(task, 1, place=WAITS)
        story.idle(100 * MS)
    model = fed(story)
    (seen,) = model.findings()
    assert (seen.rule, seen.count, seen.worst_ns) == ("pool-exhausted", 5, 500 * MS)
    assert seen.total_ns == (100 + 200 + 300 + 400 + 500) * MS
    assert (seen.victims, seen.victim_wait_ns) == (5, seen.total_ns)
    assert seen.location == HOLDER
    assert model.findings() == (seen,), "asking changes nothing"


@pytest.mark.parametrize(("capacity", "exhausted"), [(0, 0), (1, 1), (2, 0)])
def test_a_pool_that_is_not_full_is_not_exhausted(capacity, exhausted):
    """httpcore gives one free connection to all who come at once: they try again, and wait."""
    story = Story().idle(MS).resource(1, "httpcore.pool", capacity, made_at=MADE)
    story.task(1, CYCLE).step(1).acquires(1, 1)
    for task in range(2, 9):
        story.task(task, CYCLE).step(task).request(task, "GET /a").waits_for(task, 1, place=WAITS)
    story.idle(SECOND)
    for task in range(2, 9):
        story.step(task).wait_over(task, 1).response(task, "GET /a", 200).end(task)
    story.idle(MS)
    assert len(found(story, "pool-exhausted")) == exhausted


def test_those_who_give_up_are_told():
    story = Story().idle(MS).resource(1, "sqlalchemy.pool", 1, made_at=MADE)
    story.task(1, CYCLE).step(1).acquires(1, 1)
    story.task(2, CYCLE).step(2).request(2, "GET /a").waits_for(2, 1, place=WAITS).idle(SECOND)
    story.step(2).wait_over(2, 1).response(2, "GET /a", 500).end(2).idle(MS)
    (seen,) = found(story, "pool-exhausted")
    assert (seen.rule, seen.severity, seen.count) == ("pool-exhausted", "error", 1)
    assert seen.sentence.endswith("GET /a waited 1.0 s for one; 1 gave up")


def test_consumers_of_an_empty_queue_are_idle():
    story = Story().resource(1, "asyncio.Queue", 10, made_at=MADE)
    for task in range(1, 9):
        story.task(task, CYCLE).step(task).waits_for(task, 1, direction=WAIT_GET).idle(SECOND)
    assert found(story) == []


DB = [""] * 8 + ["engine = create_async_engine(URL, pool_size=5)"]
GATE = [""] * 8 + ["gate = asyncio.Semaphore(5)"]
API = [""] * 18 + ["async def order():", "    async with Session() as session:", "        {}"]


@pytest.mark.parametrize(
    ("kind", "made", "line", "advice"),
    [
        (
            "sqlalchemy.pool",
            DB,
            "await quote(1)",
            "release the database connection before line 21, if that line needs none; or raise "
            "`pool_size` (5) at app/db.py:9, or bound what comes in: {} waited at peak",
        ),
        (
            "sqlalchemy.pool",
            DB,
            "await session.execute(ORDERS)",
            "hold a slot for less time: release the connection before slow work; or raise "
            "`pool_size` (5) at app/db.py:9, or bound what comes in: {} waited at peak",
        ),
        (
            "sqlalchemy.pool",
            [""] * 8 + ["engine = make_engine(SIZE)"],
            "await session.execute(ORDERS)",
            "hold a slot for less time: release the connection before slow work",
        ),
        (
            "httpcore.pool",
            [""] * 8 + ["client = AsyncClient(limits=Limits(max_connections=5))"],
            "await session.execute(ORDERS)",
            "raise `max_connections` (5) at app/db.py:9, if the server can take more; or start "
            "fewer at once: {} waited at peak",
        ),
        (
            "httpcore.pool",
            [""] * 8 + ["client = AsyncClient()"],
            "await session.execute(ORDERS)",
            "raise `max_connections`, if the server can take more; or start fewer at once: {} "
            "waited at peak",
        ),
        (
            "asyncio.Semaphore",
            GATE,
            "await quote(1)",
            "raise `value` (5) at app/db.py:9, if what it guards can take more; or start fewer at "
            "once: {} waited at peak",
        ),
    ],
)
def test_the_advice_is_about_these_lines(kind, made, line, advice):
    files = {"/app/db.py": made, "/app/api.py": [*API[:-1], API[-1].format(line)]}

    def read(path, number):
        lines = files.get(path, [])
        return f"{lines[number - 1]}\n" if number <= len(lines) else ""

    model = Model(naming=Naming([("/app", "app")], read))
    too_many(kind).story.feed(model)
    (seen,) = (one for one in model.findings() if one.rule == "pool-exhausted")
    peak = model.snapshot(model.health().newest_ns, SECOND).resources[0].waiting.max
    assert seen.advice == advice.format(peak)
    family = {"sqlalchemy.pool": "dbpool", "httpcore.pool": "httppool"}.get(kind, "")
    assert seen.lesson == family
