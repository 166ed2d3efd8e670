"""Async for waiting, processes for working.

One event loop uses one core. CPU work that has to run in the handler needs more processes:
`uvicorn --workers 2` starts a second one on the same address. But they share no memory: what one
keeps in a variable, be it a session, a cache or a counter, the others do not know.
"""

import tempfile
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from loopviz.parts.work import crunch, rounds_for
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
engine: AsyncEngine
rounds = 0
last_visit: dict[int, int] = {}
recognised = Counter("recognised", "recognised")
forgotten = Counter("forgotten", "forgotten", bad=True)

two_workers = Fix(
    key="two_workers",
    title="uvicorn --workers 2",
    why="Two processes, two loops, two cores: while one works, the other answers.",
    answers=("slow-callback", "ready-delay-high"),
    workers=2,
)
shared_state = Fix(
    key="shared_state",
    title="REPLACE INTO visits, not last_visit[who] = n",
    why="The database is outside all processes: each finds what another stored.",
    adds=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global engine, rounds
    rounds = rounds_for(ms=40)
    engine = create_async_engine(f"sqlite+aiosqlite:///{tempfile.gettempdir()}/visits.db")
    async with engine.begin() as db:
        await db.execute(text("CREATE TABLE IF NOT EXISTS visits (who INTEGER PRIMARY KEY, n)"))
    yield
    await engine.dispose()


scenario = Scenario(
    title="one process, or two",
    group="more than one process",
    symptom="One core is busy, the others are idle",
    lesson="Async is for waiting, processes are for working; workers share no memory.",
    look=(
        "LOOP: one process does all the work, and GET /ping waits for it.",
        "Two workers: LOOP 2 answers meanwhile, but now customers are forgotten.",
        "Shared state: each worker finds what the other stored.",
    ),
    link="https://github.com/fastapi/fastapi/issues/4340",
    router=router,
    lifespan=lifespan,
    fixes=[two_workers, shared_state],
    counters=[recognised, forgotten],
    load=[
        Load("GET /crunch", rps=9),
        Load("POST /visits/{n}", rps=10, arrivals="constant"),
        Load("GET /ping", rps=20),
    ],
    headline="p90_ms GET /ping",
    expect=[
        Expect("counter forgotten", at_most=0),
        Expect("p90_ms GET /ping", fix="two_workers", at_most=0.6),
        Expect("counter forgotten", fix="two_workers", against=None, at_least=5),
        Expect("findings slow-callback", fix="shared_state", at_least=0.5, why="still one loop"),
        Expect("counter forgotten", fix=("two_workers", "shared_state"), against=None, at_most=0),
        Expect("counter recognised", fix=("two_workers", "shared_state"), at_least=0.8),
    ],
    question="One loop does all the work. What changes with a second process, besides speed?",
    answers=[
        Answer(
            "Nothing: both run the same code.",
            "The same code, but each process has its own variables.",
        ),
        Answer(
            "Neither knows what the other keeps in its variables.",
            "They share the address, not the memory: a customer may be known to one of them only.",
            right=True,
            proof="counter forgotten with two_workers",
        ),
        Answer(
            "Dicts need a lock, since two processes write to them.",
            "They have no dict in common: each writes to its own.",
        ),
    ],
)


@router.get("/crunch")
async def crunch_numbers():
    return crunch(rounds)


@router.post("/visits/{n}")
async def visit(n: int):
    who = n % 30  # thirty customers in turn: each one's last visit was n - 30
    if shared_state.on:
        async with engine.begin() as db:
            before = await db.scalar(text("SELECT n FROM visits WHERE who = :who"), {"who": who})
            await db.execute(text("REPLACE INTO visits VALUES (:who, :n)"), {"who": who, "n": n})
    else:
        before = last_visit.get(who)
        last_visit[who] = n
    if before == n - 30:
        recognised.value += 1
    elif n >= 30:
        forgotten.value += 1
