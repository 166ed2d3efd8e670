"""About 5,000 events a second: many small requests, some of which wait for each other."""

import asyncio

from fastapi import APIRouter

from loopviz.scenario import Load, Scenario

router = APIRouter()
gate = asyncio.Semaphore(8)

scenario = Scenario(
    title="five thousand events a second",
    lesson="For measurements: nothing is wrong here.",
    look=("Nothing: the screen is measured.",),
    link="",
    expect=[],
    router=router,
    load=[Load("GET /plain", rps=130), Load("GET /steps", rps=50), Load("GET /gate", rps=25)],
)


@router.get("/plain")
async def plain() -> int:
    return 1


@router.get("/steps")
async def steps() -> int:
    for _ in range(10):
        await asyncio.sleep(0.001)
    return 2


@router.get("/gate")
async def through_the_gate() -> int:
    async with gate:
        await asyncio.sleep(0.01)
    return 3
