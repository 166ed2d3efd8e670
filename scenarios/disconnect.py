"""Cancellation is opt-in in FastAPI; once you opt in, protect the write.

When a client leaves, its handler runs on to the end, for nobody. A middleware can cancel it, but
the cancellation can strike at any `await`, even between the two halves of a write. So shield the
write, or make it in one step.
"""

import asyncio
from collections import defaultdict

import anyio
from fastapi import APIRouter, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

router = APIRouter()
locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
ghosts = Counter("ghosts", "orphaned requests", bad=True)
lost = Counter("lost", "half-written transfers", bad=True)

at_end = Fix(
    key="at_end",
    title="cancel at disconnect; write at the end, in one step",
    why="With no await between its halves, a write happens whole or not at all: a transaction.",
    answers=("cancelled-mid-write",),
)
shield = Fix(
    key="shield",
    title="cancel at disconnect; with CancelScope(shield=True): await write()",
    why="The work is cancelled, the write is not: once begun, it completes.",
    answers=("cancelled-mid-write",),
)
cancel = Fix(
    key="cancel",
    title="cancel at disconnect",
    why="No more wasted work, but writes are cut in half: debited, never credited.",
    wrong=True,
)
base_http = Fix(
    key="base_http",
    title="add_middleware(BaseHTTPMiddleware, ...)",
    why="It hides the disconnect from is_disconnected(): orphans go unseen, and all are served.",
    wrong=True,
)


def when_left(app: ASGIApp) -> ASGIApp:
    hiding = BaseHTTPMiddleware(app, lambda request, call_next: call_next(request))

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        async def handle() -> None:
            await app(scope, receive, send)
            tasks.cancel_scope.cancel()  # stop waiting for a disconnect

        if base_http.on:
            await hiding(scope, receive, send)
        elif scope["type"] == "http" and (at_end.on or shield.on or cancel.on):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(handle)
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()
        else:
            await app(scope, receive, send)

    return middleware


scenario = Scenario(
    title="the user has left",
    group="pools and clients",
    symptom="Clients that left early still cost work, and some writes stop half-way",
    lesson="Cancellation is opt-in in FastAPI; once you opt in, protect the write.",
    look=(
        "Half of the clients leave: their requests run on for nobody, orphaned.",
        "Cancelled at disconnect, no request is orphaned, but transfers stop half-way.",
        "Written in one step, or shielded: no wasted work, and nothing is lost.",
    ),
    link="https://github.com/fastapi/fastapi/issues/3766",
    router=router,
    middleware=[when_left],
    fixes=[at_end, shield, cancel, base_http],
    counters=[ghosts, lost],
    zoom_ms=50,
    load=[Load("POST /transfers/{n}", rps=40, leaves=0.5), Load("GET /ping", rps=20)],
    headline="counter ghosts",
    expect=[
        Expect("counter ghosts", at_least=40),
        Expect("counter ghosts", fix="at_end", at_most=0.1),
        Expect("counter lost", fix="at_end", against=None, at_most=0),
        Expect("counter ghosts", fix="shield", at_most=0.5),
        Expect("counter lost", fix="shield", against=None, at_most=4),
        Expect("counter lost", fix="cancel", against=None, at_least=8, why="cut in half"),
        Expect("counter ghosts", fix="base_http", at_most=0.1, why="it does not see them"),
        Expect("findings cancelled-mid-write", fix="base_http", at_least=0.5, why="it has them"),
    ],
    question="Half of the clients leave early. What becomes of their requests?",
    answers=[
        Answer(
            "They are cancelled, since nobody is there any more.",
            "Neither FastAPI nor the server cancels a handler: you have to ask for it.",
        ),
        Answer(
            "They fail when they try to respond.",
            "A response to a client that has left is dropped, without an error.",
        ),
        Answer(
            "They run to the end, for nobody.",
            "A handler does not notice that its client has left, unless it asks.",
            right=True,
            proof="counter ghosts with shield",
        ),
    ],
)


@router.post("/transfers/{number}")
async def transfer(number: int, request: Request):
    await asyncio.sleep(0.3)  # a fraud check
    if at_end.on:
        await asyncio.sleep(0.1)  # the other bank confirms
        lost.value += 1  # debited
        lost.value -= 1  # credited
    elif shield.on:
        with anyio.CancelScope(shield=True):
            await write(account=number % 100)
    else:
        await write(account=number % 100)
    if await request.is_disconnected():
        await asyncio.sleep(0.01)  # where it is cancelled if its client left just now
        ghosts.value += 1


async def write(account: int) -> None:
    async with locks[account]:
        lost.value += 1  # debited
        await asyncio.sleep(0.1)
        lost.value -= 1  # credited
