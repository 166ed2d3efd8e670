"""An `await` is where others run.

The endpoint reads a count, awaits something, and writes back the count plus one. A request that
reads in between writes the same number: both votes are acknowledged, and one is lost. A single
thread is no protection: every `await` lets other requests run.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from loopviz.parts.database import database
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
engine: AsyncEngine
check_voter = partial(asyncio.sleep, 0.01)  # any await: a query, another service
lock = asyncio.Lock()
in_memory = in_database = 0
acknowledged = Counter("acknowledged", "acknowledged")
stored = Counter("stored", "stored")
lost = Counter("lost", "lost votes", bad=True)

atomic = Fix(
    key="atomic",
    title="UPDATE votes SET n = n + 1 RETURNING n",
    why="The database reads and writes in one step; this holds with many workers, too.",
)
no_await = Fix(
    key="no_await",
    title="in_memory += 1, after the await",
    why="With no await in between, nothing else runs: read and write are one step.",
)
locked = Fix(
    key="lock",
    title="async with lock:",
    why="One request at a time, so they queue; and the lock works in this process only.",
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global engine
    async with database("loopviz_votes AS SELECT 0 AS n") as url:
        engine = create_async_engine(url)
        yield
        await engine.dispose()


scenario = Scenario(
    title="lost updates",
    group="shared state",
    symptom="Totals that are wrong under load, and right when tried by hand",
    lesson="Put no await between reading and writing shared state, or put a lock around both.",
    look=(
        "Every POST /vote is acknowledged with a 200, and nothing is slow.",
        "Fewer votes are stored than acknowledged, and the gap grows.",
        "With each fix no more votes are lost; those lost before do not come back.",
    ),
    link="https://github.com/fastapi/fastapi/issues/4686",
    router=router,
    lifespan=lifespan,
    fixes=[atomic, no_await, locked],
    counters=[acknowledged, stored, lost],
    zoom_ms=10,
    load=[Load("POST /vote", rps=60), Load("GET /ping", rps=20)],
    headline="counter lost",
    expect=[
        Expect("counter lost", at_least=30),
        Expect("counter lost", fix="atomic", at_most=0),
        Expect("counter stored", fix="atomic", at_least=1.2),
        Expect("counter lost", fix="no_await", at_most=0),
        Expect("counter stored", fix="no_await", at_least=1.2),
        Expect("counter lost", fix="lock", at_most=0),
        Expect("counter stored", fix="lock", at_least=1.2),
    ],
    question="One thread, and every vote is answered with a 200. How can votes be lost?",
    answers=[
        Answer(
            "Two requests read the same count, and both store it plus one.",
            "The await between reading and writing lets other requests run.",
            right=True,
            proof="counter lost with no_await",
        ),
        Answer(
            "They cannot: with one thread there are no races.",
            "Every await lets others run, so two requests can interleave without any thread.",
        ),
        Answer(
            "Some requests fail, and nobody retries them.",
            "None fails: votes are lost although every response is a 200.",
        ),
    ],
)


@router.post("/vote")
async def vote():
    global in_memory, in_database
    if atomic.on:
        await check_voter()
        async with engine.begin() as connection:
            count = await connection.scalar(text("UPDATE loopviz_votes SET n = n + 1 RETURNING n"))
        in_database = max(in_database, count)
    elif no_await.on:
        await check_voter()
        in_memory += 1
    elif locked.on:
        async with lock:
            count = in_memory
            await check_voter()
            in_memory = count + 1
    else:
        count = in_memory  # read …
        await check_voter()  # … here others run …
        in_memory = count + 1  # … and write what may be old
    acknowledged.value += 1
    stored.value = in_memory + in_database
    lost.value = max(acknowledged.value - stored.value, 0)
