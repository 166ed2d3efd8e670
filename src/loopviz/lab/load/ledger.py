"""What has become of each request: the counts and samples that the load reports."""

from collections.abc import Callable
from itertools import count, takewhile
from typing import NamedTuple

from loopviz.wire.samples import Sample

__all__ = ["Done", "Ledger", "Reply"]


class Reply(NamedTuple):
    """The outcome of one request; times are nanoseconds of the monotonic clock."""

    sent_ns: int
    done_ns: int
    """When the last byte could be read, or the request failed."""
    status: int
    """As in `Sample`."""
    unread_ns: int = 0
    """As in `Sample`."""


Done = Callable[[Reply], None]
"""Is called once, when a request has its answer or will have none."""


class Ledger:
    """The requests of a load, by row: a route, or one of the things measured of it."""

    def __init__(self, rows: int) -> None:
        self._numbers = count()
        self._open: dict[int, tuple[int, int]] = {}
        """Requests without a reply: row and scheduled time, ordered by time."""
        self._samples: list[Sample] = []
        self.sent = [0] * rows
        """Requests sent so far, by row."""
        self.in_flight = [0] * rows
        """Requests without a reply, by row."""
        self.shed = [0] * rows
        """Requests not sent because too many were in flight, by row; they have no sample."""

    @property
    def open(self) -> int:
        """Requests without a reply, over all rows."""
        return len(self._open)

    def opened(self, row: int, scheduled_ns: int) -> Done:
        """A request is being sent; what is returned takes its reply."""
        self.sent[row] += 1
        self.in_flight[row] += 1
        number = next(self._numbers)
        self._open[number] = row, scheduled_ns

        def done(reply: Reply) -> None:
            self.in_flight[row] -= 1
            del self._open[number]
            self._add(row, scheduled_ns, reply)

        return done

    def happened(self, row: int, reply: Reply) -> None:
        """Something came that nobody had asked for, as an event of a stream does."""
        self.sent[row] += 1
        self._add(row, reply.sent_ns, reply)

    def take(self) -> list[Sample]:
        """The samples since the last call, in the order of their replies."""
        taken, self._samples = self._samples, []
        return taken

    def waiting(self, before_ns: int) -> list[tuple[int, int]]:
        """Requests without a reply that were due by then: row and scheduled time, by time."""
        return list(takewhile(lambda request: request[1] <= before_ns, self._open.values()))

    def _add(self, row: int, scheduled_ns: int, reply: Reply) -> None:
        self._samples.append(Sample(row, scheduled_ns, *reply))
