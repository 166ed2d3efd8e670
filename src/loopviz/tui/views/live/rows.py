"""The rows of lanes: shared fairly between routes, the pinned ones on top."""

from collections.abc import Collection
from dataclasses import dataclass

from loopviz.tui.state.view_state import Key

__all__ = ["LaneRow", "pinned_first", "share_rows", "starts_group"]


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One row: the lane of a route, and how many lanes beyond it have no row."""

    route: str
    lane: int
    hidden: int = 0
    pinned: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """The lane's identity, by which it is pinned and chosen."""
        return self.route, self.lane


def share_rows(wanted: dict[str, int], rows: int) -> list[LaneRow]:
    """Rows for every route in order: none gets more than it wants, none starves for another."""
    given = dict.fromkeys(wanted, 0)
    left = rows
    while left > 0:
        hungry = [route for route in wanted if given[route] < wanted[route]]
        if not hungry:
            break
        for route in hungry[:left]:
            given[route] += 1
            left -= 1
    return [
        LaneRow(route, lane, wanted[route] - count if lane == count - 1 else 0)
        for route, count in given.items()
        for lane in range(count)
    ]


def pinned_first(wanted: dict[str, int], pins: Collection[Key], count: int) -> list[LaneRow]:
    """Pinned lanes, as long as their routes are shown, then the others."""
    pinned = [
        LaneRow(route, lane, pinned=True)
        for route, lanes in wanted.items()
        for lane in range(lanes)
        if (route, lane) in pins
    ][:count]
    keys = {row.key for row in pinned}
    if not keys:
        return share_rows(wanted, count)
    shared = [row for row in share_rows(wanted, count) if row.key not in keys]
    return [*pinned, *shared][:count]


def starts_group(before: LaneRow, row: LaneRow) -> bool:
    """True if another group of rows begins with `row`."""
    return before.pinned != row.pinned or (before.route != row.route and not row.pinned)
