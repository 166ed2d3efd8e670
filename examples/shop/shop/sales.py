"""A stream of what was sold."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

router = APIRouter()
receipts = 0
sold = 0
SALE_S = 1.5


async def events():
    """Three events, one for each sale."""
    global sold
    seen, told = sold, 0
    asyncio.get_running_loop().call_later(SALE_S, sell)
    while told < 3:
        if sold == seen:
            await asyncio.sleep(0)  # fault: it asks again and again instead of waiting
            continue
        seen = sold
        told += 1
        asyncio.get_running_loop().call_later(SALE_S, sell)
        yield f"data: {seen}\n\n"


def sell() -> None:
    """Something is sold."""
    global sold
    sold += 1


@router.get("/sales")
async def sales():
    return StreamingResponse(events(), media_type="text/event-stream")
