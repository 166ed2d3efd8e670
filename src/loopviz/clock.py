"""The one clock: integer nanoseconds of `CLOCK_MONOTONIC`, the same in every process.

asyncio's `loop.time()` counts on the same clock, so a timer's due time and a record's time
can be compared across processes without conversion.
"""

import time
from collections.abc import Callable

__all__ = ["MS", "SECOND", "Clock", "monotonic_ns", "wall_ns"]

Clock = Callable[[], int]
"""Anything that tells the time in nanoseconds."""

MS = 1_000_000
SECOND = 1_000_000_000

monotonic_ns: Clock = time.monotonic_ns
wall_ns: Clock = time.time_ns
