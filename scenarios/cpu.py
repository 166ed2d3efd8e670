"""Threads hide CPU work, processes remove it.

`crunch` is forty milliseconds of pure Python. On the loop it is a blocking call like any other.
In a thread it still needs the GIL, so the loop gets its turn only every few milliseconds. In
another process it has an interpreter of its own.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from loopviz.parts.work import crunch, process_pool, rounds_for
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
pool: ProcessPoolExecutor
rounds = 0

processes = Fix(
    key="processes",
    title="await loop.run_in_executor(process_pool, ...)",
    why="Another process has its own interpreter and its own GIL: the loop is free.",
    answers=("slow-callback", "gil-contention", "ready-delay-high"),
)
threads = Fix(
    key="threads",
    title="await asyncio.to_thread(...)",
    why="The loop keeps running, but shares the GIL: it waits up to 5 ms for each turn.",
    wrong=True,
)
slices = Fix(
    key="slices",
    title="await asyncio.sleep(0) between slices",
    why="Other tasks run between slices; the work takes just as long, and longer under load.",
    answers=("slow-callback",),
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global pool, rounds
    rounds = rounds_for(ms=40)
    with process_pool(workers=2) as pool:
        yield


scenario = Scenario(
    title="CPU work and the GIL",
    group="what blocks the loop",
    symptom="One endpoint computes, and all the others wait for it",
    lesson="Threads hide CPU work from the loop; only processes take it away.",
    look=(
        "Inline, GET /crunch blocks the loop for 40 ms at a time.",
        "With threads no single callback is slow, yet /ping still waits for the GIL.",
        "With processes the LOOP lane is almost empty, and /ping is fast.",
    ),
    link="https://github.com/fastapi/fastapi/issues/1806",
    router=router,
    lifespan=lifespan,
    fixes=[processes, threads, slices],
    load=[Load("GET /crunch", rps=11), Load("GET /ping", rps=20)],
    expect=[
        Expect("p99_ms GET /ping", fix="processes", at_most=0.34),
        Expect("p99_ms GET /ping", fix="threads", against="processes", at_least=1.5, why="the GIL"),
        Expect("p90_ms GET /ping", fix="slices", against="processes", at_least=1.5, why="a queue"),
        Expect("findings slow-callback", fix="slices", at_most=0.1),
        Expect("findings slow-callback", at_least=1),
    ],
    question="GET /crunch computes in pure Python. Does a thread free the loop?",
    answers=[
        Answer(
            "Yes, as it does for time.sleep.",
            "time.sleep releases the GIL, Python code holds it: the loop waits for each turn.",
        ),
        Answer(
            "No, a thread runs on the loop's core.",
            "Threads run on any core. What they share is the GIL, and a process has only one.",
        ),
        Answer(
            "Only partly: the thread and the loop take turns at the GIL.",
            "No callback is slow any more, but for each turn the loop waits up to 5 ms.",
            right=True,
            proof="p99_ms GET /ping with threads",
        ),
    ],
)


@router.get("/crunch")
async def crunch_numbers() -> None:
    if processes.on:
        await asyncio.get_running_loop().run_in_executor(pool, crunch, rounds)
    elif threads.on:
        await asyncio.to_thread(crunch, rounds)
    elif slices.on:
        for _ in range(20):
            crunch(rounds // 20)
            await asyncio.sleep(0)
    else:
        crunch(rounds)
