"""An app for `request.py`; the probe goes into its loop and out again, a window at a time.

`serve.py LOOP [FRAMEWORK]`: on `asyncio` or `uvloop`; a FastAPI app, or `/noop` of `frameworks`.

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

from benchmarks import frameworks
from loopviz.lab.target.server import Server, new_loop
from loopviz.listener import listen
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.servers import servers

PAIRS, WINDOW_S = 40, 0.4
SETTLE_S = 0.4
"""Not counted after each change: the interpreter specializes its bytecode anew."""

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

    def __init__(self, app: Any) -> None:
        self.bare = self.app = app
        self.count = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.count += 1
        await self.app(scope, receive, send)

    def watch(self, probe: Any) -> None:
        self.app = watch_requests(self.bare, probe.hooks)

    def unwatch(self) -> None:
        self.app = self.bare


class Patched:
    """aiohttp.web's, whose protocol is patched instead."""

    def __init__(self) -> None:
        self._patches = SharedPatches(servers(lambda *_: None))

    @property
    def count(self) -> int:
        return frameworks.served.requests

    def watch(self, _probe: Any) -> None:
        self._patches.watch()

    def unwatch(self) -> None:
        self._patches.unwatch()


async def _window(switch: Switch | Patched) -> float:
    await asyncio.sleep(SETTLE_S)
    count, cpu = switch.count, time.process_time_ns()
    await asyncio.sleep(WINDOW_S)
    return (time.process_time_ns() - cpu) / max(switch.count - count, 1)


async def _measure(switch: Switch | Patched) -> list[tuple[float, float]]:
    pairs = []
    for _ in range(PAIRS):
        bare = await _window(switch)
        probe = install()
        switch.watch(probe)
        probed = await _window(switch)
        switch.unwatch()
        probe.uninstall()
        shutil.rmtree(probe.folder)
        pairs.append((bare, probed))
    return pairs


async def main(framework: str) -> None:
    global client  # noqa: PLW0603
    upstream = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serve", "upstream"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{int(upstream.stdout.readline())}")
    listener, loop, over = listen(0), asyncio.get_running_loop(), asyncio.Event()
    switch: Switch | Patched = (
        Patched()
        if framework == "aiohttp"
        else Switch(app if framework == "fastapi" else frameworks.app(framework))
    )

    def started() -> None:
        print(listener.getsockname()[1], flush=True)

    async def run() -> None:
        pairs = await _measure(switch)
        print(json.dumps({"python": sys.version.split()[0], "pairs": pairs}), flush=True)
        over.set()

    def start() -> None:
        sys.stdin.readline()
        asyncio.run_coroutine_threadsafe(run(), loop)

    threading.Thread(target=start, daemon=True).start()
    if isinstance(switch, Patched):
        await frameworks.serve_aiohttp(listener, started, over)
    else:
        server = Server(switch, started)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait(
            [serving, asyncio.create_task(over.wait())], return_when="FIRST_COMPLETED"
        )
        server.should_exit = True
        await serving
    upstream.kill()
    upstream.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        _serve_upstream()
        sys.exit()
    factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else new_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(*sys.argv[2:] or ["fastapi"]))
