"""Work after `return` still blocks.

The endpoint only returns a list. But then FastAPI turns it into JSON, on the event loop: without a
return type it uses `jsonable_encoder`, pure Python, row by row. Some thousand rows block the loop
for 50 ms or more, although no line of the endpoint is slow.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, FastAPI, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter

from loopviz.parts.work import fastest_s
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario

router = APIRouter()


class Row(BaseModel):
    id: int
    name: str
    price: float
    changed: datetime
    tags: list[str]


BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ROWS: list[Row] = []
rows_adapter = TypeAdapter(list[Row])

page = Fix(
    key="page",
    title="return rows[:100]",
    why="Nobody reads thousands of rows: a page costs little, for the loop and for the client.",
    answers=("slow-callback",),
)
dump_json = Fix(
    key="dump_json",
    title="return Response(rows_adapter.dump_json(rows))",
    why="Pydantic writes the JSON in Rust; so does recent FastAPI if you declare `-> list[Row]`.",
    answers=("slow-callback",),
)
thread = Fix(
    key="thread",
    title="await asyncio.to_thread(jsonable_encoder, rows)",
    why="Pure Python in a thread still needs the GIL: the loop waits up to 5 ms for each turn.",
    wrong=True,
)


def row(n: int) -> Row:
    changed = BEGIN + timedelta(minutes=n)
    return Row(id=n, name=f"row {n}", price=n / 7, changed=changed, tags=["a", "b"])


@asynccontextmanager
async def lifespan(app: FastAPI):
    some = [row(n) for n in range(50)]
    seconds = fastest_s(lambda: jsonable_encoder(some))
    ROWS.extend(row(n) for n in range(int(50 * 0.045 / seconds)))  # 45 ms, however fast the machine
    yield


scenario = Scenario(
    title="a big response",
    group="what blocks the loop",
    symptom="One large response, and everybody waits",
    lesson="Work after return still blocks: the response is turned into JSON on the loop.",
    look=(
        "LOOP: red for 50 ms at each GET /rows, after the endpoint has returned.",
        "GET /ping waits for it, though no line of the endpoint is slow.",
        "With a page, or a serializer in Rust, the red is gone.",
    ),
    link="https://github.com/fastapi/fastapi/issues/1224",
    router=router,
    lifespan=lifespan,
    fixes=[page, dump_json, thread],
    load=[Load("GET /rows", rps=4, warm_up=True), Load("GET /ping", rps=20)],
    headline="p99_ms GET /ping",
    expect=[
        Expect("findings slow-callback", at_least=10),
        Expect("findings slow-callback", fix="page", at_most=0.3),
        Expect("findings slow-callback", fix="dump_json", at_most=0.3),
        Expect("p50_ms GET /rows", fix="thread", against="dump_json", at_least=3, why="the GIL"),
    ],
    question="GET /rows returns a list that is there already. What blocks the loop then?",
    answers=[
        Answer(
            "Sending the large response.",
            "The kernel sends it in the background; the loop only hands over the bytes.",
        ),
        Answer(
            "Building the rows.",
            "They were built once, when the app started.",
        ),
        Answer(
            "FastAPI, which turns each row into JSON, in Python.",
            "jsonable_encoder visits every field of every row, on the loop.",
            right=True,
            proof="findings slow-callback with dump_json",
        ),
    ],
)


@router.get("/rows")
async def rows():  # no return type: that is the bug
    if page.on:
        return ROWS[:100]
    if dump_json.on:
        return Response(rows_adapter.dump_json(ROWS), media_type="application/json")
    if thread.on:
        return await asyncio.to_thread(lambda: JSONResponse(jsonable_encoder(ROWS)))
    return ROWS
