"""Orders for the accounting, written by one worker."""

import asyncio
import logging

from fastapi import APIRouter

router = APIRouter()
queue: asyncio.Queue[int] = asyncio.Queue(10)


async def work() -> None:
    """Export one order after the other; what cannot be exported is logged."""
    while True:
        number = await queue.get()
        await asyncio.sleep(0.005)
        if number % 20 == 19:
            logging.getLogger("shop").warning("order %s has no tax number", number)


@router.post("/exports/{number}")
async def export(number: int):
    await queue.put(number)
    return {"waiting": queue.qsize()}
