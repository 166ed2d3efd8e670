"""A group of tasks: those that serve one route, or were created at one line.

In the hot path a step costs two appended integers, which are counted later.
"""

from collections import deque

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.model.stats.histogram import Histogram

__all__ = ["TaskGroup"]

_RATE_NS, _SAMPLE_NS = 5 * SECOND, 500 * MS
"""Steps per second are an average over this window, sampled at this interval."""


class TaskGroup:
    """Tasks of one route or one site. `steps` and `delays` are not counted yet."""

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
        """The number of the site's string; of a route, that of its first task."""
        self.route = route
        """Empty: the group of a site."""
        self.live = self.born_ns = 0
        """How many live, and the sum of the times since which they have been seen."""
        self.begin(0)

    def begin(self, at: int) -> None:
        """Starts all counts anew."""
        self.steps: list[int] = []
        self.delays: list[int] = []
        self.step_times, self.ready_delays = Histogram(), Histogram()
        self.started = self.busy_ns = self.ready_ns = self.lived_ns = 0
        self.born_ns = self.live * at
        self._paces: deque[tuple[int, int]] = deque()

    def count(self) -> None:
        """Counts the noted steps and delays."""
        if self.steps:
            self.busy_ns += sum(self.steps)
            self.step_times.add(np.array(self.steps, np.int64))
            self.steps.clear()
        if self.delays:
            self.ready_ns += sum(self.delays)
            self.ready_delays.add(np.array(self.delays, np.int64))
            self.delays.clear()

    def waiting_ns(self, now: int) -> int:
        """How long its tasks have waited: their lifetimes less busy and ready time."""
        lived = self.lived_ns + self.live * now - self.born_ns
        return max(lived - self.busy_ns - self.ready_ns, 0)

    def pace(self, now: int) -> float:
        """Recent steps per second."""
        paces, steps = self._paces, self.step_times.count
        if not paces or now - paces[-1][0] >= _SAMPLE_NS:
            paces.append((now, steps))
        while len(paces) > 2 and now - paces[1][0] >= _RATE_NS:
            paces.popleft()
        since, before = paces[0]
        return (steps - before) * SECOND / (now - since) if now > since else 0.0
