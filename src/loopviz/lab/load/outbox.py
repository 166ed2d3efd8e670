"""Messages to the parent, through a pipe that never blocks the load.

If the parent does not read, samples wait here up to a bound; beyond it only the outcomes of the
oldest are kept, as counts. The schedule is not affected.
"""

import os
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from loopviz.clock import MS, Clock, monotonic_ns
from loopviz.wire.control import LoadReport, Message, encode
from loopviz.wire.samples import Sample

__all__ = ["Outbox", "Source"]

SIGN_OF_LIFE_NS = 500 * MS
CHUNK = 500
"""Most samples in a message, so that it fits into the pipe (64 KiB on Linux)."""
BACKLOG_MAX = 50_000
LATE_NS = 500 * MS
"""Requests that have waited this long for their answer are reported one by one."""


class Source(Protocol):
    """The load that is reported on; see `Ledger`."""

    sent: list[int]
    in_flight: list[int]
    shed: list[int]

    def take(self) -> list[Sample]: ...
    def waiting(self, before_ns: int) -> list[tuple[int, int]]: ...


class Outbox:
    """The writing end of the pipe with file descriptor `fd`."""

    def __init__(
        self,
        fd: int,
        *,
        clock: Clock = monotonic_ns,
        backlog_max: int = BACKLOG_MAX,
    ) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._clock = clock
        self._unwritten = b""
        self._backlog: deque[Sample] = deque(maxlen=backlog_max)
        self._counts: tuple[list[int], ...] = ()
        self._reported_ns = 0
        self.idle: Callable[[], int] | None = None
        """How many nanoseconds the load has had nothing to do so far; None: not known."""
        self._share = 0.0
        self._asked = clock(), 0
        """When the idle time was last asked for, and what it was."""
        self.dropped = 0
        """Samples lost because the parent did not read; 0 if all is well."""
        self._outcomes: Counter[tuple[int, int]] = Counter()
        """Dropped samples that were not yet reported, by route and status."""

    def send(self, message: Message) -> None:
        """Send a message after the earlier ones, now or in a later call."""
        self._unwritten += encode(message)
        self.flush()

    def report(self, source: Source, *, always: bool = False) -> bool:
        """Send samples and counts, if anything has changed or half a second has passed.

        Returns True if nothing is left to send. `always`: send them even if nothing has changed.
        """
        for sample in source.take():
            self._keep(sample)
        now_ns = self._clock()
        counts = (list(source.sent), list(source.in_flight), list(source.shed))
        changed = always or self._backlog or counts != self._counts
        if not changed and now_ns - self._reported_ns < SIGN_OF_LIFE_NS:
            return True
        busy = self._busy(now_ns)
        while self.flush():
            chunk = [self._backlog.popleft() for _ in range(min(CHUNK, len(self._backlog)))]
            sent, in_flight, shed = counts
            self.send(
                LoadReport(
                    at_ns=now_ns,
                    samples=tuple(chunk),
                    sent=tuple(sent),
                    in_flight=tuple(in_flight),
                    shed=tuple(shed),
                    waiting=tuple(source.waiting(now_ns - LATE_NS)),
                    dropped=self.dropped,
                    outcomes=tuple((*of, count) for of, count in self._outcomes.items()),
                    busy=busy,
                )
            )
            self._outcomes.clear()
            self._counts, self._reported_ns = counts, now_ns
            if not self._backlog:
                return True
        return False

    def _busy(self, now_ns: int) -> float:
        """The share of the time since the last call in which the load was not idle."""
        if self.idle is None:
            return 0.0
        was_ns, was_idle_ns = self._asked
        self._asked = now_ns, self.idle()
        passed_ns, idle_ns = now_ns - was_ns, self._asked[1] - was_idle_ns
        if passed_ns > 0:
            self._share = round(max(1 - idle_ns / passed_ns, 0.0), 3)
        return self._share

    def _keep(self, sample: Sample) -> None:
        """Add a sample to the backlog. If it is full, its oldest sample becomes a count."""
        if len(self._backlog) == self._backlog.maxlen:
            oldest = self._backlog.popleft()
            self._outcomes[oldest.route, oldest.status] += 1
            self.dropped += 1
        self._backlog.append(sample)

    def flush(self) -> bool:
        """Write as much as the pipe takes. Returns True if nothing is left."""
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._fd, self._unwritten) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._unwritten = b""  # the parent is gone; the end of stdin ends this process
        return True
