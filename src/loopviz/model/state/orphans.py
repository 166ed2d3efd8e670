"""Orphans: what works on for a request after its end. They keep the request's lane meanwhile."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter

from loopviz.clock import SECOND
from loopviz.model.state.entities import Job, Task
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.request import Request

__all__ = ["Helper", "OrphanGroup", "Orphans"]

LANE_KEPT_NS = 10 * SECOND
"""How long orphans keep a lane: one may be a worker that runs for as long as the app does."""
_MEMBERS = 100
"""How many orphans of one request are told apart; more are not counted."""
_OPEN, _ENDED = 1_000, 5_000
"""How many groups are followed, and how many of those that have ended are kept."""

Helper = Task | Job
"""A task that works for a request without serving it, or a worker job of one of its tasks."""


class OrphanGroup:
    """The orphans of one request, from its end until the last of them ends."""

    __slots__ = ("_lives", "_members", "end_ns", "first", "open", "request")

    def __init__(self, request: Request, members: dict[int, Helper]) -> None:
        self.request = request
        self.first = next(iter(members.values()))
        self.open = set(members)
        """The keys of those that have not ended."""
        self.end_ns = 0
        """When the last one ended, or when they gave up the lane; 0: they have it."""
        self._members = list(members.values())
        self._lives: tuple[tuple[int, int], ...] = ()

    def add(self, key: int, helper: Helper) -> None:
        """One of them has made another one."""
        if len(self._members) < _MEMBERS:
            self._members.append(helper)
            self.open.add(key)

    def close(self, at: int) -> None:
        """The last one has ended, or no more is told of them."""
        self.end_ns = max(at, self.request.end_ns)
        self._lives = tuple((_born(one), one.ended_ns or self.end_ns) for one in self._members)
        self._members.clear()

    def count(self, at: int) -> int:
        """How many of them were there at that moment."""
        lives = self._lives or [(_born(one), one.ended_ns) for one in self._members]
        return sum(born <= at and not 0 < ended <= at for born, ended in lives)


class Orphans:
    """The helpers of open requests, and the groups of those whose request has ended."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._helpers: dict[Request, dict[int, Helper]] = {}
        """Of open requests, those that have not ended."""
        self.open: dict[Request, OrphanGroup] = {}
        """In the order in which their requests ended."""
        self.ended: list[OrphanGroup] = []
        """In the order of their ends."""
        self.retained = False
        """While it is set, none is forgotten for its age."""

    def begins(self, request: Request, key: int, helper: Helper) -> None:
        """A helper begins; its key is its task's number, or the negative of its job's."""
        if not request.sealed:
            self._helpers.setdefault(request, {})[key] = helper
            return
        group = self.open.get(request)  # one orphan has made another
        if group is not None:
            group.add(key, helper)

    def ends(self, request: Request, key: int, at: int) -> None:
        """A helper has ended."""
        helpers = self._helpers.get(request)
        if helpers is not None:
            helpers.pop(key, None)
            return
        group = self.open.get(request)
        if group is not None:
            group.open.discard(key)
            if not group.open:
                self._close(group, at)

    def request_ended(self, request: Request) -> bool:
        """Whether orphans remain, which keep the request's lane."""
        helpers = self._helpers.pop(request, None)
        if not helpers:
            return False
        self.open[request] = OrphanGroup(request, dict(islice(helpers.items(), _MEMBERS)))
        if len(self.open) > _OPEN:
            self._close(next(iter(self.open.values())), request.end_ns)
        return True

    def give_up_lanes(self, now: int) -> None:
        """Frees the lanes of those whose request ended long ago."""
        while self.open:
            group = next(iter(self.open.values()))
            if now - group.request.end_ns < LANE_KEPT_NS:
                break
            self._close(group, group.request.end_ns + LANE_KEPT_NS)

    def close_all(self, at: int) -> None:
        """What becomes of them is not known, or the app is gone."""
        self._helpers.clear()
        for group in list(self.open.values()):
            self._close(group, at)

    def within(self, start_ns: int, end_ns: int) -> Iterator[OrphanGroup]:
        """Those that overlap that time, the newest first."""
        for group in reversed(self.open.values()):
            if group.request.end_ns < end_ns:
                yield group
        for group in reversed(self.ended):
            if group.end_ns <= start_ns:
                break
            if group.request.end_ns < end_ns:
                yield group

    def forget_before(self, time: int) -> None:
        """Drops those that ended before `time`."""
        if not self.retained:
            del self.ended[: bisect_left(self.ended, time, key=_end)]

    def _close(self, group: OrphanGroup, at: int) -> None:
        request = group.request
        del self.open[request]
        group.close(at)
        self._lanes.free(request.route, request.lane, group.end_ns)
        if group.end_ns > request.end_ns:
            insort(self.ended, group, key=_end)
        if len(self.ended) > _ENDED:
            del self.ended[: _ENDED // 10]


_end = attrgetter("end_ns")


def _born(helper: Helper) -> int:
    return helper.submitted_ns if isinstance(helper, Job) else helper.started_ns
