"""Servers for clients to talk to: real sockets, and answers that take their time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

__all__ = ["serving", "serving_redis"]

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(seconds: float = 0.02) -> AsyncIterator[str]:
    """An HTTP server that takes its time and says 201. Yields its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(seconds)
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")

    async with _serving(answer) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def serving_redis(seconds: float = 0.02) -> AsyncIterator[str]:
    """A server that speaks RESP 2, and knows GET, which takes its time. Yields its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = []
        for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            words.append((await reader.readexactly(length + 2))[:-2])
        if words[0] == b"GET":
            await asyncio.sleep(seconds)
            writer.write(b"$2\r\nok\r\n")
        elif words[0] == b"HELLO":
            writer.write(b"-ERR unknown command\r\n")
        else:
            writer.write(b"+OK\r\n")

    async with _serving(answer) as port:
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def _serving(answer: Answer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.01)
