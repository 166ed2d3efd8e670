"""Setup blocks, too.

`httpx.AsyncClient()` looks cheap. But it builds an SSL context, for which it reads and parses
every trusted certificate authority: some twenty milliseconds of work on the loop, even if it
then talks plain HTTP. Once at start-up that does not matter; once per request it does.
And a client that is thrown away takes its open connections with it.
"""

import ssl
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI

from loopviz.parts.upstream import upstream
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()
url = ""
client: httpx.AsyncClient
context: ssl.SSLContext

shared = Fix(
    key="shared",
    title="one shared client, created in the lifespan",
    why="It is set up once, and its connections stay open for reuse.",
    answers=("client-per-request", "slow-callback"),
)
shared_context = Fix(
    key="shared_context",
    title="httpx.AsyncClient(verify=context)",
    why="The expensive part is built once; each client still opens its own connection.",
    answers=("slow-callback",),
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    global url, client, context
    context = httpx.create_ssl_context()
    async with upstream(delay_s=0.05) as url, httpx.AsyncClient(verify=context) as client:
        yield


scenario = Scenario(
    title="a new HTTP client each time",
    group="pools and clients",
    symptom="Each outbound call costs CPU before it is even sent",
    lesson="Creating an HTTP client blocks the loop: create one, and share it.",
    look=(
        "LOOP: a block for every GET /weather, before it awaits anything.",
        "GET /ping makes no calls, yet now and then waits for such a block.",
        "With one shared client the blocks are gone, and the loop is almost idle.",
    ),
    link="https://github.com/encode/httpx/issues/2298",
    router=router,
    lifespan=lifespan,
    fixes=[shared, shared_context],
    load=[Load("GET /weather", rps=6, warm_up=True), Load("GET /ping", rps=20)],
    headline="utilization",
    expect=[
        Expect("findings client-per-request", at_least=20),
        Expect("utilization", fix="shared", at_most=0.5),
        Expect("findings client-per-request", fix="shared", at_most=0),
        Expect("utilization", fix="shared_context", at_most=0.6),
        Expect("findings client-per-request", fix="shared_context", at_least=0.9),
    ],
    question="GET /weather makes one call. What blocks the loop before that call?",
    answers=[
        Answer(
            "Creating the client: it loads all trusted certificates.",
            "httpx.AsyncClient() builds an SSL context, even if it then talks plain HTTP.",
            right=True,
            proof="findings client-per-request with shared",
        ),
        Answer(
            "Looking up the name of the host.",
            "The host is 127.0.0.1: there is no name to look up.",
        ),
        Answer(
            "Connecting to the service.",
            "Connecting is awaited: meanwhile the loop serves others.",
        ),
    ],
)


@router.get("/weather")
async def weather() -> dict[str, int]:
    if shared.on:
        response = await client.get(f"{url}/weather")
    elif shared_context.on:
        async with httpx.AsyncClient(verify=context) as own:
            response = await own.get(f"{url}/weather")
    else:
        async with httpx.AsyncClient() as own:
            response = await own.get(f"{url}/weather")
    return response.json()
