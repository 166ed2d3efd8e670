"""One blocking call stops everyone.

`time.sleep` stands for any call that waits without `await`: a synchronous database driver,
`requests`, a file on a slow disk. While it waits, the event loop waits with it: nothing else
runs, not even `GET /ping`, which does no work at all.
"""

import asyncio
import time

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()

to_thread = Fix(
    key="to_thread",
    title="await asyncio.to_thread(...)",
    why="The call still blocks, but only a worker thread: the loop goes on.",
    answers=("slow-callback",),
)
plain_def = Fix(
    key="plain_def",
    title="def instead of async def",
    why="FastAPI runs a plain def endpoint in its thread pool.",
    answers=("slow-callback",),
)
async_library = Fix(
    key="async_library",
    title="await an async library",
    why="Nothing blocks: the loop itself does the waiting, and no thread is needed.",
    answers=("slow-callback",),
)

scenario = Scenario(
    title="frozen loop",
    group="what blocks the loop",
    symptom="Now and then everything is slow, even endpoints that do nothing",
    lesson="One blocking call in async def stops every request, not just its own.",
    look=(
        "LOOP: solid red while GET /report sleeps.",
        "GET /ping does nothing, yet waits: it is ready, but the loop is blocked.",
        "Each fix clears both, under the same load.",
    ),
    link="https://github.com/fastapi/fastapi/issues/2484",
    router=router,
    fixes=[to_thread, plain_def, async_library],
    load=[Load("GET /report", rps=12), Load("GET /ping", rps=20)],
    expect=[
        Expect("p99_ms GET /ping", fix="to_thread", at_most=0.2),
        Expect("p99_ms GET /ping", fix="plain_def", at_most=0.2),
        Expect("p99_ms GET /ping", fix="async_library", at_most=0.2),
        Expect("findings slow-callback", at_least=1),
    ],
    question="GET /ping does no work. Why does it take tens of milliseconds?",
    answers=[
        Answer(
            "The machine needs more CPU.",
            "While time.sleep runs, the CPU is idle. A faster one would sleep just as long.",
        ),
        Answer(
            "GET /report blocks the loop, and meanwhile nothing else can run.",
            "All requests share one thread: a call that does not await keeps it until it returns.",
            right=True,
            proof="p99_ms GET /ping with to_thread",
        ),
        Answer(
            "GET /ping waits for the result of GET /report.",
            "Neither needs the other: GET /ping is ready all the time, only the loop is taken.",
        ),
    ],
)


@router.get("/report")
async def report() -> dict[str, str]:
    if to_thread.on:
        await asyncio.to_thread(time.sleep, 0.05)
    elif plain_def.on:
        await run_in_threadpool(report_in_plain_def)
    elif async_library.on:
        await asyncio.sleep(0.05)
    else:
        time.sleep(0.05)
    return {"report": "done"}


def report_in_plain_def() -> None:
    time.sleep(0.05)
