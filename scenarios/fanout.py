"""Bound the fan-out, and bound it for all requests together.

`gather` starts everything it is given. One request with 20 calls opens 20 connections at once,
and the service behind them serves eight, queues four, and refuses the rest. The limit belongs to
what it protects: one for the process, not one per request.
"""

import asyncio
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI, HTTPException

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
unbounded: httpx.AsyncClient
eight: httpx.AsyncClient
for_all = asyncio.Semaphore(8)

semaphore = Fix(
    key="semaphore",
    title="async with for_all:  # asyncio.Semaphore(8)",
    why="Eight calls at a time, whoever makes them: as many as the service can serve.",
    answers=("requests-fail",),
)
connections = Fix(
    key="connections",
    title="httpx.Limits(max_connections=8)",
    why="A shared client is a bound, too: calls that find no free connection queue.",
    answers=("requests-fail",),
)
per_request = Fix(
    key="per_request",
    title="for_one = asyncio.Semaphore(8) in the endpoint",
    why="Each request stays within eight, but two at once make sixteen.",
    wrong=True,
)
calls = Counter("calls", "calls made")
refused = Counter("refused", "calls refused", bad=True)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global unbounded, eight
    async with (
        upstream(delay_s=0.1, at_once=8, queue=4) as url,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None)) as unbounded,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=8)) as eight,
    ):
        yield


scenario = Scenario(
    title="too many calls at once",
    group="doing things at once",
    symptom="A few requests make many calls, and the service behind them is overloaded",
    lesson="gather starts everything at once: bound the fan-out, globally.",
    look=(
        "calls refused: the service serves 8, queues 4, and refuses the rest with 503.",
        "http pool: 20 connections and more at once; bounded, never more than 8.",
        "One semaphore for all requests fixes it; one per request only softens it.",
    ),
    link="https://github.com/python/cpython/issues/115201",
    router=router,
    lifespan=lifespan,
    fixes=[semaphore, connections, per_request],
    counters=[calls, refused],
    load=[Load("GET /basket", rps=2, warm_up=True), Load("GET /ping", rps=20)],
    headline="counter refused",
    expect=[
        Expect("errors GET /basket", at_least=0.5),
        Expect("counter refused", fix="semaphore", at_most=0),
        Expect("counter refused", fix="connections", at_most=0),
        Expect("counter refused", fix="per_request", against=None, at_least=5, why="not global"),
    ],
    question="One GET /basket makes 20 calls to a service. Why do so many calls fail?",
    answers=[
        Answer(
            "They start all at once, more than the service can take.",
            "It serves 8, queues 4 and refuses the rest: gather itself has no limit.",
            right=True,
            proof="counter refused with semaphore",
        ),
        Answer(
            "The client has too few connections.",
            "It has as many as it likes, and that is the trouble: a limit of 8 is a cure.",
        ),
        Answer(
            "They take too long and time out.",
            "Those that fail are refused at once, with a 503.",
        ),
    ],
)


async def price(item: int, client: httpx.AsyncClient) -> None:
    calls.value += 1
    response = await client.get(f"/price/{item}")
    if response.status_code == 503:
        refused.value += 1
        raise HTTPException(502, "the service refused")


async def price_within(bound: asyncio.Semaphore, item: int) -> None:
    async with bound:
        await price(item, unbounded)


@router.get("/basket")
async def basket() -> None:
    if semaphore.on:
        await asyncio.gather(*(price_within(for_all, item) for item in range(20)))
    elif connections.on:
        await asyncio.gather(*(price(item, eight) for item in range(20)))
    elif per_request.on:
        for_one = asyncio.Semaphore(8)
        await asyncio.gather(*(price_within(for_one, item) for item in range(20)))
    else:
        await asyncio.gather(*(price(item, unbounded) for item in range(20)))
