"""What worker threads record of their jobs, in the aux ring, put into the order of the loop's ring.

A job waits for a resource, takes units and gives them back between what the loop does, so these
records are kept until the loop's have come as far. Their kinds are told apart from the loop's own
by a bit, since their task is a job, and their strings are those of the aux ring.
"""

import numpy as np
from numpy.typing import NDArray

from loopviz.model.events import EVENT_TYPE
from loopviz.wire.events import Kind

__all__ = ["IN_THREAD", "WorkerRecords"]

IN_THREAD = 128
"""The bit."""
_KINDS = (
    Kind.JOB_START,
    Kind.JOB_END,
    Kind.RESOURCE,
    Kind.WAIT,
    Kind.WAIT_OVER,
    Kind.ACQUIRED,
    Kind.RELEASED,
    Kind.PHASE,
)


class WorkerRecords:
    """The records that the loop's have not reached."""

    def __init__(self) -> None:
        self._kept: NDArray[np.void] = np.empty(0, EVENT_TYPE)

    def take_out(self, records: NDArray[np.void]) -> NDArray[np.void]:
        """Keeps those of worker threads. Returns the others."""
        ours = np.isin(records["kind"], _KINDS)
        if not ours.any():
            return records
        kept = records[ours]
        kept["kind"] |= IN_THREAD
        kept = np.concatenate((self._kept, kept))
        self._kept = kept[np.argsort(kept["at"], kind="stable")]
        return records[~ours]

    def merged(self, records: NDArray[np.void]) -> NDArray[np.void]:
        """The loop's records, which are not empty, with those up to the last of them.

        At the same time they come first: the loop goes on because a job has ended.
        """
        mine = self.until(int(records["at"][-1]))
        if not len(mine):
            return records
        places = np.searchsorted(records["at"], mine["at"])
        return np.insert(records, places, mine)

    def until(self, at: int | None) -> NDArray[np.void]:
        """Those up to that time, which are kept no longer; None: all."""
        count = len(self._kept)
        if at is not None and count:
            count = int(np.searchsorted(self._kept["at"], at, side="right"))
        taken, self._kept = self._kept[:count], self._kept[count:]
        return taken
