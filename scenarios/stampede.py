"""Share the miss.

A value is kept for a second, and made anew by an upstream that takes 0.2 s. When it expires,
every request that comes meanwhile finds the cache empty and asks the upstream itself: sixteen
times the same question, which five at a time it can answer. One question is enough.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, BackgroundTasks, FastAPI

from loopviz.parts.upstream import upstream
from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

router = APIRouter()
client: httpx.AsyncClient
value, fresh_until, flying = "", 0.0, 0
flight: asyncio.Task[None] | None = None
lock = asyncio.Lock()

single_flight = Fix(
    key="single_flight",
    title="await load_once()",
    why="The first to miss starts the load, the others await the same task.",
)
stale = Fix(
    key="stale",
    title="background_tasks.add_task(load_once)",
    why="Answer with the old value, and load the new one behind: nobody waits.",
)
only_lock = Fix(
    key="only_lock",
    title="async with lock: await load()",
    why="Who gets the lock does not look again: all load, one after the other.",
    wrong=True,
)
loads = Counter("loads", "loads")
needless = Counter("needless", "loads begun while one was under way", bad=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global client
    async with (
        upstream(delay_s=0.2, at_once=5) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        await load()
        yield


scenario = Scenario(
    title="cache stampede",
    lesson="When a cached value expires, everybody misses at once: share one load.",
    look=(
        "Once a second a row of GET /price asks the upstream the same thing.",
        "http pool: sixteen connections and more at once; fixed, one.",
        "loads: about ten times as many as are needed.",
    ),
    link="https://github.com/long2ice/fastapi-cache/issues/203",
    router=router,
    lifespan=lifespan,
    fixes=[single_flight, stale, only_lock],
    counters=[loads, needless],
    load=[Load("GET /price", rps=80), Load("GET /ping", rps=20)],
    expect=[
        Expect("counter needless", at_least=20),
        Expect("in_use_max httpcore.pool", at_least=8),
        Expect("counter needless", fix="single_flight", at_most=0),
        Expect("max_ms GET /price", fix="single_flight", at_most=0.7),
        Expect("counter needless", fix="stale", at_most=0),
        Expect("p99_ms GET /price", fix="stale", at_most=0.3),
        Expect("counter loads", fix="only_lock", against="single_flight", at_least=2),
        Expect("max_ms GET /price", fix="only_lock", at_least=1.5, why="one after the other"),
    ],
)


async def load() -> None:
    global value, fresh_until, flying
    loads.value += 1
    needless.value += flying > 0
    flying += 1
    try:
        value = (await client.get("/price")).text
        fresh_until = time.monotonic() + 1
    finally:
        flying -= 1


async def load_once() -> None:
    global flight
    if flight is None or flight.done():
        flight = asyncio.create_task(load())
    await asyncio.shield(flight)


@router.get("/price")
async def price(background_tasks: BackgroundTasks) -> str:
    if time.monotonic() < fresh_until:
        pass
    elif single_flight.on:
        await load_once()
    elif stale.on:
        background_tasks.add_task(load_once)
    elif only_lock.on:
        async with lock:
            await load()
    else:
        await load()
    return value
