"""Share the miss.

A cached value expires every second, and loading it takes 0.2 s. Requests that arrive meanwhile
find it expired and load it, too: sixteen calls to an upstream that serves five at a time.
"""

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, BackgroundTasks, FastAPI

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
client: httpx.AsyncClient
value, fresh_until = "", 0.0
flight: asyncio.Task[None] | None = None
lock = asyncio.Lock()

single_flight = Fix(
    key="single_flight",
    title="await asyncio.shield(load_once())",
    why="The first to miss starts the load, the others await the same task.",
)
stale = Fix(
    key="stale",
    title="background_tasks.add_task(asyncio.wait, [load_once()])",
    why="The old value is good enough while the new one loads: nobody waits.",
)
only_lock = Fix(
    key="only_lock",
    title="async with lock: await load()",
    why="After acquiring the lock nobody checks again: all of them load, one by one.",
    wrong=True,
)
needless = Counter("needless", "needless loads", bad=True)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global client
    async with upstream(delay_s=0.2, at_once=5) as url, httpx.AsyncClient(base_url=url) as client:
        await load()
        yield


scenario = Scenario(
    title="cache stampede",
    group="shared state",
    symptom="A spike each time a cache entry expires",
    lesson="When a cached value expires, everybody misses at once: share one load.",
    look=(
        "Once a second, a burst of GET /price asks the upstream the same thing.",
        "http pool: sixteen or more connections at once; with the fix, one.",
        "needless loads: the value was already fresh when they came back.",
    ),
    link="https://github.com/long2ice/fastapi-cache/issues/203",
    router=router,
    lifespan=lifespan,
    fixes=[single_flight, stale, only_lock],
    counters=[needless],
    zoom_ms=50,
    load=[Load("GET /price", rps=80, warm_up=True), Load("GET /ping", rps=20)],
    headline="counter needless",
    expect=[
        Expect("counter needless", at_least=20),
        Expect("counter needless", fix="single_flight", at_most=0),
        Expect("counter needless", fix="stale", at_most=0),
        Expect("p99_ms GET /price", fix="stale", at_most=0.3),
        Expect("counter needless", fix="only_lock", against=None, at_least=8),
    ],
    question="There is a cache. Why does a burst of calls go through it each second?",
    answers=[
        Answer(
            "The requests come in such bursts.",
            "They arrive evenly, about 80 a second: the bursts are made behind the cache.",
        ),
        Answer(
            "The value expires, and every request loads it until it is back.",
            "Loading takes 0.2 s, and each request that comes meanwhile finds it expired, too.",
            right=True,
            proof="counter needless with single_flight",
        ),
        Answer(
            "The cache is too small.",
            "It holds the only value there is. That expires, after a second.",
        ),
    ],
)


async def load() -> None:
    global value, fresh_until
    loaded = await client.get("/price")
    needless.value += time.monotonic() < fresh_until  # somebody else was faster
    value, fresh_until = loaded.text, time.monotonic() + 1


def load_once() -> asyncio.Task[None]:
    global flight
    if flight is None or flight.done():
        flight = asyncio.create_task(load())
    return flight


@router.get("/price")
async def price(background_tasks: BackgroundTasks) -> str:
    if time.monotonic() > fresh_until:
        if single_flight.on:
            await asyncio.shield(load_once())  # a client that leaves must not stop it for others
        elif stale.on:
            background_tasks.add_task(asyncio.wait, [load_once()])
        elif only_lock.on:
            async with lock:
                await load()
        else:
            await load()
    return value
