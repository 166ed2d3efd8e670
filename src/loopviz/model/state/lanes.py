"""Where requests are drawn: each gets a number, and a lane on which no other one lies with it."""

__all__ = ["Lanes"]

_OPEN = 1 << 62
"""The end of a lane's request that has none yet."""
_PATHS = 1000
"""Routes kept apart; beyond, those are forgotten on which nothing is open."""


class Lanes:
    """The lanes of a run, route by route; of several workers, the same for all of them.

    On a lane, a request with a higher number begins when the one before it has ended, or later.
    """

    def __init__(self) -> None:
        self._ends: dict[str, list[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._ends)

    def number(self) -> int:
        """The next one: 1, 2, 3 and so on."""
        self._count += 1
        return self._count

    def take(self, route: str, start_ns: int, until_ns: int = _OPEN) -> int:
        """The route's lowest lane that is free from `start_ns` on, taken until then."""
        lanes = self._ends.setdefault(route, [])
        for lane, free_from in enumerate(lanes):
            if free_from <= start_ns:
                lanes[lane] = until_ns
                return lane
        lanes.append(until_ns)
        return len(lanes) - 1

    def free(self, route: str, lane: int, from_ns: int) -> None:
        """The request that took it has ended."""
        self._ends[route][lane] = from_ns

    def move(self, route: str, start_ns: int, end_ns: int) -> int:
        """A lane of another route for one that has ended: its name is known only now."""
        lane = self.take(route, start_ns, end_ns)
        if len(self._ends) > _PATHS:  # paths that never become routes
            self._ends = {
                r: ends for r, ends in self._ends.items() if r == route or max(ends) == _OPEN
            }
        return lane
