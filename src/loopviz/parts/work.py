"""CPU work of a known length, and a process pool that ends cleanly.

Standard library only: the pool's workers import this module and nothing else of loopviz.
"""

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait

__all__ = ["crunch", "fastest_s", "process_pool", "rounds_for"]


def crunch(rounds: int) -> int:
    """Pure Python arithmetic, which holds the GIL on whatever thread it runs."""
    total = 0
    for i in range(rounds):
        total = (total * 31 + i) % 1_000_003
    return total


def rounds_for(ms: float) -> int:
    """The rounds that `crunch` does in `ms` milliseconds on this machine at its fastest."""
    rounds = 10_000
    return max(int(rounds * ms / 1000 / fastest_s(lambda: crunch(rounds))), 1)


def fastest_s(work: Callable[[], object]) -> float:
    """The seconds that work of about a millisecond takes on this machine at its fastest.

    Measures for a tenth of a second: a shared machine is at its fastest only now and then.
    """
    best_s = math.inf
    for _ in range(15):
        best_s = min(best_s, _timed(work))
        time.sleep(0.005)
    return best_s


@contextmanager
def process_pool(workers: int = 2) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes, started and warm; none outlives the block or this process."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_die_with_parent)
    with pool:
        for started in [pool.submit(time.sleep, 0.1) for _ in range(workers)]:
            started.result()
        yield pool


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _die_with_parent() -> None:
    """End a worker whose parent was killed: it would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
