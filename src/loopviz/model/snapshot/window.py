"""The infos of the requests that overlap a moving window of time."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sized

from loopviz.model.snapshot import RequestInfo
from loopviz.model.state.finished import FinishedRequests
from loopviz.model.state.request import Request

__all__ = ["Window"]


class Window:
    """Follows a window that moves on, and forgets what has left it.

    A step costs what enters and leaves the window, not what lies within.
    """

    def __init__(self, make: Callable[[Request], RequestInfo]) -> None:
        self._make = make
        self._start = self._end = 0
        """Places in `FinishedRequests`: from the first to before the second."""
        self._hole: tuple[int, int] | None = None
        """Its hole when the window was last shown."""
        self._order: deque[int] = deque()
        """Numbers of requests, in the order of their ends."""
        self._numbers: list[int] = []
        self._infos: list[RequestInfo] = []
        """Both are sorted by number."""
        self._whole: tuple[RequestInfo, ...] = ()

    def show(
        self, ended: FinishedRequests, start: int, end: int, others: Iterable[RequestInfo] = ()
    ) -> tuple[RequestInfo, ...]:
        """The requests at places from `start` to before `end`, and the others, by number."""
        if (start, end, ended.hole) != (self._start, self._end, self._hole):
            overlaps = start < self._end and self._start < end
            if overlaps and self._has_no_gap(ended.hole, start, end):
                self._move(ended, start, end)
            else:
                self._begin(ended, start, end)
            self._start, self._end, self._hole = start, end, ended.hole
            self._whole = tuple(self._infos)
        others = sorted(others, key=_number)
        if not others:
            return self._whole
        first = bisect_left(self._numbers, others[0].number)
        mixed = [*self._infos[first:], *others]
        mixed.sort(key=_number)
        return (*self._whole[:first], *mixed)

    def _has_no_gap(self, hole: tuple[int, int] | None, start: int, end: int) -> bool:
        """Whether each place has one info, now and when the window was last shown.

        A gap of then may be unknown by now, if what surrounded it is forgotten.
        """
        if len(self._order) != self._end - self._start:
            return False
        return hole is None or not min(self._start, start) < hole[0] < max(self._end, end)

    def _move(self, ended: FinishedRequests, start: int, end: int) -> None:
        """Moves the window; it overlaps its old position."""
        self._drop(start - self._start, self._order.popleft)
        self._drop(self._end - end, self._order.pop)
        older = list(ended.between(start, self._start))
        newer = list(ended.between(self._end, end))
        self._order.extendleft(request.number for request in reversed(older))
        self._order.extend(request.number for request in newer)
        if _many(len(older) + len(newer), self._infos):
            self._infos += [self._make(request) for request in (*older, *newer)]
            self._sort()
            return
        for request in (*older, *newer):
            self._put(request)

    def _drop(self, count: int, take: Callable[[], int]) -> None:
        """Drops `count` requests at one end."""
        if _many(count, self._order):
            gone = {take() for _ in range(count)}
            self._infos = [info for info in self._infos if info.number not in gone]
            self._numbers = [info.number for info in self._infos]
            return
        for _ in range(count):
            at = bisect_left(self._numbers, take())
            del self._numbers[at], self._infos[at]

    def _put(self, request: Request) -> None:
        number = request.number
        if not self._numbers or number > self._numbers[-1]:
            at = len(self._numbers)
        else:
            at = bisect_left(self._numbers, number)
        self._numbers.insert(at, number)
        self._infos.insert(at, self._make(request))

    def _begin(self, ended: FinishedRequests, start: int, end: int) -> None:
        """Rebuilds the window, with the infos that exist."""
        known = dict(zip(self._numbers, self._infos, strict=True))
        requests = list(ended.between(start, end))
        self._order = deque(request.number for request in requests)
        infos = [known.get(request.number) or self._make(request) for request in requests]
        self._infos = infos
        self._sort()

    def _sort(self) -> None:
        self._infos.sort(key=_number)
        self._numbers = [info.number for info in self._infos]


def _many(count: int, of: Sized) -> bool:
    """Whether changing them one by one costs more than rebuilding all."""
    return count * 20 > len(of)


def _number(info: RequestInfo) -> int:
    return info.number
