"""One blocking call stops everyone.

While `time.sleep` waits, the event loop waits with it.
"""

import asyncio
import time

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from loopviz.scenario import Fix, Load, Scenario

router = APIRouter()

to_thread = Fix(key="to_thread", title="await asyncio.to_thread(...)", why="a thread waits")
plain_def = Fix(key="plain_def", title="def report()", why="FastAPI uses a thread")
async_sleep = Fix(key="async_sleep", title="await asyncio.sleep(0.05)", why="nothing blocks")

scenario = Scenario(
    title="frozen loop",
    lesson="One blocking call in an async def stops every other request.",
    look=(),
    router=router,
    load=[Load("GET /report", 15.0), Load("GET /ping", 20.0)],
    fixes=[to_thread, plain_def, async_sleep],
)

TOOK = 0.05


@router.get("/report")
async def report():
    if to_thread.on:
        await asyncio.to_thread(time.sleep, TOOK)
    elif plain_def.on:
        await run_in_threadpool(blocking)
    elif async_sleep.on:
        await asyncio.sleep(TOOK)
    else:
        time.sleep(0.05)
    return {"rows": 5}


def blocking():
    time.sleep(TOOK)
