"""The layout of the screen: a pure function of the terminal's size and of what there is to show."""

from dataclasses import dataclass
from functools import lru_cache

from loopviz.clock import SECOND
from loopviz.tui.state.view_state import LIVE

__all__ = [
    "MIN_HEIGHT",
    "MIN_WIDTH",
    "WIDE_CELLS",
    "Plan",
    "PlanInput",
    "Rect",
    "make_plan",
    "sidebar_width",
]

MIN_WIDTH, MIN_HEIGHT = 60, 16
"""The smallest terminal, in cells and rows."""
WIDE_CELLS = 120
"""Width from which on panels stand side by side."""
TABS_ROWS = 30
"""Height from which on the live view has tabs. On lower terminals its footer names the views."""
LIST_ROWS = 20
"""Height of narrow terminals, beside a row for each fix, from which on all fixes are listed."""
MIN_LANES_ROWS, MIN_SOURCE_ROWS = 11, 11
"""Rows that the lanes keep when the source is shown, and that the source needs."""

Rect = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True, slots=True)
class PlanInput:
    """The input of a plan: what there is to show."""

    banner: bool = False
    comparing: bool = False
    """There is a before and an after."""
    fixes: int = 0
    """Fixes to list."""
    gauges: int = 0
    """Rows of gauges."""
    peers: int = 0
    """Loops of other workers."""
    source: int = 0
    """Lines of the lesson's source."""
    view: str = LIVE
    """One of `view_state.VIEWS`, or `lesson`."""
    chosen: bool = False
    """A request or a range is chosen in the live view."""
    detail: int = 0
    """Rows for its detail; 0: it is closed."""


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


@lru_cache(maxsize=64)
def make_plan(width: int, height: int, contents: PlanInput = PlanInput()) -> Plan:
    """The plan for a terminal of this size.

    A banner takes a row below the header; gauges take theirs from the lanes; before there is
    something to compare, a small terminal gives the compare strip's second row to the finding.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        whole = {"small": (0, 0, width, height)}
        return Plan(width, height, whole, 0, max(1, width), 0, 5 * SECOND, wide=False)
    wide = width >= WIDE_CELLS and height >= 20
    sidebar = sidebar_width(width) if wide and contents.view == LIVE else 0
    main = width - sidebar
    rows = _Rows(height)
    rows.above("header", 1)
    rows.above("tabs", int(contents.view != LIVE or height >= TABS_ROWS))
    rows.above("banner", int(contents.banner))
    body = rows.top
    _live(rows, contents, wide) if contents.view == LIVE else _other(rows, contents, wide)
    panels = rows.panels(main)
    for name in ("header", "tabs", "banner", "compare", "footer"):
        if name in panels:
            panels[name] = (0, panels[name][1], width, panels[name][3])
    if sidebar:
        routes = 1 + _chart_rows(height, wide) if height >= 36 else 5
        panels["routes"] = (main, body, sidebar, routes)
        panels["diagnosis"] = (main, body + routes, sidebar, rows.bottom - body - routes)
    label, margin = 16 if main < 100 else 18, 8
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


def sidebar_width(width: int) -> int:
    """Cells of what stands beside the timeline on a wide terminal."""
    return min(72, max(48, round(width * 0.36)))


class _Rows:
    """Rows given away from above and from below; the rest is the middle's."""

    def __init__(self, height: int) -> None:
        self._height = height
        self._above: list[tuple[str, int]] = []
        self._below: list[tuple[str, int]] = []
        self.top = 0
        self.bottom = height
        """The first row and the row after the last one between the panels of full width."""

    @property
    def left(self) -> int:
        return self._height - sum(rows for _, rows in (*self._above, *self._below))

    def above(self, name: str, rows: int) -> None:
        self._above.append((name, rows))
        self.top += rows

    def below(self, name: str, rows: int) -> None:
        """Called for the last one first."""
        self._below.append((name, rows))
        if name in ("compare", "footer"):
            self.bottom -= rows

    def panels(self, width: int) -> dict[str, Rect]:
        placed: dict[str, Rect] = {}
        y = 0
        for name, rows in (*self._above, *reversed(self._below)):
            if rows > 0:
                placed[name] = (0, y, width, rows)
                y += rows
        return placed


def _live(rows: _Rows, contents: PlanInput, wide: bool) -> None:
    height = rows.left + rows.top
    rows.below("footer", 1)
    if wide:
        rows.below("compare", 4 if height >= 36 else 3)
    else:
        compare = 4 if height >= 36 else 2 if height >= 22 and contents.comparing else 1
        rows.below("compare", compare)
        finding = _finding(height, contents.fixes, spare=height >= 22 and compare == 1)
        if contents.chosen:
            rows.below("breakdown", max(finding, min(contents.detail, height * 2 // 5)))
        else:
            rows.below("finding", finding)
    legend = int(_legend(height, contents, wide))
    rows.above("lag", 1 + _chart_rows(height, wide))
    loop = 4 if height >= 44 else 3 if height >= 32 else 1  # above one: a free row below
    rows.above("gauges", max(0, min(contents.gauges, rows.left - legend - loop - 4)))
    rows.above("axis", 1)
    peers = min(contents.peers, 3 if height >= 32 else 1, rows.left - legend - loop - 3)
    rows.above("loop", loop + peers * max(1, loop - 1))
    source = min(contents.source + 1, rows.left - legend - MIN_LANES_ROWS)
    if wide and contents.chosen:
        rows.below("breakdown", min(rows.left - legend - 4, max(8, min(contents.detail, 16))))
    elif wide and contents.source and source >= min(MIN_SOURCE_ROWS, contents.source + 1):
        rows.below("source", source)
    rows.below("legend", legend)
    rows.above("lanes", rows.left)


def _finding(height: int, fixes: int, *, spare: bool) -> int:
    """Rows of the finding: a title, two for its sentence or a reason, and a row for each fix."""
    if fixes and height >= LIST_ROWS + fixes:
        return 3 + fixes + (height >= 30)
    return (4 if height >= 20 else 3) + spare


def _legend(height: int, contents: PlanInput, wide: bool) -> bool:
    return contents.view == LIVE and (wide or height >= 18)


def _other(rows: _Rows, contents: PlanInput, wide: bool) -> None:
    """A view of one panel. What the fixes change stays in sight: the loop, before and after."""
    height = rows.left + rows.top
    rows.below("footer", 1)
    compare = 4 if height >= 36 else 3
    rows.below("compare", compare if wide else 1 + (height >= 22 and contents.comparing))
    rows.above("loop", 1 + min(contents.peers, 1))
    if contents.view == "lesson":
        rows.above("gauges", min(contents.gauges, 1 if height < 32 else 3))
    rows.above("view", rows.left)


def _chart_rows(height: int, wide: bool) -> int:
    if height >= (44 if wide else 40):
        return 8
    if height >= 32:
        return 4
    return 2 if height >= 26 else 1
