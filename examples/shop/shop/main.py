"""The app: its routes, and what lives as long as it does."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from shop import accounts, database, exports, orders, prices, sales, supplier


@asynccontextmanager
async def lifespan(app: FastAPI):
    await database.create()
    async with (
        supplier.serving() as url,
        httpx2.AsyncClient(base_url=url, limits=httpx2.Limits(max_connections=4)) as client,
    ):
        app.state.supplier = client
        worker = asyncio.create_task(exports.work(), name="exports")
        yield
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    await database.engine.dispose()


app = FastAPI(title="shop", lifespan=lifespan)
for part in (accounts, exports, orders, prices, sales):
    app.include_router(part.router)
