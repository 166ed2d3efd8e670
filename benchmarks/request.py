"""Server CPU per request, bare against probed, in turn in one process and under one load."""

import asyncio
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

CONNECTIONS = 32


def measure(
    path: str, python: str = sys.executable, loop: str = "asyncio", framework: str = "fastapi"
) -> dict[str, object]:
    """Medians over the pairs for one endpoint, on asyncio's loop or on `uvloop`."""
    server = subprocess.Popen(
        [python, "-m", "benchmarks.serve", loop, framework],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(server.stdout.readline())
    measured = asyncio.run(_load(server, port, path))
    pairs = measured["pairs"]
    server.communicate()
    return {
        "python": measured["python"],
        "endpoint": path,
        "bare_us": statistics.median(bare for bare, _ in pairs) / 1000,
        "probed_us": statistics.median(probed for _, probed in pairs) / 1000,
        "ratio": statistics.median(probed / bare for bare, probed in pairs),
    }


async def _load(server: subprocess.Popen, port: int, path: str) -> dict[str, Any]:
    """Keep the server busy until it has measured."""
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    transports = [
        (await loop.create_connection(lambda: _Hammer(request), "127.0.0.1", port))[0]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(1)  # warm
    server.stdin.write("go\n")
    server.stdin.flush()
    measured = json.loads(await asyncio.to_thread(server.stdout.readline))
    for transport in transports:
        transport.abort()
    return measured


class _Hammer(asyncio.Protocol):
    """One connection, one request after another; cheaper than the server, so that that is full."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"}"):
            self._transport.write(self._request)
