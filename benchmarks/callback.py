"""CPU time that the probe adds per loop callback: `sleep(0)`, on a bare and a probed loop in turn.

Needs nothing but the standard library and `src/` on the path, so that it also runs on interpreters
into which loopviz is not installed: `PYTHONPATH=src python3.13 benchmarks/callback.py`.
"""

import asyncio
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from loopviz.probe import install

TASKS, SLEEPS, PAIRS = 100, 40, 150


async def _spin() -> None:
    for _ in range(SLEEPS):
        await asyncio.sleep(0)


async def _leg() -> float:
    """CPU nanoseconds of the loop's thread per callback, over a few thousand: about 10 ms.

    Short legs in turn: what else the machine does hits both alike.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(_spin()) for _ in range(TASKS)]
    await asyncio.sleep(0)
    start = time.thread_time_ns()
    await asyncio.wait(tasks)
    return (time.thread_time_ns() - start) / (TASKS * SLEEPS)


async def _install():
    return install()


def measure(new_loop: Callable[[], Any] = asyncio.new_event_loop) -> dict[str, object]:
    """Medians over the pairs, and of the pairs' differences and ratios."""
    bare_loop, probed_loop = new_loop(), new_loop()
    probe = probed_loop.run_until_complete(_install())
    pairs = [
        (bare_loop.run_until_complete(_leg()), probed_loop.run_until_complete(_leg()))
        for _ in range(PAIRS)
    ]
    probe.uninstall()
    shutil.rmtree(probe.folder)
    bare_loop.close()
    probed_loop.close()
    return {
        "python": sys.version.split()[0],
        "bare_ns": statistics.median(bare for bare, _ in pairs),
        "probed_ns": statistics.median(probed for _, probed in pairs),
        "added_ns": statistics.median(probed - bare for bare, probed in pairs),
        "ratio": statistics.median(probed / bare for bare, probed in pairs),
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
