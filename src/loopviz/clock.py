"""The clock: integer nanoseconds of `CLOCK_MONOTONIC`, the same in every process.

asyncio's `loop.time()` reads the same clock, so timers' due times and records' times compare
across processes without conversion.
"""

import time
from collections.abc import Callable

__all__ = ["MS", "SECOND", "Clock", "monotonic_ns", "wall_ns"]

Clock = Callable[[], int]
"""A callable that returns the time in nanoseconds."""

MS = 1_000_000
SECOND = 1_000_000_000

monotonic_ns: Clock = time.monotonic_ns
wall_ns: Clock = time.time_ns
