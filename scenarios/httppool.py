"""A timeout must bound the wait.

Five connections to a service that takes a quarter of a second allow twenty calls a second. Of 27,
seven are left over and queue inside the client, where nobody sees them. httpx has a timeout
for that wait, but it hardly ever fires: it starts over whenever a connection is freed.
"""

import asyncio
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI, HTTPException

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
narrow: httpx.AsyncClient
wide: httpx.AsyncClient
slots = asyncio.Semaphore(5)  # a bound of our own, in front of a pool with room

limits = Fix(
    key="limits",
    title="httpx.Limits(max_connections=100)",
    why="Enough connections for the load: 27 rps × 0.25 s keep 7 of them busy.",
    answers=("pool-exhausted",),
)
shed = Fix(
    key="shed",
    title="if slots.locked(): raise HTTPException(503)",
    why="Requests that cannot be served get a 503 at once; the others do not wait.",
    answers=("pool-exhausted",),
)
bounded = Fix(
    key="bounded",
    title="async with asyncio.timeout(0.2) as wait, slots",
    why="A deadline for the wait alone: a request that gets a slot may finish.",
    answers=("pool-exhausted",),
)
pool_timeout = Fix(
    key="pool_timeout",
    title="httpx.Timeout(5, pool=0.5)",
    why="It starts over whenever a connection is freed, so it hardly ever fires.",
    wrong=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global narrow, wide
    async with (
        upstream(delay_s=0.25) as url,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=5)) as narrow,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=100)) as wide,
    ):
        yield


scenario = Scenario(
    title="waiting for a connection",
    group="pools and clients",
    symptom="Calls to another service take longer and longer, and hardly any fail",
    lesson="A connection pool is a queue: bound the wait for it, or refuse at once.",
    look=(
        "http pool: 5/5, and the number of waiters climbs, to as many as there are users.",
        "GET /quote takes seconds, yet none fails; /ping is fine.",
        "Fixed, either nobody queues, or a few get a 503 and the rest do not wait.",
    ),
    link="https://github.com/encode/httpcore/issues/822",
    router=router,
    lifespan=lifespan,
    fixes=[limits, shed, bounded, pool_timeout],
    load=[Load("GET /quote", rps=27, at_once=45, warm_up=True), Load("GET /ping", rps=20)],
    headline="p90_ms GET /quote",
    expect=[
        Expect("findings pool-exhausted", at_least=50),
        Expect("errors GET /quote", at_most=0.02, why="the wait is silent"),
        Expect("waiting_max httpcore.pool", fix="limits", at_most=0.2),
        Expect("errors GET /quote", fix="shed", against=None, at_least=0.1, at_most=0.6),
        Expect("p90_ms GET /quote", fix="shed", at_most=0.4),
        Expect("errors GET /quote", fix="bounded", against=None, at_least=0.1, at_most=0.6),
        Expect("p90_ms GET /quote", fix="pool_timeout", at_least=0.5, why="hardly bounds it"),
    ],
    question="GET /quote takes longer and longer, and none fails. Where does it wait?",
    answers=[
        Answer(
            "In the service, which is overloaded.",
            "The service takes a quarter of a second, as ever: it gets five calls at a time.",
        ),
        Answer(
            "In the HTTP client, for one of its five connections.",
            "Five connections allow twenty calls a second, and 27 come. No timeout ends the wait.",
            right=True,
            proof="waiting_max httpcore.pool with limits",
        ),
        Answer(
            "On the loop, which cannot keep up.",
            "The loop is almost idle: GET /ping is answered at once.",
        ),
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
            response = await wide.get("/quote")
    elif bounded.on:
        try:
            async with asyncio.timeout(0.2) as wait, slots:
                wait.reschedule(None)  # it has its slot: the call may take longer
                response = await wide.get("/quote")
        except TimeoutError:
            raise HTTPException(503, "no connection in time: try again later") from None
    elif pool_timeout.on:
        response = await narrow.get("/quote", timeout=httpx.Timeout(5, pool=0.5))
    else:
        response = await narrow.get("/quote")
    return response.json()
