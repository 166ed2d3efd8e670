"""A FastAPI app that holds its loop in all the places that FastAPI has, under load.

`python slow_app.py FOLDER`: serves it with a probe in FOLDER while 50 clients ask for /ping, asks
for each of the slow routes a few times, and prints when these ran, as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field

from loopviz.clock import monotonic_ns
from loopviz.lab.target.server import Server, new_loop
from loopviz.listener import listen
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests

CLIENTS, TIMES = 50, 3
SLOW = ("/serialization", "/dependency", "/middleware", "/endpoint")
HELD_S = 0.08
PAUSE_S = 0.15

held: dict[str, list[tuple[int, int, int]]] = {}
"""Of each request for a route: when it began and ended, and how long it waited for a core."""
pings: list[tuple[int, int]] = []
"""Of each request of the load: when it was sent, and when it began."""
app = FastAPI()


class Report(BaseModel):
    """Much to validate, and little to send or to free."""

    words: list[Annotated[str, Field(pattern=r"^(\w+ ?)+$")]] = Field(exclude=True)
    ok: bool = True


words = ["word " * 100] * 70_000


async def dependency() -> None:
    time.sleep(HELD_S)  # HOLDS


@app.get("/dependency")
async def depends(_: Annotated[None, Depends(dependency)]) -> dict[str, bool]:
    return {"ok": True}


@app.get("/endpoint")
async def endpoint() -> dict[str, bool]:
    time.sleep(HELD_S)  # HOLDS
    return {"ok": True}


class Middleware:
    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http" and scope["path"] == "/middleware":
            time.sleep(HELD_S)  # HOLDS
        await self.app(scope, receive, send)


app.add_middleware(Middleware)


@app.get("/middleware")
@app.get("/ping")
async def ping() -> dict[str, bool]:
    return {"ok": True}


@app.get("/serialization")
async def big() -> Report:  # HOLDS: what stands for the work that FastAPI does with the result
    return {"words": words}


def waited_ns() -> int:
    """How long this thread has waited for a core so far; 0 where the kernel does not tell."""
    file = Path("/proc/thread-self/schedstat")
    return int(file.read_text().split()[1]) if file.exists() else 0


async def timed(scope, receive, send):
    """Nothing in this app suspends: a request is one step, but for what uvicorn does around it."""
    begin, before = monotonic_ns(), waited_ns()
    await app(scope, receive, send)
    if scope["type"] == "http":
        times = begin, monotonic_ns(), waited_ns() - before
        held.setdefault(scope["path"], []).append(times)
        if sent := dict(scope["headers"]).get(b"x-loopviz-sent"):
            pings.append((int(sent), begin))


CLIENT = """
import asyncio, sys, time
async def client(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        sent = time.monotonic_ns()
        writer.write(b"GET /ping HTTP/1.1\\r\\nhost: x\\r\\nx-loopviz-sent: %d\\r\\n\\r\\n" % sent)
        await reader.readuntil(b"}")
        await asyncio.sleep(0.04)
async def main():
    await asyncio.gather(*(client(int(sys.argv[1])) for _ in range(int(sys.argv[2]))))
asyncio.run(main())
"""


async def ask(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    await reader.read()
    while await reader.read(1 << 16):
        pass
    writer.close()


async def main(folder) -> None:
    listener = listen(0)
    port = listener.getsockname()[1]
    probe = install(path=folder, heartbeat_s=None)
    started = asyncio.Event()
    server = Server(watch_requests(timed, probe.hooks), started.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await started.wait()
    load = subprocess.Popen([sys.executable, "-c", CLIENT, str(port), str(CLIENTS)])
    try:
        await asyncio.sleep(1)
        for path in SLOW * (TIMES + 1):
            await ask(port, path)
            await asyncio.sleep(PAUSE_S)
    finally:
        load.kill()
        load.wait()
    server.should_exit = True
    await serving
    probe.uninstall()
    print(json.dumps([{path: held[path][1:] for path in SLOW}, pings]))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main(sys.argv[1]))
