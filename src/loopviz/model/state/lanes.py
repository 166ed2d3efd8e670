"""The numbers of requests, and the lanes on which they are drawn without overlap."""

__all__ = ["Lanes"]

_OPEN = 1 << 62
"""The end of an open request."""
_PATHS = 1000
"""How many routes are kept; beyond, those without an open request are forgotten."""


class Lanes:
    """The lanes of a run by route; its workers share them.

    On a lane, each request begins when the one before it has ended, or later.
    """

    def __init__(self) -> None:
        self._ends: dict[str, list[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._ends)

    def number(self) -> int:
        """The next request's number: 1, 2, 3 and so on."""
        self._count += 1
        return self._count

    def take(self, route: str, start_ns: int, until_ns: int = _OPEN) -> int:
        """Takes the route's lowest lane that is free from `start_ns` on, until `until_ns`."""
        lanes = self._ends.setdefault(route, [])
        for lane, free_from in enumerate(lanes):
            if free_from <= start_ns:
                lanes[lane] = until_ns
                return lane
        lanes.append(until_ns)
        return len(lanes) - 1

    def free(self, route: str, lane: int, from_ns: int) -> None:
        """Frees the lane: the request that took it has ended."""
        self._ends[route][lane] = from_ns

    def keep(self, route: str, lane: int) -> None:
        """Takes the lane of a request that has just ended once more, for its orphans."""
        self._ends[route][lane] = _OPEN

    def move(self, route: str, start_ns: int, end_ns: int = _OPEN) -> int:
        """Takes a lane of the route for a request whose route is known only now."""
        lane = self.take(route, start_ns, end_ns)
        if len(self._ends) > _PATHS:  # paths that never become routes
            self._ends = {
                r: ends for r, ends in self._ends.items() if r == route or max(ends) == _OPEN
            }
        return lane
