"""Groups of tasks: those that serve one route, or were made at one line.

A step is noted in the hot path as two appended integers; they are counted now and then.
"""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.model.stats.histogram import Histogram

if TYPE_CHECKING:
    from loopviz.model.state.tasks import Task

__all__ = ["Group", "Groups"]

_GROUPS = 200
"""Beyond, tasks of new lines and routes share one."""
_FEEDS = 50
"""What was noted is counted at least after so many batches."""
_PACE_NS, _LOOK_NS = 5 * SECOND, 500 * MS
"""Steps per second are told over so long, and looked at so often."""


class Group:
    """Tasks of one route or one site. `steps` and `delays` are what is not yet counted."""

    __slots__ = (
        "_paces",
        "born_ns",
        "busy_ns",
        "delays",
        "live",
        "lived_ns",
        "number",
        "ready_delays",
        "ready_ns",
        "route",
        "site",
        "started",
        "step_times",
        "steps",
    )

    def __init__(self, number: int, site: int, route: str) -> None:
        self.number = number
        self.site = site
        """The site's string; of a route, that of its first task."""
        self.route = route
        """Empty: it is no route's."""
        self.live = self.born_ns = 0
        """How many live, and the sum of the moments since when they are seen."""
        self.begin(0)

    def begin(self, at: int) -> None:
        """Count anew from here on."""
        self.steps: list[int] = []
        self.delays: list[int] = []
        self.step_times, self.ready_delays = Histogram(), Histogram()
        self.started = self.busy_ns = self.ready_ns = self.lived_ns = 0
        self.born_ns = self.live * at
        self._paces: deque[tuple[int, int]] = deque()

    def count(self) -> None:
        """Count what was noted."""
        if self.steps:
            self.busy_ns += sum(self.steps)
            self.step_times.add(np.array(self.steps, np.int64))
            self.steps.clear()
        if self.delays:
            self.ready_ns += sum(self.delays)
            self.ready_delays.add(np.array(self.delays, np.int64))
            self.delays.clear()

    def waiting_ns(self, now: int) -> int:
        """What is left of the lives of its tasks."""
        lived = self.lived_ns + self.live * now - self.born_ns
        return max(lived - self.busy_ns - self.ready_ns, 0)

    def pace(self, now: int) -> float:
        """Steps per second, lately."""
        paces, steps = self._paces, self.step_times.count
        if not paces or now - paces[-1][0] >= _LOOK_NS:
            paces.append((now, steps))
        while len(paces) > 2 and now - paces[1][0] >= _PACE_NS:
            paces.popleft()
        since, before = paces[0]
        return (steps - before) * SECOND / (now - since) if now > since else 0.0


class Groups:
    """All groups; each task is in one."""

    def __init__(self) -> None:
        self.all: list[Group] = []
        self._by_site: dict[int, Group] = {}
        self._by_route: dict[str, Group] = {}
        self._others: Group | None = None
        self._fed = _FEEDS

    def begin(self, at: int) -> None:
        """Count anew from here on."""
        for group in self.all:
            group.begin(at)

    def join(self, task: "Task", at: int) -> None:
        """It begins, or is seen again."""
        group = self._by_site.get(task.site)
        if group is None:
            group = self._by_site[task.site] = self._new(task.site, "")
        self._enter(task, group, at)

    def serves(self, task: "Task", route: str) -> None:
        """It is that route's from now on."""
        group = self._by_route.get(route)
        if group is None:
            group = self._by_route[route] = self._new(task.site, route)
        old = task.group
        if group is not old:
            old.live -= 1
            old.started -= 1
            old.born_ns -= task.since_ns
            self._enter(task, group, task.since_ns)

    def leave(self, task: "Task", at: int) -> None:
        """It ended, or is no longer followed."""
        group = task.group
        group.live -= 1
        group.born_ns -= task.since_ns
        group.lived_ns += at - task.since_ns

    def gap(self) -> None:
        """Events were lost: nobody is known to live."""
        for group in self.all:
            group.live = group.born_ns = 0

    def gather(self) -> None:
        """A batch was fed: what it noted must not pile up."""
        self._fed -= 1
        if self._fed <= 0:
            self._fed = _FEEDS
            for group in self.all:
                group.count()

    @staticmethod
    def _enter(task: "Task", group: Group, since: int) -> None:
        task.group = group
        group.live += 1
        group.started += 1
        group.born_ns += since

    def _new(self, site: int, route: str) -> Group:
        if len(self.all) < _GROUPS:
            group = Group(len(self.all) + 1, site, route)
            self.all.append(group)
            return group
        if self._others is None:
            self._others = Group(len(self.all) + 1, 0, "")
            self.all.append(self._others)
        return self._others
