"""Zero lag is not health.

FastAPI runs a plain `def` endpoint in a thread, and anyio allows 40 of them at a time. With calls
that block for half a second, 40 threads answer 80 requests per second; of 100, the other 20 queue
for a thread. Meanwhile the event loop is idle, and every chart of it looks fine.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
executor: ThreadPoolExecutor

more_tokens = Fix(
    key="tokens",
    title="current_default_thread_limiter().total_tokens = 200",
    why="The same pool, with enough threads: 100 requests per second × 0.5 s need 50 at a time.",
    answers=("thread-limiter-exhausted",),
)
own_executor = Fix(
    key="executor",
    title="await loop.run_in_executor(executor_of_100, ...)",
    why="The slow call has threads of its own, and takes none from the other def endpoints.",
    answers=("thread-limiter-exhausted",),
)
to_thread = Fix(
    key="to_thread",
    title="await asyncio.to_thread(...)",
    why="asyncio's own executor has CPUs + 4 threads, 32 at most: fewer than the 40 before.",
    wrong=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global executor
    with ThreadPoolExecutor(100, thread_name_prefix="report") as executor:
        yield


scenario = Scenario(
    title="threads used up",
    group="what blocks the loop",
    symptom="`def` endpoints are slow, and the loop is idle",
    lesson="Lag near zero is not health: requests can queue for a thread while the loop is idle.",
    look=(
        "Lag is flat and the LOOP lane almost empty: the loop has nothing to do.",
        "default thread limiter: 40/40 FULL, and its queue keeps growing.",
        "GET /ping needs no thread and is as fast as ever.",
    ),
    link="https://github.com/fastapi/fastapi/issues/4552",
    router=router,
    lifespan=lifespan,
    fixes=[more_tokens, own_executor, to_thread],
    load=[Load("GET /report", rps=100, warm_up=True), Load("GET /ping", rps=20)],
    headline="p90_ms GET /report",
    expect=[
        Expect("findings thread-limiter-exhausted", at_least=1),
        Expect("p90_ms GET /ping", at_most=100, why="the loop is free all the time"),
        Expect("waiting_max anyio.CapacityLimiter", fix="tokens", at_most=0.2),
        Expect("p90_ms GET /report", fix="tokens", at_most=0.6),
        Expect("p90_ms GET /report", fix="executor", at_most=0.6),
        Expect("p50_ms GET /report", fix="to_thread", at_least=1.5, why="6 threads, not 40"),
    ],
    question="The loop is idle, yet GET /report takes ever longer. What does it wait for?",
    answers=[
        Answer(
            "For one of the 40 threads that all def endpoints share.",
            "100 requests a second, half a second each, need 50 threads.",
            right=True,
            proof="p90_ms GET /report with tokens",
        ),
        Answer(
            "For its turn on the loop.",
            "The loop has nothing to do: GET /ping is answered at once.",
        ),
        Answer(
            "For the GIL, since so many threads compete for it.",
            "A call that waits releases the GIL: forty threads that sleep do not compete.",
        ),
    ],
)


@router.get("/report")
async def report() -> dict[str, str]:
    current_default_thread_limiter().total_tokens = 200 if more_tokens.on else 40
    if own_executor.on:
        await asyncio.get_running_loop().run_in_executor(executor, time.sleep, 0.5)
    elif to_thread.on:
        await asyncio.to_thread(time.sleep, 0.5)
    else:
        await run_in_threadpool(time.sleep, 0.5)  # as FastAPI does with a plain def endpoint
    return {"report": "done"}
