"""Measures what the probe costs on this machine."""

import asyncio
import mmap
import statistics
import time
from typing import Any

from loopviz.clock import Clock, monotonic_ns
from loopviz.probe.install import make_hooks
from loopviz.probe.places import PLACES
from loopviz.wire.ring import Ring, ring_size

__all__ = ["measure_overhead"]

_TASKS, _SLEEPS, _PAIRS = 20, 20, 9
_CAPACITY = 1 << 10


def measure_overhead(clock: Clock = monotonic_ns) -> int:
    """Nanoseconds that the probe adds per callback, measured on two small loops, bare and hooked.

    Takes about 10 ms, and no loop may run on this thread. It is the cost in a tight loop: in a
    server, whose own work evicts the probe from the processor's caches, it is up to three times
    as much (benchmarks/README.md).
    """
    ring = Ring(mmap.mmap(-1, ring_size(_CAPACITY)), _CAPACITY)
    bare, hooked = asyncio.SelectorEventLoop(), asyncio.SelectorEventLoop()
    loop: Any = hooked
    hooks = make_hooks(loop, ring, PLACES, clock, lambda _hook, _error: None)
    loop._run_once, loop.call_soon = hooks.run_once, hooks.call_soon
    loop.create_task = hooks.create_task(loop.create_task)
    try:
        added = [
            hooked.run_until_complete(_leg()) - bare.run_until_complete(_leg())
            for _ in range(_PAIRS)
        ]
    finally:
        hooks.abandon()
        bare.close()
        hooked.close()
        ring.close()
    return max(round(statistics.median(added)), 0)


async def _leg() -> float:
    """CPU nanoseconds per callback."""
    tasks = [asyncio.ensure_future(_spin()) for _ in range(_TASKS)]
    await asyncio.sleep(0)
    began = time.thread_time_ns()
    await asyncio.wait(tasks)
    return (time.thread_time_ns() - began) / (_TASKS * _SLEEPS)


async def _spin() -> None:
    for _ in range(_SLEEPS):
        await asyncio.sleep(0)
