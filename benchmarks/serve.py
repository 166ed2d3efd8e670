"""A FastAPI app for `request.py`, bare or probed: prints its port, ends with its input."""

import asyncio
import os
import shutil
import sys
import threading

from fastapi import FastAPI

from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.target.server import Server, listen, new_loop

app = FastAPI()


@app.get("/noop")
async def noop() -> dict[str, bool]:
    return {"ok": True}


@app.get("/yield10")
async def yield10() -> dict[str, bool]:
    for _ in range(10):
        await asyncio.sleep(0)
    return {"ok": True}


async def main(probed: bool) -> None:
    listener = listen(0)
    served, probe = app, None
    if probed:
        probe = install()
        served = watch_requests(app, probe.hooks)

    def end_with_stdin() -> None:
        sys.stdin.read()
        if probe is not None:
            shutil.rmtree(probe.folder)
        os._exit(0)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    server = Server(served, lambda: print(listener.getsockname()[1], flush=True))
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main(sys.argv[1] == "probed"))
