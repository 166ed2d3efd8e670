"""Server CPU per request, bare against probed, in turn in one process and under one load."""

import asyncio
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

CONNECTIONS = 16


def measure(path: str, python: str = sys.executable) -> dict[str, object]:
    """Medians over the pairs for one endpoint."""
    server = subprocess.Popen(
        [python, Path(__file__).with_name("serve.py")],
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
    hammers = [asyncio.create_task(_hammer(port, path)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(1)  # warm
    server.stdin.write("go\n")
    server.stdin.flush()
    measured = json.loads(await asyncio.to_thread(server.stdout.readline))
    for hammer in hammers:
        hammer.cancel()
    await asyncio.gather(*hammers, return_exceptions=True)
    return measured


async def _hammer(port: int, path: str) -> None:
    """One connection, one request after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    while True:
        writer.write(request)
        await reader.readuntil(b"}")
