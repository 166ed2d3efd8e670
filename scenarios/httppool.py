"""A timeout must bound the wait.

Ten connections to a service that takes a quarter of a second make forty calls a second. Of
fifty-five, fifteen are left over every second, and queue inside the client, where nobody sees
them. httpx has a timeout for that wait, and still hardly a request fails: each time a connection
is freed, all that wait are woken, and those that do not get it start to wait anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI, HTTPException

from loopviz.parts.upstream import upstream
from loopviz.scenario import Expect, Fix, Load, Scenario

router = APIRouter()
narrow: httpx.AsyncClient
fresh: httpx.AsyncClient  # as narrow, without the queue that the bug has left there
wide: httpx.AsyncClient
slots = asyncio.Semaphore(10)

limits = Fix(
    key="limits",
    title="httpx.Limits(max_connections=100)",
    why="Enough connections for the load: 55 rps × 0.25 s keep 14 of them busy.",
)
shed = Fix(
    key="shed",
    title="if slots.locked(): raise HTTPException(503)",
    why="Who cannot be served hears so at once; the others do not wait.",
)
bounded = Fix(
    key="bounded",
    title="async with asyncio.timeout(0.2): await slots.acquire()",
    why="A deadline for the wait alone: who gets a connection may finish.",
)
pool_timeout = Fix(
    key="pool_timeout",
    title="httpx.Timeout(5, pool=0.5)",
    why="It begins anew whenever a connection is freed, and hardly ever ends.",
    wrong=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global narrow, fresh, wide
    ten, hundred = httpx.Limits(max_connections=10), httpx.Limits(max_connections=100)
    async with (
        upstream(delay_s=0.25) as url,
        httpx.AsyncClient(base_url=url, limits=ten) as narrow,
        httpx.AsyncClient(base_url=url, limits=ten) as fresh,
        httpx.AsyncClient(base_url=url, limits=hundred) as wide,
    ):
        yield


scenario = Scenario(
    title="a queue without an end",
    lesson="A connection pool is a queue: bound the wait for it, or refuse at once.",
    look=(
        "http pool: 10/10, and the number that waits climbs and climbs.",
        "GET /quote takes longer every second, yet none fails; /ping is fine.",
        "Fixed, either nobody queues, or a few get a 503 instead of all a wait.",
    ),
    link="https://github.com/encode/httpcore/issues/822",
    router=router,
    lifespan=lifespan,
    fixes=[limits, shed, bounded, pool_timeout],
    load=[Load("GET /quote", rps=55), Load("GET /ping", rps=20)],
    expect=[
        Expect("findings pool-exhausted", at_least=50),
        Expect("waiting_max httpcore.pool", at_least=30),
        Expect("errors GET /quote", at_most=0.02, why="the wait is silent"),
        Expect("p90_ms GET /quote", fix="limits", at_most=0.34),
        Expect("waiting_max httpcore.pool", fix="limits", at_most=0.2),
        Expect("p90_ms GET /quote", fix="shed", at_most=0.34),
        Expect("errors GET /quote", fix="shed", against=None, at_least=0.1, at_most=0.6),
        Expect("p90_ms GET /quote", fix="bounded", at_most=0.5),
        Expect("errors GET /quote", fix="bounded", against=None, at_least=0.1, at_most=0.6),
        Expect("p90_ms GET /quote", fix="pool_timeout", at_least=0.5, why="hardly bounds it"),
        Expect("waiting_max httpcore.pool", fix="pool_timeout", against=None, at_least=30),
    ],
)


@router.get("/quote")
async def quote() -> dict[str, int]:
    if limits.on:
        response = await wide.get("/quote")
    elif shed.on:
        if slots.locked():
            raise HTTPException(503, "all connections are busy: try again later")
        async with slots:
            response = await fresh.get("/quote")
    elif bounded.on:
        try:
            async with asyncio.timeout(0.2):
                await slots.acquire()
        except TimeoutError:
            raise HTTPException(503, "no connection in time: try again later") from None
        try:
            response = await fresh.get("/quote")
        finally:
            slots.release()
    elif pool_timeout.on:
        response = await narrow.get("/quote", timeout=httpx.Timeout(5, pool=0.5))
    else:
        response = await narrow.get("/quote")
    return response.json()
