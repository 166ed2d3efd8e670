"""How much the load can send, how late it is, and what a request costs it; beside other clients.

The endpoint is a bare protocol in a process of its own that answers at once, so what is measured is
the client.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import LoadConfig
from loopviz.options import RunOptions
from loopviz.wire.control import LoadReport, LoadStopped, StopLoad, encode, messages

RATES = (250, 500, 1_000, 2_000, 5_000)
LASTS_S = 8.0
CLIENTS_S, TURNS, IN_FLIGHT = 1.0, 7, 32
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@contextmanager
def endpoint() -> Iterator[int]:
    """The port of the endpoint."""
    words = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield int(server.stdout.readline())
        server.stdin.close()


def rate(port: int, rps: float, lasts_s: float = LASTS_S) -> dict[str, float]:
    """What was asked for and what was sent per second, lateness, latency, CPU per request."""
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "loopviz.lab.load", "--out-fd", str(writing)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[writing]) as load:
        os.close(writing)
        config = LoadConfig(
            url=f"http://127.0.0.1:{port}",
            routes=(LoadInfo("GET /", rps, "constant"),),
            options=RunOptions(duration_s=lasts_s),
        )
        load.stdin.write(encode(config))
        load.stdin.flush()
        samples, cpu_s = [], 0.0
        until = time.monotonic() + lasts_s + 1
        with os.fdopen(reading, "rb") as up:
            for message in messages(up):
                if isinstance(message, LoadReport):
                    samples += message.samples
                    sent, shed = message.sent[0], message.shed[0]
                elif isinstance(message, LoadStopped):
                    break
                if until and time.monotonic() > until:
                    until = 0
                    cpu_s = _cpu_s(load.pid)
                    load.stdin.write(encode(StopLoad()))
                    load.stdin.flush()
        load.stdin.close()
    table = np.array(samples)
    late, took = (table[:, 2] - table[:, 1]) / 1e6, (table[:, 3] - table[:, 1]) / 1e6
    return {
        "asked": rps,
        "sent": sent / lasts_s,
        "shed": shed,
        "late_p50_ms": float(np.quantile(late, 0.5)),
        "late_p99_ms": float(np.quantile(late, 0.99)),
        "p50_ms": float(np.quantile(took, 0.5)),
        "p99_ms": float(np.quantile(took, 0.99)),
        "cpu_us": cpu_s / sent * 1e6,
    }


def clients(port: int) -> dict[str, float]:
    """CPU per request in µs by client, 32 requests in flight all the time; medians, in turn."""
    url = f"http://127.0.0.1:{port}/"
    spent: dict[str, list[float]] = {name: [] for name in _CLIENTS}
    for _ in range(TURNS):
        for name, client in _CLIENTS.items():
            spent[name].append(asyncio.run(client(url)))
    return {name: statistics.median(values) for name, values in spent.items()}


async def _ours(url: str) -> float:
    from loopviz.lab.load.client import Client  # noqa: PLC0415 - each client loads its own
    from loopviz.lab.load.schedule import Arrival  # noqa: PLC0415

    client = Client([LoadInfo("GET /", 1)], url.rstrip("/"))

    async def send() -> None:
        reply = asyncio.get_running_loop().create_future()
        client.send(Arrival(0, 0, 0), reply.set_result)
        await reply

    spent = await _busy(send)
    client.close()
    return spent


async def _httpx(url: str) -> float:
    import httpx  # noqa: PLC0415

    async with httpx.AsyncClient() as client:
        return await _busy(lambda: client.get(url))


async def _aiohttp(url: str) -> float:
    import aiohttp  # noqa: PLC0415

    async with aiohttp.ClientSession() as session:

        async def send() -> None:
            async with session.get(url) as response:
                await response.read()

        return await _busy(send)


_CLIENTS: dict[str, Callable[[str], Awaitable[float]]] = {
    "loopviz": _ours,
    "aiohttp": _aiohttp,
    "httpx": _httpx,
}


async def _busy(send: Callable[[], Awaitable[Any]]) -> float:
    """CPU of this process per request, in µs."""
    count, until = 0, time.monotonic() + CLIENTS_S

    async def again_and_again() -> None:
        nonlocal count
        while time.monotonic() < until:
            await send()
            count += 1

    began = time.process_time()
    await asyncio.gather(*(again_and_again() for _ in range(IN_FLIGHT)))
    return (time.process_time() - began) / count * 1e6


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class _Endpoint(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        self._transport.write(ANSWER)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Endpoint, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
