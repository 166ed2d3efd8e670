"""Independent waits overlap, if you let them.

Eight independent calls take eight times as long if each is awaited before the next one begins.
An `async def` does not overlap anything by itself, and neither does a comprehension: `await`
means wait here.
"""

import asyncio
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
client: httpx.AsyncClient
CITIES = range(8)

gather = Fix(
    key="gather",
    title="await asyncio.gather(*(weather(city) for city in CITIES))",
    why="All eight start at once: together they take as long as the slowest.",
    answers=("sequential-awaits",),
)
task_group = Fix(
    key="task_group",
    title="async with asyncio.TaskGroup() as group",
    why="The same, and if one fails the others are cancelled.",
    answers=("sequential-awaits",),
)
comprehension = Fix(
    key="comprehension",
    title="[await weather(city) for city in CITIES]",
    why="It is shorter, but still awaits each call before it starts the next.",
    wrong=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global client
    async with upstream(delay_s=0.04) as url, httpx.AsyncClient(base_url=url) as client:
        yield


scenario = Scenario(
    title="one after the other",
    group="doing things at once",
    symptom="An endpoint takes as long as all its calls added up",
    lesson="await waits: start independent calls together.",
    look=(
        "GET /forecast: a staircase of eight waits, 0.3 s in total, on an idle loop.",
        "With gather the waits overlap: 0.3 s become 0.06 s.",
        "The comprehension looks concurrent, but is the staircase again.",
    ),
    link="https://github.com/fastapi/fastapi/issues/692",
    router=router,
    lifespan=lifespan,
    fixes=[gather, task_group, comprehension],
    zoom_ms=20,
    load=[Load("GET /forecast", rps=8, warm_up=True), Load("GET /ping", rps=20)],
    headline="p50_ms GET /forecast",
    expect=[
        Expect("findings sequential-awaits", at_least=20),
        Expect("p50_ms GET /forecast", fix="gather", at_most=0.4),
        Expect("p50_ms GET /forecast", fix="task_group", at_most=0.4),
        Expect("findings sequential-awaits", fix="comprehension", against=None, at_least=20),
    ],
    question="Why does GET /forecast take as long as its eight calls added up?",
    answers=[
        Answer(
            "The service answers one call at a time.",
            "It would answer all eight at once, but is asked for one after the other.",
        ),
        Answer(
            "Each call is awaited before the next one begins.",
            "await means: wait here. The other seven have not even been sent.",
            right=True,
            proof="p50_ms GET /forecast with gather",
        ),
        Answer(
            "They are awaited in a for loop; a comprehension would overlap them.",
            "A comprehension awaits each call, too, before it starts the next.",
        ),
    ],
)


async def weather(city: int) -> str:
    return (await client.get(f"/weather/{city}")).text


@router.get("/forecast")
async def forecast() -> list[str]:
    if gather.on:
        return await asyncio.gather(*(weather(city) for city in CITIES))
    if task_group.on:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(weather(city)) for city in CITIES]
        return [task.result() for task in tasks]
    if comprehension.on:
        return [await weather(city) for city in CITIES]
    found = []
    for city in CITIES:
        answer = await weather(city)
        found.append(answer)
    return found
