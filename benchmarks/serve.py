"""A FastAPI app for `request.py` that puts the probe in and takes it out again, a window at a time.

Prints its port, measures once a line comes on its standard input, and prints what it found as JSON:
`python`, its version, and `pairs`, CPU nanoseconds of the process per request, bare and probed.
"""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import httpx
import uvloop
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from loopviz.lab.target.server import Server, new_loop
from loopviz.listener import listen
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests

PAIRS, WINDOW_S = 40, 0.2

app = FastAPI()


@app.get("/noop")
async def noop() -> dict[str, bool]:
    return {"ok": True}


@app.get("/yield10")
async def yield10() -> dict[str, bool]:
    for _ in range(10):
        await asyncio.sleep(0)
    return {"ok": True}


gate = asyncio.Semaphore(10)
database = tempfile.TemporaryDirectory()
engine = create_async_engine(f"sqlite+aiosqlite:///{database.name}/bench.db")
client: httpx.AsyncClient


@app.get("/all")
async def everything() -> dict[str, int]:
    """A semaphore, a database connection, an outbound call."""
    async with gate:
        async with engine.connect() as connection:
            one = (await connection.execute(text("select 1"))).scalar_one()
        reply = await client.get("/")
    return {"sum": one + reply.status_code}


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    writer.close()


def _serve_upstream() -> None:
    """The second server, in a process of its own: only the watched one's CPU is counted."""

    async def serve() -> None:
        server = await asyncio.start_server(_upstream, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(serve())


class Switch:
    """An ASGI app that is one of two, and counts the requests."""

    def __init__(self) -> None:
        self.app: Any = app
        self.count = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.count += 1
        await self.app(scope, receive, send)


async def _window(switch: Switch) -> float:
    await asyncio.sleep(0.02)  # let what was under way end
    count, cpu = switch.count, time.process_time_ns()
    await asyncio.sleep(WINDOW_S)
    return (time.process_time_ns() - cpu) / max(switch.count - count, 1)


async def _measure(switch: Switch) -> list[tuple[float, float]]:
    pairs = []
    for _ in range(PAIRS):
        bare = await _window(switch)
        probe = install()
        switch.app = watch_requests(app, probe.hooks)
        probed = await _window(switch)
        switch.app = app
        probe.uninstall()
        shutil.rmtree(probe.folder)
        pairs.append((bare, probed))
    return pairs


async def main() -> None:
    global client  # noqa: PLW0603
    upstream = subprocess.Popen(
        [sys.executable, __file__, "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{int(upstream.stdout.readline())}")
    switch, listener, loop = Switch(), listen(0), asyncio.get_running_loop()
    server = Server(switch, lambda: print(listener.getsockname()[1], flush=True))

    async def run() -> None:
        pairs = await _measure(switch)
        print(json.dumps({"python": sys.version.split()[0], "pairs": pairs}), flush=True)
        server.should_exit = True

    def start() -> None:
        sys.stdin.readline()
        asyncio.run_coroutine_threadsafe(run(), loop)

    threading.Thread(target=start, daemon=True).start()
    await server.serve(sockets=[listener])
    upstream.kill()
    upstream.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        _serve_upstream()
        sys.exit()
    factory = uvloop.new_event_loop if sys.argv[1:] == ["uvloop"] else new_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
