"""Where things go: a pure function of the terminal's size, so that it can be tested as numbers."""

from dataclasses import dataclass
from functools import lru_cache

from loopviz.clock import SECOND

__all__ = ["MIN_HEIGHT", "MIN_WIDTH", "Plan", "Rect", "plan"]

MIN_WIDTH, MIN_HEIGHT = 60, 16
WIDE = 120

Rect = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A rectangle for each panel that is shown, by name; together they cover the terminal."""

    width: int
    height: int
    panels: dict[str, Rect]
    label: int
    """Cells before the time axis."""
    columns: int
    """Cells of the time axis."""
    margin: int
    """Cells after the time axis."""
    window_ns: int
    wide: bool

    def size(self, panel: str) -> tuple[int, int]:
        """Width and height; zero if it is not shown."""
        return self.panels.get(panel, (0, 0, 0, 0))[2:]


@lru_cache(maxsize=32)
def plan(width: int, height: int, *, banner: bool = False, comparing: bool = False) -> Plan:
    """The plan for a terminal of this size, as the run stands.

    A banner takes a row below the header; before there is something to compare, a small terminal
    gives the compare strip's second row to the finding.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        whole = {"small": (0, 0, width, height)}
        return Plan(width, height, whole, 0, max(1, width), 0, 5 * SECOND, wide=False)
    wide = width >= WIDE and height >= 20
    side = min(72, max(48, round(width * 0.36))) if wide else 0
    main = width - side
    chart = _chart_rows(height, wide)
    top: list[tuple[str, int]] = [("header", 1)]
    if banner:
        top.append(("banner", 1))
    loop = 4 if height >= 44 else 3 if height >= 32 else 1  # above one: a free row below
    middle = [("lag", 1 + chart), ("axis", 1), ("loop", loop)]
    if wide:
        bottom = [("compare", 4 if height >= 36 else 3), ("footer", 1)]
        lower = [("legend", 1)]
    else:
        lower = [("legend", 1)] if height >= 18 else []
        compare = 4 if height >= 36 else 2 if height >= 22 and comparing else 1
        spare = 1 if height >= 22 and compare == 1 else 0
        lower.append(("finding", (4 if height >= 20 else 3) + spare))
        bottom = [("compare", compare), ("footer", 1)]
    taken = sum(rows for _, rows in (*top, *middle, *lower, *bottom))
    middle.append(("lanes", height - taken))

    panels: dict[str, Rect] = {}
    y = 0
    for name, rows in top:
        panels[name] = (0, y, width, rows)
        y += rows
    body = y
    for name, rows in (*middle, *lower):
        panels[name] = (0, y, main, rows)
        y += rows
    if wide:
        routes = 7 if height >= 36 else 5
        if height >= 36:
            routes = 1 + chart
        panels["routes"] = (main, body, side, routes)
        panels["diagnosis"] = (main, body + routes, side, y - body - routes)
    for name, rows in bottom:
        panels[name] = (0, y, width, rows)
        y += rows
    label = 16 if main < 100 else 18
    margin = 8
    return Plan(
        width,
        height,
        panels,
        label,
        main - label - margin,
        margin,
        (6 if width >= 100 else 5) * SECOND,
        wide,
    )


def _chart_rows(height: int, wide: bool) -> int:
    if height >= (44 if wide else 40):
        return 8
    if height >= 32:
        return 4
    return 2 if height >= 26 else 1
