"""A stream of what was sold."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

router = APIRouter()
receipts = 0
sold = 0
SALE_S = 1.5
changed = asyncio.Condition()


async def events():
    """Three events, one for each sale."""
    for _ in range(3):
        seen = sold
        asyncio.get_running_loop().call_later(SALE_S, lambda: asyncio.ensure_future(sell()))
        async with changed:
            await changed.wait_for(lambda seen=seen: sold != seen)
        yield f"data: {sold}\n\n"


async def sell() -> None:
    """Something is sold."""
    global sold
    async with changed:
        sold += 1
        changed.notify_all()


@router.get("/sales")
async def sales():
    return StreamingResponse(events(), media_type="text/event-stream")
