"""Every task needs an owner.

`create_task` returns at once, and nothing checks on the task again: if it raises, nobody sees it.
And the loop keeps only a weak reference: a task can be garbage-collected while it waits.
"""

import asyncio
import gc
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException

from loopviz.parts.celery import celery_worker
from loopviz.parts.mail import mail_server, send_mail
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

with suppress(ModuleNotFoundError):  # the fix `celery` needs `pip install "loopviz[celery]"`
    import _mails  # Celery's worker imports it, too

router = APIRouter()
server: tuple[str, int]
queue: asyncio.Queue[int] = asyncio.Queue(maxsize=50)
tasks: set[asyncio.Task[None]] = set()
mails: set[int] = set()
accepted = Counter("accepted", "orders accepted")
delivered = Counter("delivered", "mails delivered")
missing = Counter("missing", "mails missing", bad=True)

background_tasks = Fix(
    key="background_tasks",
    title="background.add_task(deliver, order)",
    why="Starlette runs it after the response, in the request's own task: the server waits for it.",
    answers=("task-lost", "task-outlived-parent", "task-never-retrieved"),
)
workers = Fix(
    key="workers",
    title="queue.put_nowait(order), twenty workers, 503 when full",
    why="A bounded queue: twenty deliveries run, fifty wait, and further orders are refused.",
    answers=("task-lost", "task-outlived-parent", "task-never-retrieved"),
)
tracked = Fix(
    key="tracked",
    title="tasks.add(task); task.add_done_callback(tasks.discard)",
    why="The set keeps the tasks alive, and the lifespan awaits them; failed mails are retried.",
    answers=("task-lost", "task-outlived-parent", "task-never-retrieved", "worker-died"),
)
celery = Fix(
    key="celery",
    title="await asyncio.to_thread(send_mail.delay, order)",
    why="Another process runs the job and a broker stores it, so it survives the end of this one.",
    extra="celery",
    answers=("task-lost", "task-outlived-parent", "task-never-retrieved"),
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global server
    gc.set_threshold(500)  # a bigger app makes more garbage: collect as often as it would
    with mail_server(on_mail) as server, celery_worker(Path(__file__).with_name("_mails.py")):
        crew = [asyncio.create_task(work()) for _ in range(20)]
        yield
        for worker in crew:
            worker.cancel()
        await asyncio.gather(*tasks, *crew, return_exceptions=True)


scenario = Scenario(
    title="fire and forget",
    group="doing things at once",
    symptom="Work is accepted and never done, and no error appears",
    lesson="Whoever creates a task owns it: keep a reference, check its result, and await it.",
    look=(
        "Every response is a fast 202: no client can see that anything is wrong.",
        "Mails are missing: exceptions that nobody saw, tasks that vanished.",
        "With an owner, mails that the server refuses at first are retried.",
    ),
    link="https://github.com/BerriAI/litellm/issues/5559",
    router=router,
    lifespan=lifespan,
    fixes=[background_tasks, workers, tracked, celery],
    counters=[accepted, delivered, missing],
    zoom_ms=50,
    load=[Load("POST /orders", rps=40), Load("GET /ping", rps=20)],
    headline="counter missing",
    expect=[
        Expect("tasks lost", at_least=40),
        Expect("tasks never_retrieved", at_least=5),
        Expect("counter missing", fix="background_tasks", at_most=0.4),
        Expect("counter missing", fix="workers", at_most=0.4),
        Expect("counter missing", fix="tracked", at_most=0.4),
        Expect("counter missing", fix="celery", at_most=0.4),
    ],
    question="Every order is accepted with a 202. Why are mails missing?",
    answers=[
        Answer(
            "The response ends the request, and that cancels its tasks.",
            "A task made by create_task is independent of the request that made it.",
        ),
        Answer(
            "The server cannot deliver mails that fast.",
            "It refuses some at first, and takes them from those who ask again.",
        ),
        Answer(
            "Nobody owns the tasks: they fail, or vanish, unseen.",
            "The loop keeps weak references only, and an exception is seen by who awaits the task.",
            right=True,
            proof="counter missing with tracked",
        ),
    ],
)


@router.post("/orders", status_code=202)
async def order(background: BackgroundTasks):
    if workers.on and queue.full():
        raise HTTPException(503, "too many orders")
    accepted.value = number = accepted.value + 1
    if background_tasks.on:
        background.add_task(deliver, number)
    elif workers.on:
        queue.put_nowait(number)
    elif tracked.on:
        task = asyncio.create_task(deliver(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    elif celery.on:
        await asyncio.to_thread(_mails.send_mail.delay, server, number)  # it blocks on the broker
    else:
        asyncio.create_task(send_mail(server, number))  # no reference is kept, no result checked


async def work() -> None:
    while True:
        await deliver(await queue.get())


async def deliver(number: int) -> None:
    while True:
        try:
            return await send_mail(server, number)
        except ConnectionError:  # refused for now: the mail server accepts it later
            await asyncio.sleep(0.2)


def on_mail(number: int) -> None:
    mails.add(number)  # Celery may send one twice
    delivered.value = len(mails)
    missing.value = accepted.value - delivered.value
