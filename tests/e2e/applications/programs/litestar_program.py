"""Litestar: routes with parameters, validation, server-sent events, a WebSocket."""

import asyncio
from dataclasses import dataclass

import _log
from litestar import Litestar, Router, WebSocket, get, post, websocket
from litestar.exceptions import NotFoundException
from litestar.response import ServerSentEvent


@dataclass
class Order:
    article: str
    count: int


@get("/")
async def home() -> dict[str, int]:
    await asyncio.sleep(0.002)
    return {"a": 1}


@get("/{number:int}")
async def order(number: int) -> Order:
    if number > 100:
        raise NotFoundException
    return Order("pen", number)


@post("/")
async def make(data: Order) -> Order:
    return data


@get("/sync", sync_to_thread=True)
def in_thread() -> str:
    return "done"


@get("/events")
async def events() -> ServerSentEvent:
    async def parts():
        for n in range(5):
            await asyncio.sleep(0.01)
            yield str(n)

    return ServerSentEvent(parts())


@websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while (text := await socket.receive_text()) != "bye":
        await socket.send_text(text.upper())
    await socket.close()


async def ended() -> None:
    _log.log.info("lifespan is over")


orders = Router("/orders", route_handlers=[order, make])
app = Litestar([home, orders, in_thread, events, echo], on_shutdown=[ended])
