"""Somebody must own each task.

`create_task` returns at once, and the endpoint forgets the task. If it raises, nobody sees it, and
nobody tries again. The event loop holds only a weak reference: a task that waits for something that
nobody else holds is garbage, and disappears. And when the process ends, it is simply gone.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException

from loopviz.parts.celery import celery_worker
from loopviz.parts.mail import mail_server
from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

with suppress(ModuleNotFoundError):  # the fix `celery` needs `pip install "loopviz[celery]"`
    import _mails  # Celery's worker imports it, too

router = APIRouter()
server: tuple[str, int]
queue: asyncio.Queue[int]
tasks: set[asyncio.Task[None]] = set()
numbers = count()
refused: set[int] = set()
mails: set[int] = set()
accepted = Counter(key="accepted", title="orders accepted")
delivered = Counter(key="delivered", title="mails delivered")
missing = Counter(key="missing", title="orders without a mail, yet or for ever", bad=True)

background_tasks = Fix(
    key="background_tasks",
    title="background.add_task(deliver, order)",
    why="Starlette runs it after the response, in the request's own task: the server waits for it.",
)
workers = Fix(
    key="workers",
    title="queue.put_nowait(order), twenty workers, 503 when full",
    why="A bounded queue: so much work at a time, so much waiting, and no more.",
)
tracked = Fix(
    key="tracked",
    title="tasks.add(task); task.add_done_callback(tasks.discard)",
    why="The set holds the tasks, and the lifespan waits for them; what fails is tried again.",
)
celery = Fix(
    key="celery",
    title="await asyncio.to_thread(send_mail.delay, order)",
    why="Another process owns the job, and a broker keeps it: it outlives this one's end.",
    extra="celery",
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global server, queue
    queue = asyncio.Queue(maxsize=50)
    gc.set_threshold(500)  # a bigger app makes more garbage: collect as often as there
    with mail_server(take_mail) as server, celery_worker(Path(__file__).with_name("_mails.py")):
        crew = [asyncio.create_task(work()) for _ in range(20)]
        yield
        for worker in crew:
            worker.cancel()
        await asyncio.gather(*tasks, *crew, return_exceptions=True)


scenario = Scenario(
    title="fire and forget",
    lesson="Whoever makes a task must own it: hold it, look at its end, and wait for it.",
    look=(
        "Every response is a fast 202: no client can see that anything is wrong.",
        "accepted and delivered drift apart: exceptions nobody saw, tasks that disappeared.",
        "With an owner, the mails that the server refuses at first are tried again.",
    ),
    link="https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task",
    router=router,
    lifespan=lifespan,
    fixes=[background_tasks, workers, tracked, celery],
    counters=[accepted, delivered, missing],
    load=[Load("POST /orders", rps=40), Load("GET /ping", rps=20)],
    expect=[
        Expect("tasks lost", at_least=40),
        Expect("tasks never_retrieved", at_least=5),
        Expect("counter missing", at_least=60),
        Expect("tasks lost", fix="background_tasks", at_most=0),
        Expect("tasks outlived_parent", fix="background_tasks", at_most=0),
        Expect("counter missing", fix="background_tasks", at_most=0.4),
        Expect("tasks never_retrieved", fix="workers", at_most=0),
        Expect("counter missing", fix="workers", at_most=0.4),
        Expect("tasks lost", fix="tracked", at_most=0),
        Expect("tasks never_retrieved", fix="tracked", at_most=0),
        Expect("counter missing", fix="tracked", at_most=0.4),
        Expect("tasks never_retrieved", fix="celery", at_most=0),
        Expect("counter missing", fix="celery", at_most=0.4),
    ],
)


@router.post("/orders", status_code=202)
async def order(background: BackgroundTasks) -> dict[str, int]:
    number = next(numbers)
    if background_tasks.on:
        background.add_task(deliver, number)
    elif workers.on:
        try:
            queue.put_nowait(number)
        except asyncio.QueueFull:
            raise HTTPException(503, "too many orders") from None
    elif tracked.on:
        task = asyncio.create_task(deliver(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    elif celery.on:
        await asyncio.to_thread(_mails.send_mail.delay, server, number)  # it blocks on the broker
    else:
        asyncio.create_task(send_mail(number))  # nobody holds it, nobody looks
    accepted.value += 1
    missing.value = accepted.value - delivered.value
    return {"accepted": number}


async def work() -> None:
    while True:
        await deliver(await queue.get())


async def deliver(number: int) -> None:
    while True:
        try:
            return await send_mail(number)
        except ConnectionError:
            await asyncio.sleep(0.2)


async def send_mail(number: int) -> None:
    reader, writer = await asyncio.open_connection(*server)
    try:
        await reader.readline()  # "220 ready", after a while
        writer.write(b"%d\n" % number)
        reply = await reader.readline()
    finally:
        writer.close()
    if not reply.startswith(b"250"):
        raise ConnectionError(f"mail for order {number} refused: {reply.decode().strip()}")


def take_mail(number: int) -> bool:
    """Called by the mail server, which refuses each eighth mail once, as greylisting does."""
    if number % 8 == 7 and number not in refused:
        refused.add(number)
        return False
    mails.add(number)
    delivered.value = len(mails)
    missing.value = accepted.value - delivered.value
    return True
