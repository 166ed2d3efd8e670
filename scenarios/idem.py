"""Reserve the key, then act.

A client that gets no answer retries, with the same idempotency key. The endpoint checks whether
it was paid, and if not, charges the card. Both requests check before either of them has charged.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from loopviz.parts.database import database
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
engine: AsyncEngine
insert_key = "INSERT INTO loopviz_paid (key) VALUES (:key) ON CONFLICT DO NOTHING RETURNING key"
keep_receipt = "UPDATE loopviz_paid SET receipt = :receipt WHERE key = :key RETURNING receipt"
find_receipt = "SELECT receipt FROM loopviz_paid WHERE key = :key"
payment_provider = partial(asyncio.sleep, 0.05)
receipts: dict[str, str] = {}
reserved: dict[str, asyncio.Task[str]] = {}
charges = Counter("charges", "cards charged")
double = Counter("double", "charged twice", bad=True)

unique = Fix(
    key="unique",
    title="INSERT the key under a UNIQUE constraint, then charge",
    why="The database lets one of them in, across all workers; the other returns its receipt.",
)
reserve = Fix(
    key="reserve",
    title="reserved[key] = create_task(charge(key)), then await it",
    why="No await between check and reservation: the second request finds the task and awaits it.",
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global engine
    async with database("loopviz_paid (key TEXT UNIQUE, receipt TEXT)") as url:
        engine = create_async_engine(url)
        yield
        await engine.dispose()


scenario = Scenario(
    title="charged twice",
    group="shared state",
    symptom="Charged twice, after a double click or a retry",
    lesson="Check-then-act is two steps: reserve the key first, in one step, then act.",
    look=(
        "Each payment is requested twice at once, with the same key.",
        "Cards are charged twice, and every response is a 200: nobody notices.",
        "With a fix both get the same receipt, and the card is charged once.",
    ),
    link="https://github.com/fastapi/fastapi/issues/3309",
    router=router,
    lifespan=lifespan,
    fixes=[unique, reserve],
    counters=[charges, double],
    zoom_ms=20,
    load=[Load("POST /pay/{n}", rps=30, copies=2), Load("GET /ping", rps=20)],
    headline="counter double",
    expect=[
        Expect("counter double", at_least=50),
        Expect("counter double", fix="unique", at_most=0),
        Expect("counter charges", fix="unique", against=None, at_least=100, why="it charges still"),
        Expect("counter double", fix="reserve", at_most=0),
        Expect("counter charges", fix="reserve", against=None, at_least=100),
    ],
    question="The code checks for a receipt before it charges. Why are cards charged twice?",
    answers=[
        Answer(
            "Both requests check before either of them has charged.",
            "There is an await between check and receipt: both find none, and both charge.",
            right=True,
            proof="counter double with reserve",
        ),
        Answer(
            "The payment provider repeats the charge.",
            "It charges once for each call. The app calls it twice.",
        ),
        Answer(
            "The second request comes when the first is long done.",
            "Then it would find the receipt. They come at the same time.",
        ),
    ],
)


@router.post("/pay/{key}")
async def pay(key: str):
    if unique.on:
        if await sql(insert_key, key=key):
            await sql(keep_receipt, key=key, receipt=await charge(key))
        async with asyncio.timeout(1):
            while not (receipt := await sql(find_receipt, key=key)):
                await asyncio.sleep(0.06)  # the other request is charging
    elif reserve.on:
        if key not in reserved:
            reserved[key] = asyncio.create_task(charge(key))
        receipt = await asyncio.shield(reserved[key])
    else:
        receipt = receipts.get(key)  # check …
        receipt = receipt or await charge(key)  # … then act: by now the other has checked, too
    return {"receipt": receipt}


async def charge(key: str) -> str:
    await payment_provider()
    charges.value += 1
    double.value += key in receipts
    receipts[key] = f"receipt {charges.value}"
    return receipts[key]


async def sql(statement: str, **values: str) -> str | None:
    async with engine.begin() as connection:
        return await connection.scalar(text(statement), values)
