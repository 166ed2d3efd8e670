"""The supplier's server, which answers after 20 ms, and does not know every fifth item."""

import asyncio
import json
from contextlib import asynccontextmanager

ANSWER_S = 0.02


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(ANSWER_S)
            number = int(request.split(b" ", 2)[1].rpartition(b"/")[2] or 0)
            status = b"200 OK" if number % 5 else b"404 Not Found"
            body = json.dumps({"price": 100 + number}).encode()
            head = b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
            writer.write(head + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def serving():
    """Serve on a free port of this machine; yields the address."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
