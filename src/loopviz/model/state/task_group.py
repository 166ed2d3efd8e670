"""A group of tasks: those that serve one route, or were made at one line.

A step is noted in the hot path as two appended integers; they are counted now and then.
"""

from collections import deque

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.model.stats.histogram import Histogram

__all__ = ["Group"]

_PACE_NS, _LOOK_NS = 5 * SECOND, 500 * MS
"""Steps per second are counted over so long, and looked at so often."""


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
