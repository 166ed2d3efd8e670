"""Lock the state, not the wait.

A cart is read, changed and written back, with an `await` in between, so it needs a lock. But
this lock covers the price lookup, too, and all carts share it: 30 times 40 ms is more than a
second of lock per second. The queue grows for as long as the load lasts; the loop is idle.
"""

import asyncio
from collections import defaultdict

from fastapi import APIRouter

from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
carts: dict[int, int] = defaultdict(int)
lock = asyncio.Lock()
locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

narrow = Fix(
    key="narrow",
    title="look up first, then async with lock:",
    why="Lookups touch no cart: outside the lock they overlap, and the lock is held for only 2 ms.",
    answers=("lock-held-across-io", "lock-convoy"),
)
per_key = Fix(
    key="per_key",
    title="async with locks[cart]:",
    why="Different carts do not wait for each other; requests for the same cart still do.",
    answers=("lock-held-across-io", "lock-convoy"),
)

scenario = Scenario(
    title="lock convoy",
    group="shared state",
    symptom="Seconds of latency, an idle CPU, and a lock",
    lesson="Hold a lock while you change state, not while you wait for another service.",
    look=(
        "The queue for one asyncio.Lock keeps growing; the LOOP lane is idle.",
        "POST /cart/{n}: 40 ms of work, and seconds in the queue.",
        "With a fix the queue is gone within a second.",
    ),
    link="https://github.com/vutran1710/PyrateLimiter/issues/301",
    router=router,
    fixes=[narrow, per_key],
    load=[Load("POST /cart/{n}", rps=30), Load("GET /ping", rps=20)],
    headline="p90_ms POST /cart/{n}",
    expect=[
        Expect("waiting_max asyncio.Lock", at_least=10),
        Expect("findings lock-convoy", at_least=1),
        Expect("p90_ms POST /cart/{n}", fix="narrow", at_most=0.3),
        Expect("findings lock-convoy", fix="narrow", at_most=0),
        Expect("p90_ms POST /cart/{n}", fix="per_key", at_most=0.3),
    ],
    question="POST /cart is 40 ms of work and takes seconds. The loop is idle. Why?",
    answers=[
        Answer(
            "Two requests wait for each other: a deadlock.",
            "The queue moves: each request gets the lock in the end, but too late.",
        ),
        Answer(
            "An asyncio.Lock is slow.",
            "Acquiring a free lock takes microseconds. The time is spent behind other requests.",
        ),
        Answer(
            "All carts share a lock, held during a slow lookup.",
            "30 requests a second times 40 ms are more than a second of lock per second.",
            right=True,
            proof="p90_ms POST /cart/{n} with narrow",
        ),
    ],
)


@router.post("/cart/{number}")
async def add_to_cart(number: int):
    cart = number % 50
    if narrow.on:
        price = await look_up()
        async with lock:
            await add(cart, price)
    elif per_key.on:
        async with locks[cart]:
            await add(cart, await look_up())
    else:
        async with lock:
            await add(cart, await look_up())  # everybody waits while this one looks up the price


async def look_up() -> int:
    await asyncio.sleep(0.038)  # the price, from another service
    return 5


async def add(cart: int, price: int) -> None:
    total = carts[cart]
    await asyncio.sleep(0.002)  # a stock check, for instance: the reason for the lock
    carts[cart] = total + price
