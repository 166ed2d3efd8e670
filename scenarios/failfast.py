"""`gather` does not cancel.

Five calls make one answer, so the first failure decides: there will be none. `gather` raises at
once, and leaves the other four running, for nobody. A `TaskGroup` owns its tasks: it ends when
they have ended, and cancels the rest if one fails.
"""

import asyncio
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
client: httpx.AsyncClient
LEGS = ("/flight", "/hotel", "/train", "/museum", "/car?delay_ms=20&status=500")  # no cars today

task_group = Fix(
    key="task_group",
    title="async with asyncio.TaskGroup() as group",
    why="The first failure cancels the other legs, and the group waits until they end.",
    answers=("task-outlived-parent",),
)
return_exceptions = Fix(
    key="return_exceptions",
    title="asyncio.gather(..., return_exceptions=True)",
    why="No leg outlives the request, but every failure waits for all legs.",
    wrong=True,
)
deadline = Fix(
    key="deadline",
    title="async with asyncio.timeout(1)",
    why="It cancels a gather that is still waiting; this one has already failed.",
    wrong=True,
)
in_vain = Counter("in_vain", "wasted calls", bad=True)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global client
    async with upstream(delay_s=0.4) as url, httpx.AsyncClient(base_url=url) as client:
        yield


scenario = Scenario(
    title="orphans of a failed gather",
    group="doing things at once",
    symptom="Failed requests keep the connection pool busy",
    lesson="gather does not cancel: if one leg fails, the others run on for nobody.",
    look=(
        "GET /trip fails after 30 ms; its other legs run on for 0.4 s.",
        "http pool: 20 connections in use for requests answered long ago.",
        "With a TaskGroup they are cancelled: no more wasted calls.",
    ),
    link="https://github.com/python/cpython/issues/75633",
    router=router,
    lifespan=lifespan,
    fixes=[task_group, return_exceptions, deadline],
    counters=[in_vain],
    zoom_ms=50,
    load=[
        Load("GET /trip", rps=12),
        Load("GET /ping", rps=20),
    ],
    headline="counter in_vain",
    expect=[
        Expect("tasks outlived_parent", at_least=100),
        Expect("tasks outlived_parent", fix="task_group", at_most=0.02),
        Expect("counter in_vain", fix="task_group", at_most=0.02),
        Expect("counter in_vain", fix="return_exceptions", at_least=0.8),
        Expect("p50_ms GET /trip", fix="return_exceptions", at_least=5, why="it waits for all"),
        Expect("tasks outlived_parent", fix="deadline", at_least=0.8, why="it never fires"),
    ],
    question="One of five calls fails, so GET /trip has failed. What about the other four?",
    answers=[
        Answer(
            "gather cancels them.",
            "It only raises the first error. It cancels its calls if it is cancelled itself.",
        ),
        Answer(
            "They run on, and nobody wants their results.",
            "gather raises at once, and from then on the calls belong to nobody.",
            right=True,
            proof="counter in_vain with task_group",
        ),
        Answer(
            "They fail as well, since their request is over.",
            "A task does not end with the request that made it: all four are answered.",
        ),
    ],
)


async def book(leg: str) -> None:
    response = await client.get(leg)
    response.raise_for_status()
    in_vain.value += 1


@router.get("/trip")
async def trip() -> str:
    answer = "booked"
    try:
        if task_group.on:
            async with asyncio.TaskGroup() as group:
                for leg in LEGS:
                    group.create_task(book(leg))
        elif return_exceptions.on:
            for result in await asyncio.gather(*map(book, LEGS), return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
        elif deadline.on:
            async with asyncio.timeout(1):
                await asyncio.gather(*map(book, LEGS))
        else:
            await asyncio.gather(*map(book, LEGS))
    except* httpx.HTTPStatusError:
        answer = "not possible today"
    return answer
