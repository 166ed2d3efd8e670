"""A group of tasks: those that serve one route, or were created at one line.

In the hot path a step costs two appended integers, which are counted later.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from loopviz.clock import MS, SECOND
from loopviz.model.stats.histogram import Histogram

__all__ = ["Sums", "TaskGroup"]

_RECENT_NS, _SAMPLE_NS = 5 * SECOND, 500 * MS
"""What is recent goes back so far, sampled at this interval."""


class Sums(NamedTuple):
    """What the tasks of a group did up to a moment, or between two."""

    at_ns: int
    steps: int
    busy_ns: int
    ready_ns: int
    waiting_ns: int


class TaskGroup:
    """Tasks of one route or one site. `steps` and `delays` are not counted yet."""

    __slots__ = (
        "_samples",
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
        self._samples: deque[Sums] = deque()

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

    def recent(self, now: int) -> Sums:
        """What its tasks did lately; `at_ns` is how long that is. Counts are as of `count`."""
        samples = self._samples
        waiting_ns = self.waiting_ns(now)
        sums = Sums(now, self.step_times.count, self.busy_ns, self.ready_ns, waiting_ns)
        if not samples or now - samples[-1].at_ns >= _SAMPLE_NS:
            samples.append(sums)
        while len(samples) > 2 and now - samples[1].at_ns >= _RECENT_NS:
            samples.popleft()
        return Sums(*(new - old for new, old in zip(sums, samples[0], strict=True)))
