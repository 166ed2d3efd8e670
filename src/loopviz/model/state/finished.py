"""The requests that have ended, in the order of their ends."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from loopviz.model.state.request import Request

__all__ = ["FinishedRequests"]


class FinishedRequests:
    """Finished requests by place, which counts from the first one that ever ended.

    The oldest are forgotten, by age or when there are too many. Those that ended in a retained
    interval stay: they precede the others, and there may be a hole between.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._recent: list[Request] = []
        self._first = 0
        """The place of the first recent one."""
        self._retained: list[Request] = []
        self._retained_first = 0
        self._interval: tuple[int, int] | None = None
        self._cut_ns = 0
        """The time from which on all recent ones are kept."""
        self.longest_ns = 0
        """The duration of the longest one."""

    def __len__(self) -> int:
        return len(self._retained) + len(self._recent)

    def __iter__(self) -> Iterator[Request]:
        yield from self._retained
        yield from self._recent

    @property
    def oldest_ns(self) -> int:
        """The time from which on all are kept, except in the hole; 0: all are."""
        return max(self._interval[0], 1) if self._retained and self._interval else self._cut_ns

    @property
    def hole(self) -> tuple[int, int] | None:
        """The places between retained and recent ones that were forgotten: from, and to before."""
        is_there = self._retained and self._retained_end < self._first
        return (self._retained_end, self._first) if is_there else None

    @property
    def newest(self) -> int:
        """The place after the last one."""
        return self._first + len(self._recent)

    @property
    def _retained_end(self) -> int:
        return self._retained_first + len(self._retained)

    def append(self, request: Request) -> None:
        """Adds a request that has just ended."""
        self._recent.append(request)
        self.longest_ns = max(self.longest_ns, request.end_ns - request.start_ns)
        if len(self._recent) > self._keep:
            self._forget(self._keep // 10)

    def place(self, time: int) -> int:
        """The place of the first that ended at `time` or later."""
        if self._retained and self._retained[-1].end_ns >= time:
            return self._retained_first + bisect_left(self._retained, time, key=_end)
        return self._first + bisect_left(self._recent, time, key=_end)

    def between(self, start: int, end: int) -> Iterator[Request]:
        """The requests at places from `start` to before `end`, oldest first."""
        a, b = self._retained_first, self._first
        yield from self._retained[max(start - a, 0) : max(end - a, 0)]
        yield from self._recent[max(start - b, 0) : max(end - b, 0)]

    def retain(self, start_ns: int, end_ns: int) -> None:
        """Keeps those that ended in the interval until `release`; replaces an earlier interval."""
        self.release()
        self._interval = max(start_ns, self._cut_ns), end_ns

    def release(self) -> None:
        """Ends `retain`: forgets what would have been forgotten by now."""
        self._retained, self._interval = [], None

    def forget_before(self, time: int) -> None:
        """Drops those that ended before `time`."""
        self._forget(bisect_left(self._recent, time, key=_end))
        self._cut_ns = max(self._cut_ns, time)
        durations = (request.end_ns - request.start_ns for request in self)
        self.longest_ns = max(durations, default=0)

    def _forget(self, count: int) -> None:
        """Drops the oldest `count` recent ones, or retains them."""
        if not count:
            return
        dropped, self._recent = self._recent[:count], self._recent[count:]
        if self._interval is not None:
            start = bisect_left(dropped, self._interval[0], key=_end)
            retained = dropped[start : bisect_right(dropped, self._interval[1], key=_end)]
            if retained and not self._retained:
                self._retained_first = self._first + start
            if self._first + start == self._retained_end:
                self._retained += retained
        self._first += count
        self._cut_ns = max(self._cut_ns, dropped[-1].end_ns)


def _end(request: Request) -> int:
    return request.end_ns
