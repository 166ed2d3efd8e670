"""Quart: routes, a streamed response, a WebSocket."""

import asyncio

import _log
from quart import Quart, request, websocket

app = Quart(__name__)


@app.get("/")
async def home():
    await asyncio.sleep(0.002)
    return {"a": 1}


@app.get("/orders/<int:number>")
async def order(number: int):
    return {"order": number} if number < 100 else ({"error": "none"}, 404)


@app.post("/orders")
async def make():
    return await request.get_json()


@app.get("/sync")
def in_thread():
    return "done"


@app.get("/events")
async def events():
    async def parts():
        for n in range(5):
            await asyncio.sleep(0.01)
            yield f"data: {n}\n\n".encode()

    return parts(), {"content-type": "text/event-stream"}


@app.websocket("/echo")
async def echo():
    while (text := await websocket.receive()) != "bye":
        await websocket.send(text.upper())


@app.after_serving
async def ended():
    _log.log.info("lifespan is over")
