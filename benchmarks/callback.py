"""CPU time that the probe adds per loop callback: 100 tasks × 2000 `sleep(0)`, bare and probed.

Needs nothing but the standard library and `src/` on the path, so that it also runs on interpreters
into which loopviz is not installed: `PYTHONPATH=src python3.13 benchmarks/callback.py`.
"""

import asyncio
import json
import shutil
import statistics
import sys
import time

from loopviz.probe import install

TASKS, SLEEPS, PAIRS = 100, 2000, 9


async def _spin() -> None:
    for _ in range(SLEEPS):
        await asyncio.sleep(0)


async def _leg(probed: bool) -> float:
    """CPU nanoseconds of the loop's thread per callback."""
    loop = asyncio.get_running_loop()
    probe = install() if probed else None
    tasks = [loop.create_task(_spin()) for _ in range(TASKS)]
    start = time.thread_time_ns()
    await asyncio.wait(tasks)
    taken = time.thread_time_ns() - start
    if probe is not None:
        probe.uninstall()
        shutil.rmtree(probe.folder)
    return taken / (TASKS * SLEEPS)


def measure() -> dict[str, object]:
    """Medians over the pairs, and the median of the differences."""
    pairs = [(asyncio.run(_leg(False)), asyncio.run(_leg(True))) for _ in range(PAIRS)]
    return {
        "python": sys.version.split()[0],
        "bare_ns": statistics.median(bare for bare, _ in pairs),
        "probed_ns": statistics.median(probed for _, probed in pairs),
        "added_ns": statistics.median(probed - bare for bare, probed in pairs),
        "ratio": statistics.median(probed / bare for bare, probed in pairs),
        "added_least_ns": min(p for _, p in pairs) - min(b for b, _ in pairs),
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
