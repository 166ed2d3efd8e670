"""Lock the state, not the waiting.

A cart is read, changed and written back, with an `await` in between: so a lock goes around it.
But around the price lookup, too, and one for all carts: 40 ms times 30 a second is more than a
second of lock per second. The queue grows for as long as the load lasts; the loop is idle.
"""

import asyncio
from collections import defaultdict

from fastapi import APIRouter

from loopviz.scenario import Expect, Fix, Load, Scenario

router = APIRouter()
carts: dict[int, int] = defaultdict(int)
lock = asyncio.Lock()
locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

narrow = Fix(
    key="narrow",
    title="look up first, then `async with lock:`",
    why="The lookup touches no cart: without the lock lookups overlap, and the lock is held 4 ms.",
)
per_key = Fix(
    key="per_key",
    title="async with locks[cart]:",
    why="Carts do not wait for each other; two requests for the same cart still do.",
)

scenario = Scenario(
    title="lock convoy",
    lesson="Hold a lock while you change state, not while you wait for somebody else.",
    look=(
        "The queue for one asyncio.Lock grows without end; the LOOP lane is idle.",
        "POST /cart/{n} takes 40 ms of work, and seconds of queueing.",
        "With a fix the queue is gone within a second.",
    ),
    link="https://github.com/vutran1710/PyrateLimiter/issues/301",
    router=router,
    fixes=[narrow, per_key],
    load=[Load("POST /cart/{n}", rps=30), Load("GET /ping", rps=20)],
    expect=[
        Expect("waiting_max asyncio.Lock", at_least=10),
        Expect("findings lock-convoy", at_least=1),
        Expect("p90_ms POST /cart/{n}", fix="narrow", at_most=0.3),
        Expect("findings lock-convoy", fix="narrow", at_most=0),
        Expect("p90_ms POST /cart/{n}", fix="per_key", at_most=0.3),
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
            await add(cart, await look_up())  # everybody waits while this one looks up


async def look_up() -> int:
    await asyncio.sleep(0.036)  # the price, from another service
    return 5


async def add(cart: int, price: int) -> None:
    total = carts[cart]
    await asyncio.sleep(0.004)  # the stock, for instance: the reason for the lock
    carts[cart] = total + price
