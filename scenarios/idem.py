"""Reserve the key, then act.

A client that hears nothing asks again, with the same idempotency key. The endpoint looks whether
the key was paid, and if not charges the card, which takes 50 ms. Both requests look before either
has charged: the check was right, and is no longer true when it is acted upon.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, HTTPException
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from loopviz.parts.database import database
from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

router = APIRouter()
engine: AsyncEngine
find_receipt = text("SELECT receipt FROM loopviz_payments WHERE key = :key")
receipts: dict[str, str] = {}
reserved: dict[str, asyncio.Task[str]] = {}
paid: set[str] = set()

unique = Fix(
    key="unique",
    title="INSERT the key under a UNIQUE constraint, then charge",
    why="The database lets one of them in, over all workers; the other replays its receipt.",
)
reserve = Fix(
    key="reserve",
    title="reserved[key] = create_task(charge(key)), then await it",
    why="No await between the check and the reservation: the second finds it, and waits with it.",
)

keys = Counter("keys", "payments asked for")
charges = Counter("charges", "cards charged")
double = Counter("double", "charged twice", bad=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global engine
    async with database("loopviz_payments (key TEXT UNIQUE, receipt TEXT)") as url:
        engine = create_async_engine(url)
        yield
        await engine.dispose()


scenario = Scenario(
    title="charged twice",
    lesson="Check-then-act is two steps: reserve the key first, in one step, and act after that.",
    look=(
        "Each payment is asked for twice at once, with the same key.",
        "There are more charges than keys: `double` grows, and every answer is a 200.",
        "With a fix both get the same receipt, and the card is charged once.",
    ),
    link="https://github.com/fastapi/fastapi/issues/3309",
    router=router,
    lifespan=lifespan,
    fixes=[unique, reserve],
    counters=[keys, charges, double],
    load=[Load("POST /pay/{n}", rps=30, copies=2), Load("GET /ping", rps=20)],
    expect=[
        Expect("counter double", at_least=50),
        Expect("errors POST /pay/{n}", at_most=0, why="nobody is told"),
        Expect("counter double", fix="unique", at_most=0),
        Expect("counter keys", fix="unique", at_least=0.9, why="it charges still"),
        Expect("counter double", fix="reserve", at_most=0),
        Expect("counter keys", fix="reserve", at_least=0.9, why="it charges still"),
    ],
)


@router.post("/pay/{key}")
async def pay(key: str) -> dict[str, str]:
    if unique.on:
        try:
            await sql("INSERT INTO loopviz_payments (key) VALUES (:key)", key=key)
        except IntegrityError:  # the other request has it
            return {"receipt": await stored_receipt(key)}
        receipt = await charge(key)
        await sql("UPDATE loopviz_payments SET receipt = :it WHERE key = :key", key=key, it=receipt)
    elif reserve.on:
        if key not in reserved:
            reserved[key] = asyncio.create_task(charge(key))
        receipt = await asyncio.shield(reserved[key])
    else:
        if key not in receipts:  # check …
            receipts[key] = await charge(key)  # … then act: by now the other has checked, too
        receipt = receipts[key]
    return {"receipt": receipt}


async def stored_receipt(key: str) -> str:
    for pause_s in (0.02, 0.04, 0.08, 0.16):
        async with engine.connect() as connection:
            if receipt := await connection.scalar(find_receipt, {"key": key}):
                return str(receipt)
        await asyncio.sleep(pause_s)
    raise HTTPException(409, "still being charged: ask again")


async def sql(statement: str, **values: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


async def charge(key: str) -> str:
    await payment_provider()
    charges.value += 1
    paid.add(key)
    keys.value = len(paid)
    double.value = charges.value - keys.value
    return f"receipt {charges.value}"


async def payment_provider() -> None:
    await asyncio.sleep(0.05)
