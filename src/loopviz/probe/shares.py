"""How the process's CPU time is shared between the loop's thread and the others."""

import time

from loopviz.clock import Clock

__all__ = ["CpuShares"]


class CpuShares:
    """The CPU time since the last `note`, of the loop's thread and of all others."""

    def __init__(self, thread_id: int, clock: Clock) -> None:
        get_clock_id = getattr(time, "pthread_getcpuclockid", None)  # not on macOS
        self._clock_id = get_clock_id(thread_id) if get_clock_id else None
        self._clock = clock
        self._noted = self._read()

    def note(self) -> None:
        """Count anew from here on."""
        self._noted = self._read()

    def starved(self) -> bool:
        """The loop's thread had less than half a core, and others more than that."""
        if self._clock_id is None:
            return False
        wall, loop, process = (
            now - then for now, then in zip(self._read(), self._noted, strict=True)
        )
        return loop < wall / 2 < process - loop

    def _read(self) -> tuple[int, int, int]:
        loop = 0 if self._clock_id is None else time.clock_gettime_ns(self._clock_id)
        return self._clock(), loop, time.process_time_ns()
