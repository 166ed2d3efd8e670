"""The newest records of one loop, as they came, for questions that are rarely asked."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from loopviz.model.events import EVENT_TYPE
from loopviz.wire.events import Kind

__all__ = ["EventLog"]

_MOST, _MOST_JOBS = 300_000, 20_000
"""How many records are kept, of the loop and of worker jobs: 9 MB."""
_JOBS = (Kind.JOB_START, Kind.JOB_END, Kind.WAIT, Kind.WAIT_OVER, Kind.ACQUIRED)


class EventLog:
    """Keeps batches whole; the oldest is dropped once there are more records than `most`."""

    def __init__(self, most: int = _MOST) -> None:
        self._loop, self._jobs = _Batches(most), _Batches(_MOST_JOBS)

    def add(self, records: NDArray[np.void]) -> None:
        """Takes a batch of the loop's ring, which may not change afterwards."""
        self._loop.add(records)

    def add_aux(self, records: NDArray[np.void]) -> None:
        """Takes what worker threads record of their jobs from a batch of the aux ring."""
        self._jobs.add(records[np.isin(records["kind"], _JOBS)])

    def clear(self) -> None:
        """Records were lost: what was kept does not lead up to what follows."""
        self._loop.clear()
        self._jobs.clear()

    def retain(self) -> None:
        """Keeps what is there now, until `release`."""
        self._loop.retain()
        self._jobs.retain()

    def release(self) -> None:
        self._loop.release()
        self._jobs.release()

    def between(self, start_ns: int, end_ns: int) -> NDArray[np.void]:
        """The loop's records of that time, and of the rest of their batches."""
        return self._loop.between(start_ns, end_ns)

    def jobs(self, start_ns: int, end_ns: int) -> NDArray[np.void]:
        """The records of worker jobs of that time, and of the rest of their batches."""
        return self._jobs.between(start_ns, end_ns)


class _Batches:
    def __init__(self, most: int) -> None:
        self._most = most
        self.clear()

    def clear(self) -> None:
        self._newest: deque[NDArray[np.void]] = deque()
        self._retained: list[NDArray[np.void]] = []
        self._count = 0

    def add(self, records: NDArray[np.void]) -> None:
        if not len(records):
            return
        self._newest.append(records)
        self._count += len(records)
        while self._count > self._most and len(self._newest) > 1:
            self._count -= len(self._newest.popleft())

    def retain(self) -> None:
        self._retained = list(self._newest)

    def release(self) -> None:
        self._retained = []

    def between(self, start_ns: int, end_ns: int) -> NDArray[np.void]:
        newest = list(self._newest)
        since = newest[0]["at"][0] if newest else 1 << 62
        older = [batch for batch in self._retained if batch["at"][0] < since]
        found = [
            batch
            for batch in (*older, *newest)
            if batch["at"][-1] >= start_ns and batch["at"][0] <= end_ns
        ]
        return np.concatenate(found) if found else np.empty(0, EVENT_TYPE)
