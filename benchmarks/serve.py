"""A FastAPI app for `request.py` that puts the probe in and takes it out again, a window at a time.

Prints its port, measures once a line comes on its standard input, and prints what it found: a JSON
list of pairs, CPU nanoseconds of the process per request, bare and probed.
"""

import asyncio
import json
import shutil
import sys
import threading
import time
from typing import Any

from fastapi import FastAPI

from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.target.server import Server, listen, new_loop

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
    switch, listener, loop = Switch(), listen(0), asyncio.get_running_loop()
    server = Server(switch, lambda: print(listener.getsockname()[1], flush=True))

    async def run() -> None:
        print(json.dumps(await _measure(switch)), flush=True)
        server.should_exit = True

    def start() -> None:
        sys.stdin.readline()
        asyncio.run_coroutine_threadsafe(run(), loop)

    threading.Thread(target=start, daemon=True).start()
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
