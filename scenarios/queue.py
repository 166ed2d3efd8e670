"""An unbounded queue hides that you are too slow.

The endpoint accepts 80 events per second, the consumer handles 50. Every response is an immediate
`202`, so nobody notices; the queue grows by 30 events per second, and with it the memory and the
delay of each event, until the process is killed and the whole queue is lost.
"""

import asyncio
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, HTTPException

from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
events: asyncio.Queue[int] = asyncio.Queue()
bounded: asyncio.Queue[int] = asyncio.Queue(maxsize=20)
accepted = Counter("accepted", "events accepted")
handled = Counter("handled", "handled")
refused = Counter("refused", "refused")

shed = Fix(
    key="shed",
    title="Queue(maxsize=20), queue.put_nowait(...), 503 when full",
    why="An event that cannot be handled soon is refused at once, and its sender knows.",
    answers=("unbounded-growth",),
)
back_pressure = Fix(
    key="maxsize",
    title="Queue(maxsize=20), async with timeout(0.5): await queue.put(...)",
    why="A full queue makes the sender wait, half a second at most: that is back-pressure.",
    answers=("unbounded-growth",),
)
more_consumers = Fix(
    key="consumers",
    title="three consumers instead of one",
    why="Enough for this load; without a bound, the queue grows again at the next peak.",
    answers=("unbounded-growth",),
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    consumers = [asyncio.create_task(consume(queue)) for queue in (events, bounded)]
    consumers += [asyncio.create_task(consume(events, helper=True)) for _ in range(2)]
    yield
    for consumer in consumers:
        consumer.cancel()


scenario = Scenario(
    title="a queue that only grows",
    group="doing things at once",
    symptom="Memory grows until the process is killed",
    lesson="Back-pressure is a feature: a queue needs a bound, and a plan for when it is full.",
    look=(
        "accepted and handled drift apart: 80 in, 50 out.",
        "Queue: its length only grows, while every response is a fast 202.",
        "With a bound it stays at 20: the surplus waits or is refused.",
    ),
    link="https://github.com/HKUDS/nanobot/issues/4780",
    router=router,
    lifespan=lifespan,
    fixes=[shed, back_pressure, more_consumers],
    counters=[accepted, handled, refused],
    load=[Load("POST /events", rps=80), Load("GET /ping", rps=20)],
    headline="in_use asyncio.Queue",
    expect=[
        Expect("findings unbounded-growth", at_least=1),
        Expect("errors POST /events", at_most=0.01, why="nobody notices"),
        Expect("in_use_max asyncio.Queue", fix="shed", at_most=0.3),
        Expect("counter refused", fix="shed", against=None, at_least=60),
        Expect("in_use_max asyncio.Queue", fix="maxsize", at_most=0.3),
        Expect("p50_ms POST /events", fix="maxsize", against="shed", at_least=5, why="waits"),
        Expect("in_use_max asyncio.Queue", fix="consumers", at_most=0.3),
    ],
    question="More events come in than the consumer can handle. How will this go on?",
    answers=[
        Answer(
            "Well: absorbing that is what a queue is for.",
            "A queue absorbs a burst, but this load does not end: each event waits longer.",
        ),
        Answer(
            "The queue grows until the process is killed.",
            "A queue without a bound never tells anybody to stop.",
            right=True,
            proof="findings unbounded-growth",
        ),
        Answer(
            "POST /events becomes slow, and clients notice.",
            "put_nowait never waits: to its clients everything looks fine to the end.",
        ),
    ],
)


@router.post("/events", status_code=202)
async def take():
    try:
        if shed.on:
            bounded.put_nowait(accepted.value)
        elif back_pressure.on:
            async with asyncio.timeout(0.5):
                await bounded.put(accepted.value)
        else:
            events.put_nowait(accepted.value)
        accepted.value += 1
    except (asyncio.QueueFull, TimeoutError):
        refused.value += 1
        raise HTTPException(503, "too many events") from None


async def consume(queue: asyncio.Queue[int], *, helper: bool = False) -> None:
    while True:
        if helper and not more_consumers.on:
            await asyncio.sleep(0.2)
        else:
            await queue.get()
            await asyncio.sleep(0.02)  # stores it elsewhere: 50 per second
            handled.value += 1
