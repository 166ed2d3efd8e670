"""What the supplier asks for an item."""

import asyncio

from fastapi import APIRouter, HTTPException, Request

router = APIRouter()
slots = asyncio.Semaphore(8)
"""The supplier allows so many calls at a time."""


@router.get("/prices/{item}")
async def price(item: int, request: Request):
    await slots.acquire()
    answer = await request.app.state.supplier.get(f"/items/{item}")
    if answer.status_code != 200:
        raise HTTPException(404)  # fault: the slot is not released
    slots.release()
    return answer.json()


@router.get("/stock/{item}")
async def stock(item: int, request: Request):
    client = request.app.state.supplier
    # fault: whoever streams must close: the connection stays taken
    answer = await client.send(client.build_request("GET", f"/items/{item * 5 + 1}"), stream=True)
    return {"in_stock": answer.status_code == 200}
