"""The picture of a scenario file, for the diagnosis panel."""

import asyncio
import time

from fastapi import APIRouter

router = APIRouter()


@router.get("/report")
async def report():
    time.sleep(0.05)
    return {"rows": 5}


@router.get("/quick")
async def quick():
    await asyncio.sleep(0.05)
