"""Memory of a watched loop is flat: what a callback, a task, a timer or a request makes is gone.

`python -m pytest -n0 -s -m soak tests/probe/test_flat_memory.py` prints the figures.
"""

import asyncio
import gc
import mmap
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from loopviz.probe.asgi import watch_requests

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]
TOGETHER = 100


class Memory(NamedTuple):
    objects: int
    """That the collector knows."""
    blocks: int
    """That Python has allocated."""
    resident: int
    """Bytes of the process."""


def now():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Memory(len(gc.get_objects()), sys.getallocatedblocks(), pages * mmap.PAGESIZE)


async def callbacks(count, probe):
    async def spin(times):
        for _ in range(times):
            await asyncio.sleep(0)

    await asyncio.gather(*(spin(count // TOGETHER) for _ in range(TOGETHER)))


async def tasks(count, probe):
    async def named():
        await asyncio.sleep(0.001)

    for at in range(count // TOGETHER):
        async with asyncio.TaskGroup() as group:
            for each in range(TOGETHER):
                group.create_task(named(), name=f"task of {at} {each}")


async def cancelled_timers(count, probe):
    loop = asyncio.get_running_loop()
    for _ in range(count // TOGETHER):
        for timer in [loop.call_later(1000, print) for _ in range(TOGETHER)]:
            timer.cancel()
        await asyncio.sleep(0.001)


async def requests(count, probe):
    """Each with a path of its own."""

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"x"})

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        pass

    served, loop = watch_requests(app, probe.hooks), asyncio.get_running_loop()
    for _ in range(count):
        path = f"/items/{loop.time()}"
        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"x")]}
        await loop.create_task(served(scope, receive, send))
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("what", "count"),
    [(callbacks, 10**7), (tasks, 10**5), (cancelled_timers, 10**5), (requests, 10**5)],
)
def test_memory_is_flat(what, count, loop, probe_of):
    probe = probe_of(loop)
    loop.run(what(count // 10, probe))  # caches fill
    before = now()
    loop.run(what(count, probe))
    after = now()
    added = Memory(*(b - a for a, b in zip(before, after, strict=True)))
    print(f"\n{count:,} {what.__name__}: {added}")
    assert added.objects < 100
    assert added.blocks < 1000
    assert added.resident < 1 << 20
