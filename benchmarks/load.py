"""How much the load can send, how late it is, and what a request costs it; beside other clients.

The endpoint is a bare protocol in a process of its own, so what is measured is the client. `/`
is answered at once. `/wait` is answered after 20 ms: so a number of clients makes a rate, with wrk,
which has no rates, as with the load's closed loop.
"""

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import LoadConfig
from loopviz.lab.load.precise_loop import new_loop
from loopviz.options import RunOptions
from loopviz.wire.control import LoadReport, LoadStopped, StopLoad, encode, messages
from loopviz.wire.samples import SENT_HEADER

RATES = (250, 500, 1_000, 2_000, 5_000)
LASTS_S = 5.0
WAIT_S = 0.02
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
    return {"asked": rps, **sent(port, LoadInfo("GET /", rps, "constant"), lasts_s)}


def at_wait(port: int, rps: float) -> dict[str, dict[str, float]]:
    """The same rate at `/wait`: by the open loop, as the endpoint itself saw that, by the closed
    loop, and by wrk; empty where there is no wrk."""
    clients = round(rps * WAIT_S)
    clock(port)
    by_rate = sent(port, LoadInfo("GET /wait", rps, "constant"))
    seen = clock(port)
    by_clients = sent(port, LoadInfo("GET /wait", 0, clients=clients))
    return {"open": by_rate, "seen": seen, "closed": by_clients, "wrk": wrk(port, clients)}


def clock(port: int) -> dict[str, float]:
    """What the endpoint has measured since the last call, from sending to its answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/clock") as answer:
        took = json.load(answer)
    if not took:
        return {}
    return {f"p{q}_ms": float(np.quantile(took, q / 100)) / 1e6 for q in (50, 99)}


def wrk(port: int, clients: int, lasts_s: float = LASTS_S) -> dict[str, float]:
    """wrk's figures with so many connections; empty where it is not installed."""
    if shutil.which("wrk") is None:
        return {}
    words = ["wrk", "-t1", f"-c{clients}", f"-d{lasts_s:.0f}s", "--latency"]
    said = subprocess.run(
        [*words, f"http://127.0.0.1:{port}/wait"], capture_output=True, text=True, check=True
    ).stdout
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    found = {q: re.search(rf"{q}%\s+([\d.]+)(us|ms|s)\b", said) for q in (50, 99)}
    took = {f"p{q}_ms": float(m[1]) * units[m[2]] for q, m in found.items()}
    return {"sent": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), **took}


def sent(port: int, route: LoadInfo, lasts_s: float = LASTS_S) -> dict[str, float]:
    """What the load process says of that route, and its CPU."""
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "loopviz.lab.load", "--out-fd", str(writing)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[writing]) as load:
        os.close(writing)
        config = LoadConfig(
            url=f"http://127.0.0.1:{port}",
            routes=(route,),
            options=RunOptions(duration_s=lasts_s),
        )
        load.stdin.write(encode(config))
        load.stdin.flush()
        samples, busy, cpu_s = [], [], 0.0
        until = time.monotonic() + lasts_s + 1
        with os.fdopen(reading, "rb") as up:
            for message in messages(up):
                if isinstance(message, LoadReport):
                    samples += message.samples
                    count, shed = message.sent[0], message.shed[0]
                    busy.append(message.busy)
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
        "sent": count / lasts_s,
        "busy": statistics.mean(busy[:-2] or [0.0]),
        "shed": shed,
        "late_p50_ms": float(np.quantile(late, 0.5)),
        "late_p99_ms": float(np.quantile(late, 0.99)),
        "p50_ms": float(np.quantile(took, 0.5)),
        "p99_ms": float(np.quantile(took, 0.99)),
        "cpu_us": cpu_s / count * 1e6,
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
    from loopviz.lab.load.address import address_of  # noqa: PLC0415
    from loopviz.lab.load.client import Client  # noqa: PLC0415 - each client loads its own
    from loopviz.lab.load.schedule import Arrival  # noqa: PLC0415

    client = Client([LoadInfo("GET /", 1)], address_of(url.rstrip("/")))

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
    took: ClassVar[list[int]] = []
    """Of `/wait`, from the time in the request's header to the answer."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /wait "):
            asyncio.get_running_loop().call_later(WAIT_S, self._answer, data)
        elif data.startswith(b"GET /clock "):
            said = json.dumps(self.took).encode()
            self.took.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(said))
            self._transport.write(said)
        else:
            self._transport.write(ANSWER)

    def _answer(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)
        _, header, rest = data.partition(SENT_HEADER + b": ")
        if header:
            self.took.append(time.monotonic_ns() - int(rest.partition(b"\r")[0]))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Endpoint, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:  # its timers are as exact as the load's
        runner.run(_serve())
