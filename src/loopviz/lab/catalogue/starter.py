"""Work that is worth a thread: a password hash.

A scenario is an ordinary FastAPI module: a bug, its fixes, a load that shows the difference, and
claims that are checked. Here, `POST /login` hashes the password on the event loop: that is tens of
milliseconds in which nobody else is served. `hashlib` lets go of the GIL, so a thread helps.

Change it as you like: R in the terminal restarts it.
"""

import asyncio
import hashlib

from fastapi import APIRouter

from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

router = APIRouter()

# A fix is a toggle. An endpoint asks whether it is `on`; the person at the terminal flips it.
# Fixes are alternatives, one at a time; `adds=True` is for one that is used together with others.
to_thread = Fix(
    key="to_thread",
    title="await asyncio.to_thread(hash_password)",
    why="The hash takes as long, but in a thread: the loop serves the others.",
    answers=("slow-callback",),  # the rules for whose findings it is suggested
)
# A wrong one is worth trying, too: it looks right but is not.
coroutine = Fix(
    key="coroutine",
    title="await a coroutine that hashes",
    why="async def alone makes nothing concurrent: without an await it runs in one go.",
    wrong=True,
)
# Whatever you count is shown live. With `bad=True` it is something that ought to stay 0.
logins = Counter("logins", "people logged in")

scenario = Scenario(
    title="a hash on the loop",
    lesson="A call that takes long belongs in a thread, if it lets go of the GIL.",  # one sentence
    look=(  # up to three lines: what to watch
        "LOOP: solid while POST /login hashes.",
        "GET /ping has nothing to do, and waits.",
        "With to_thread both are calm, and as many people log in.",
    ),
    link="https://docs.python.org/3/library/hashlib.html",  # where real people meet it
    router=router,
    fixes=[to_thread, coroutine],  # keys a and b; the best one first
    counters=[logins],
    load=[Load("POST /login", rps=8), Load("GET /ping", rps=20)],
    headline="p99_ms GET /ping",  # what is judged first after a key; less is better
    expect=[  # of the bug, then of each fix against it: `docs/scenarios.md` has examples
        Expect("findings slow-callback", at_least=10),
        Expect("findings slow-callback", fix="to_thread", at_most=0.2),
        Expect("findings slow-callback", fix="coroutine", at_least=0.5, why="nothing is gained"),
        Expect("counter logins", fix="to_thread", at_least=0.9),
    ],
)


# The bug and its fixes stand side by side: the screen shows which branch runs. `GET /ping` is
# there by itself.
@router.post("/login")
async def login() -> dict[str, bool]:
    if to_thread.on:
        await asyncio.to_thread(hash_password)
    elif coroutine.on:
        await hash_in_coroutine()
    else:
        hash_password()
    logins.value += 1
    return {"welcome": True}


async def hash_in_coroutine() -> None:
    hash_password()


def hash_password() -> None:
    hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", iterations=250_000)
