"""Orders for the accounting, written by one worker."""

import asyncio

from fastapi import APIRouter

router = APIRouter()
queue: asyncio.Queue[int] = asyncio.Queue(10)


async def work() -> None:
    """Export one order after the other."""
    # fault: the first order that cannot be exported ends the worker, and nobody notices
    while True:
        number = await queue.get()
        await asyncio.sleep(0.005)
        if number % 20 == 19:
            raise ValueError(f"order {number} has no tax number")


@router.post("/exports/{number}")
async def export(number: int):
    await queue.put(number)
    return {"waiting": queue.qsize()}
