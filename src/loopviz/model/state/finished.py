"""The requests that have ended, in the order of their ends; what is held is kept longer."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from loopviz.model.state.request import Request

__all__ = ["FinishedRequests"]


class FinishedRequests:
    """Requests by place: each has one, counted from the first that ever ended.

    The oldest are forgotten, by age or when there are too many. Those that ended in a stretch of
    time that is held are not: they stay before the others, and there may be a hole between.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._recent: list[Request] = []
        self._first = 0
        """Place of the first recent one."""
        self._held: list[Request] = []
        self._held_first = 0
        self._hold: tuple[int, int] | None = None
        self._cut_ns = 0
        """From when on all recent ones are there."""
        self.longest_ns = 0
        """No life is longer."""

    def __len__(self) -> int:
        return len(self._held) + len(self._recent)

    def __iter__(self) -> Iterator[Request]:
        yield from self._held
        yield from self._recent

    @property
    def oldest_ns(self) -> int:
        """From when on those that ended are there, but for the hole; 0: all are."""
        return max(self._hold[0], 1) if self._held and self._hold else self._cut_ns

    @property
    def hole(self) -> tuple[int, int] | None:
        """From which place on, and to before which one, some were forgotten between others."""
        is_there = self._held and self._held_end < self._first
        return (self._held_end, self._first) if is_there else None

    @property
    def newest(self) -> int:
        """The place after the last one."""
        return self._first + len(self._recent)

    @property
    def _held_end(self) -> int:
        return self._held_first + len(self._held)

    def append(self, request: Request) -> None:
        """It has just ended."""
        self._recent.append(request)
        self.longest_ns = max(self.longest_ns, request.end_ns - request.start_ns)
        if len(self._recent) > self._keep:
            self._forget(self._keep // 10)

    def place(self, time: int) -> int:
        """The place of the first that ended at `time` or later."""
        if self._held and self._held[-1].end_ns >= time:
            return self._held_first + bisect_left(self._held, time, key=_end)
        return self._first + bisect_left(self._recent, time, key=_end)

    def between(self, start: int, end: int) -> Iterator[Request]:
        """Those at places from `start` to before `end`, oldest first."""
        a, b = self._held_first, self._first
        yield from self._held[max(start - a, 0) : max(end - a, 0)]
        yield from self._recent[max(start - b, 0) : max(end - b, 0)]

    def hold(self, start_ns: int, end_ns: int) -> None:
        """Forget none that ended in that time; nothing else is held any more."""
        self.release()
        self._hold = max(start_ns, self._cut_ns), end_ns

    def release(self) -> None:
        """What was held is forgotten, if it would have been by now."""
        self._held, self._hold = [], None

    def forget_before(self, time: int) -> None:
        """Drop those that ended before `time`."""
        self._forget(bisect_left(self._recent, time, key=_end))
        self._cut_ns = max(self._cut_ns, time)
        lives = (request.end_ns - request.start_ns for request in self)
        self.longest_ns = max(lives, default=0)

    def _forget(self, count: int) -> None:
        """Drop so many recent ones, or hold them."""
        if not count:
            return
        dropped, self._recent = self._recent[:count], self._recent[count:]
        if self._hold is not None:
            start = bisect_left(dropped, self._hold[0], key=_end)
            held = dropped[start : bisect_right(dropped, self._hold[1], key=_end)]
            if held and not self._held:
                self._held_first = self._first + start
            if self._first + start == self._held_end:
                self._held += held
        self._first += count
        self._cut_ns = max(self._cut_ns, dropped[-1].end_ns)


def _end(request: Request) -> int:
    return request.end_ns
