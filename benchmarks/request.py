"""Server CPU per request, bare against probed: two servers, loaded in turn, all their threads."""

import asyncio
import statistics
import subprocess
import sys
from pathlib import Path

CONNECTIONS, PAIRS, LEG_S = 16, 9, 1.0


def measure(path: str) -> dict[str, object]:
    """Medians over the pairs for one endpoint. Linux only: reads `/proc`."""
    servers = {kind: _start(kind) for kind in ("bare", "probed")}
    try:
        for server in servers.values():
            asyncio.run(_leg(server, path))  # warm
        pairs = [
            [asyncio.run(_leg(servers[kind], path)) for kind in ("bare", "probed")]
            for _ in range(PAIRS)
        ]
    finally:
        for process, _ in servers.values():
            process.stdin.close()
            process.wait()
            process.stdout.close()
    return {
        "endpoint": path,
        "bare_us": statistics.median(bare for bare, _ in pairs) / 1000,
        "probed_us": statistics.median(probed for _, probed in pairs) / 1000,
        "ratio": statistics.median(probed / bare for bare, probed in pairs),
    }


def _start(kind: str) -> tuple[subprocess.Popen, int]:
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("serve.py"), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, int(process.stdout.readline())


def _cpu_ns(pid: int) -> int:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


async def _leg(server: tuple[subprocess.Popen, int], path: str) -> float:
    """CPU nanoseconds per request over about `LEG_S` seconds."""
    process, port = server
    before = _cpu_ns(process.pid)
    counts = await asyncio.gather(*(_hammer(port, path) for _ in range(CONNECTIONS)))
    return (_cpu_ns(process.pid) - before) / sum(counts)


async def _hammer(port: int, path: str) -> int:
    """One connection, one request after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    end = asyncio.get_running_loop().time() + LEG_S
    count = 0
    while asyncio.get_running_loop().time() < end:
        writer.write(request)
        await reader.readuntil(b"}")
        count += 1
    writer.close()
    await writer.wait_closed()
    return count
