"""A second real HTTP server: the service that a scenario's endpoints call.

It is uvicorn in its own process, which the scenario's lifespan starts and ends:

    async with upstream(delay_s=0.2) as url, httpx.AsyncClient(base_url=url) as client:
        yield

It answers any `GET`. A request may choose delay and status itself: `?delay_ms=20&status=500`.
"""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from loopviz.errors import TargetError

try:
    import sniffio  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
except ImportError:
    # httpcore would search sys.path for it several times per request, a quarter of a call's CPU
    sys.modules["sniffio"] = None  # type: ignore[assignment]

__all__ = ["upstream"]

Message = MutableMapping[str, Any]


@asynccontextmanager
async def upstream(
    delay_s: float = 0.2, at_once: int = 10_000, queue: int = 10_000
) -> AsyncIterator[str]:
    """Run the server, which answers each request after `delay_s`. Yields `http://127.0.0.1:PORT`.

    It works on `at_once` requests at a time; `queue` more wait; the rest get a 503. It ends with
    the block, or with this process, however that ends. Raises TargetError if it does not start.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, str(delay_s), str(at_once), str(queue)),
        stdin=asyncio.subprocess.PIPE,  # never written to: its end shows that this process is gone
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = await process.stdout.readline()
        if not port:
            raise TargetError("The upstream server ended before it was up: see target.log.")
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.stdin.close()
        await process.communicate()


class _Service:
    """The ASGI app: a limit on concurrent requests, a bounded queue, 503 beyond that."""

    def __init__(self, delay_s: float, at_once: int, queue: int) -> None:
        self._delay_s, self._room = delay_s, at_once + queue
        self._places = asyncio.Semaphore(at_once)

    async def __call__(
        self, scope: Message, _receive: object, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        asked = dict(parse_qsl(scope["query_string"].decode("ascii")))
        status = int(asked.get("status", 200))
        if self._room:
            self._room -= 1
            try:
                async with self._places:
                    await asyncio.sleep(float(asked.get("delay_ms", self._delay_s * 1000)) / 1000)
            finally:
                self._room += 1
        else:
            status = 503
        body = b'{"status": %d}' % status
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _serve(delay_s: float, at_once: int, queue: int) -> None:
    import uvicorn  # noqa: PLC0415 - the scenario's process need not wait for that

    # The protocol is explicit, else Nagle's algorithm stays on (see `loopviz.listener`).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    config = uvicorn.Config(
        _Service(delay_s, at_once, queue),
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
    )
    print(listener.getsockname()[1], flush=True)  # noqa: T201
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


def _die_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _serve(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
