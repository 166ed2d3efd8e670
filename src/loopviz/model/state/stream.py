"""The messages of one request: of a WebSocket, or of a response that is sent in parts."""

from array import array
from bisect import bisect_right
from itertools import pairwise

from loopviz.model.snapshot import StreamInfo

__all__ = ["Stream", "StreamSums"]

_KEPT = 256
"""Of how many messages the times are kept, the newest."""


class StreamSums:
    """The streams of one route, added up."""

    __slots__ = ("count", "first_ns", "gap_ns", "open", "received", "sent")

    def __init__(self) -> None:
        self.count = self.open = self.sent = self.received = self.first_ns = self.gap_ns = 0

    def add(self, stream: "Stream", start_ns: int, *, is_open: bool) -> None:
        """Add that of a request which began at `start_ns`."""
        self.count += 1
        self.open += is_open
        self.sent += stream.sent
        self.received += stream.received
        self.first_ns = max(self.first_ns, stream.first_ns - start_ns if stream.first_ns else 0)
        self.gap_ns = max(self.gap_ns, stream.gap_ns)


class Stream:
    """Counts of messages, the time to the first one that was sent, and the longest gap."""

    __slots__ = (
        "directions",
        "first_ns",
        "gap_ns",
        "last_sent_ns",
        "lasts",
        "opened_ns",
        "received",
        "received_size",
        "sent",
        "times",
    )

    def __init__(self, lasts: bool) -> None:
        self.lasts = lasts
        """Whether it goes on as long as its client wants: a WebSocket, server-sent events."""
        self.opened_ns = self.first_ns = self.last_sent_ns = self.gap_ns = 0
        """`opened_ns`: when it was accepted, or the response began; 0: not yet. `gap_ns`: the
        longest time from one message that was sent to the next."""
        self.sent = self.received = self.received_size = 0
        self.times: array[int] = array("q")
        """When the newest messages were sent or received, in order."""
        self.directions = bytearray()
        """Of the same messages: 1 if the client sent it."""

    def add(self, at: int, size: int, *, received: bool) -> None:
        """A message was sent, or has come from the client."""
        times = self.times
        if len(times) >= 2 * _KEPT:
            del times[:_KEPT], self.directions[:_KEPT]
        times.append(at)
        self.directions.append(received)
        if received:
            self.received += 1
            self.received_size += size
            return
        if self.first_ns:
            self.gap_ns = max(self.gap_ns, at - self.last_sent_ns)
        else:
            self.first_ns = at
        self.last_sent_ns = at
        self.sent += 1

    @property
    def shown(self) -> bool:
        """Whether its messages are worth a word: a response in one part is like any other."""
        return self.lasts or self.sent > 1

    def sealed(self) -> "Stream | None":
        """No further message comes: what is worth keeping of it."""
        self.times, self.directions = self.times[-_KEPT:], self.directions[-_KEPT:]
        return self if self.shown else None

    def info(self, start_ns: int, until_ns: int) -> StreamInfo:
        """The stream of a request that began at `start_ns`, as it is shown at `until_ns`."""
        times, directions = self.times[-_KEPT:], self.directions[-_KEPT:]
        seen = bisect_right(times, until_ns)
        later_received = sum(directions[seen:])
        past = seen < len(times)
        sent_at = [at for at, came in zip(times[:seen], directions, strict=False) if not came]
        return StreamInfo(
            lasts=self.lasts,
            opened=0 < self.opened_ns <= until_ns,
            first_ns=self.first_ns - start_ns if 0 < self.first_ns <= until_ns else 0,
            gap_ns=max((b - a for a, b in pairwise(sent_at)), default=0) if past else self.gap_ns,
            sent=self.sent - (len(times) - seen - later_received),
            received=self.received - later_received,
            received_size=0 if past else self.received_size,
            times=tuple(times[:seen]),
        )
