"""What the supplier asks for an item."""

import asyncio

from fastapi import APIRouter, HTTPException, Request

router = APIRouter()
slots = asyncio.Semaphore(8)
"""The supplier allows so many calls at a time."""


@router.get("/prices/{item}")
async def price(item: int, request: Request):
    async with slots:
        answer = await request.app.state.supplier.get(f"/items/{item}")
    if answer.status_code != 200:
        raise HTTPException(404)
    return answer.json()


@router.get("/stock/{item}")
async def stock(item: int, request: Request):
    client = request.app.state.supplier
    async with client.stream("GET", f"/items/{item * 5 + 1}") as answer:
        await answer.aread()
    return {"in_stock": answer.status_code == 200}
