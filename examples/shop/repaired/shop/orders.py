"""Placing orders."""

import asyncio

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shop import database, sales

router = APIRouter()


async def audit(session: AsyncSession, entry: str) -> None:
    """Write to the audit log."""
    await session.execute(text("SELECT 1"))
    await session.execute(text("SELECT :entry"), {"entry": entry})


async def send_receipt(item: int) -> None:
    """Tell the customer."""
    sales.receipts += 1


@router.post("/orders/{item}")
async def order(item: int):
    async with database.sessions() as session:
        await session.execute(text("SELECT :item"), {"item": item})
        await asyncio.sleep(0.2)  # the payment service takes its time
        await audit(session, f"ordered {item}")
    return {"item": item}


@router.post("/orders/{item}/receipt")
async def receipt(item: int):
    await send_receipt(item)
    return {"item": item}
