"""Hold a connection for the query, not for the request.

The pool has five connections, and each request keeps one while it waits 200 ms for another
service: at most 25 requests a second. The rest queue, and after 1 s `pool_timeout` fails them.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from loopviz.parts.database import database
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
engine: AsyncEngine
larger: AsyncEngine
other_service = partial(asyncio.sleep, 0.2)

release = Fix(
    key="release",
    title="await connection.close()  # before the slow await",
    why="A connection is held for 1 ms, not 200: five serve thousands a second.",
    answers=("pool-exhausted", "requests-fail"),
)
pool_15 = Fix(
    key="pool_15",
    title="create_async_engine(..., pool_size=15)",
    why="15 / 0.2 s = 75 requests per second: the limit has moved, and the database has one, too.",
    answers=("pool-exhausted", "requests-fail"),
)
shed = Fix(
    key="shed",
    title="if engine.pool.checkedout() == 5: raise HTTPException(503)",
    why="Requests that get a connection are served at once; the others get a 503 and may retry.",
    answers=("pool-exhausted", "requests-fail"),
)
limit = Fix(
    key="limit",
    title="Depends(..., max_concurrency=5)",
    why="No 500s, but no more capacity: requests now queue for the dependency, without a limit.",
    wrong=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global engine, larger
    async with database("loopviz_orders (id INTEGER PRIMARY KEY)") as url:
        engine = create_async_engine(url, pool_size=5, max_overflow=0, pool_timeout=1)
        larger = create_async_engine(url, pool_size=15, max_overflow=0, pool_timeout=1)
        yield
        await engine.dispose()
        await larger.dispose()


scenario = Scenario(
    title="database pool runs dry",
    group="pools and clients",
    symptom="500s with `QueuePool limit … reached`, and the database is idle",
    lesson="Hold a connection for the query, not for the whole request.",
    look=(
        "The pool is 5/5 FULL and its queue climbs, yet the loop is almost idle.",
        "After a second in the queue GET /order fails: a 500 although no query failed.",
        "GET /ping needs no connection and stays fast.",
    ),
    link="https://github.com/fastapi/full-stack-fastapi-template/issues/104",
    router=router,
    lifespan=lifespan,
    fixes=[release, pool_15, shed, limit],
    load=[Load("GET /order", rps=40, warm_up=True), Load("GET /ping", rps=20)],
    headline="p90_ms GET /order",
    expect=[
        Expect("errors GET /order", at_least=0.05, why="the pool's timeout"),
        Expect("findings pool-exhausted", at_least=1),
        Expect("errors GET /order", fix="release", at_most=0),
        Expect("errors GET /order", fix="pool_15", at_most=0),
        Expect("p90_ms GET /order", fix="shed", at_most=0.4),
        Expect("p90_ms GET /order", fix="limit", against="release", at_least=3, why="a queue"),
    ],
    question="All connections are taken, and the database is idle. What are they used for?",
    answers=[
        Answer(
            "Slow queries.",
            "A query takes a millisecond or so. The connection is held for 200 ms.",
        ),
        Answer(
            "Nothing: they were never returned.",
            "They are, at the end of each request: about 25 requests a second get one.",
        ),
        Answer(
            "Nothing: their requests wait for another service.",
            "Each keeps its connection for the whole request, and needs it only at the beginning.",
            right=True,
            proof="errors GET /order with release",
        ),
    ],
)


async def orders_ahead() -> int:
    async with (larger if pool_15.on else engine).connect() as connection:
        ahead = await connection.scalar(text("SELECT count(*) FROM loopviz_orders"))
        if release.on:
            await connection.close()  # back into the pool
        await other_service()  # with the bug a connection is held, idle
    return ahead


async def in_turn() -> int | None:
    return await orders_ahead() if limit.on else None


@router.get("/order")
async def order(done: Annotated[int | None, Depends(in_turn, max_concurrency=5)]):
    if shed.on and engine.pool.checkedout() == 5:
        raise HTTPException(503, "busy: try again soon")
    return done if limit.on else await orders_ahead()
