"""Cancellation is opt-in in FastAPI, and then the write must be protected.

When a client leaves, its handler runs on to the end, for nobody. A middleware can cancel it; but a
cancellation strikes at any `await`, also between the two halves of a write. So cancel what is only
work, and shield what changes something, or change it in one step.
"""

import asyncio
from collections import defaultdict
from itertools import count

import anyio
from fastapi import APIRouter, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

router = APIRouter()
numbers = count()
locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
done = Counter(key="done", title="transfers made")
ghosts = Counter(key="ghosts", title="made for a client that had left", bad=True)
lost = Counter(key="lost", title="debited, but not credited", bad=True)

at_end = Fix(
    key="at_end",
    title="cancel at disconnect; write at the end, in one step",
    why="Without an await between its halves a write is made or not made: a transaction.",
)
shield = Fix(
    key="shield",
    title="cancel at disconnect; with CancelScope(shield=True): await write()",
    why="The work is cut off, the write is not: once begun, it is finished.",
)
cancel = Fix(
    key="cancel",
    title="cancel at disconnect",
    why="No more work for nobody, but a write is cut in half: debited, never credited.",
    wrong=True,
)
base_http = Fix(
    key="base_http",
    title="add_middleware(BaseHTTPMiddleware, ...)",
    why="It hides the disconnect from is_disconnected(): no ghosts are seen, and all are served.",
    wrong=True,
)


class WhenLeft:
    """Around the app: what happens to a request whose client has left."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.base_http = BaseHTTPMiddleware(app, dispatch=lambda request, next_: next_(request))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if base_http.on:
            await self.base_http(scope, receive, send)
        elif scope["type"] == "http" and (at_end.on or shield.on or cancel.on):
            async with anyio.create_task_group() as tasks:

                async def handle() -> None:
                    await self.app(scope, receive, send)
                    tasks.cancel_scope.cancel()

                tasks.start_soon(handle)
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()
        else:
            await self.app(scope, receive, send)


scenario = Scenario(
    title="the client leaves",
    lesson="Cancellation is opt-in in FastAPI; whoever opts in has to protect the write.",
    look=(
        "Half of the clients leave: their requests run on for nobody, as ghosts.",
        "Cancelled at disconnect the ghosts are gone, and money is lost half-way.",
        "Written in one step, or shielded: no work for nobody, and nothing is lost.",
    ),
    link="https://github.com/fastapi/fastapi/issues/3766",
    router=router,
    middleware=[WhenLeft],
    fixes=[at_end, shield, cancel, base_http],
    counters=[done, ghosts, lost],
    load=[
        Load("POST /transfers", rps=40, leaves=0.5, leaves_within_s=0.4),
        Load("GET /ping", rps=20),
    ],
    expect=[
        Expect("counter ghosts", at_least=50),
        Expect("findings cancelled-mid-write", at_least=1),
        Expect("counter lost", at_most=10, why="all is done, if for nobody"),
        Expect("counter ghosts", fix="at_end", at_most=0.1),
        Expect("counter lost", fix="at_end", against=None, at_most=0),
        Expect("findings cancelled-mid-write", fix="at_end", at_most=0),
        Expect("counter ghosts", fix="shield", at_most=0.5),
        Expect("counter lost", fix="shield", against=None, at_most=10),
        Expect("counter lost", fix="cancel", against=None, at_least=15, why="cut in half"),
        Expect("counter ghosts", fix="base_http", at_most=0.1, why="it does not see them"),
        Expect("counter done", fix="base_http", against="at_end", at_least=1.2, why="it made them"),
    ],
)


@router.post("/transfers")
async def transfer(request: Request) -> dict[str, int]:
    number = next(numbers)
    await asyncio.sleep(0.3)  # a service looks for fraud
    if at_end.on:
        await asyncio.sleep(0.1)  # the other bank agrees
        lost.value += 1  # debited
        lost.value -= 1  # credited
    elif shield.on:
        with anyio.CancelScope(shield=True):
            await write(account=number % 100)
    else:
        await write(account=number % 100)
    done.value += 1
    ghosts.value += await request.is_disconnected()
    return {"transfer": number}


async def write(account: int) -> None:
    async with locks[account]:
        lost.value += 1  # debited
        await asyncio.sleep(0.1)
        lost.value -= 1  # credited
