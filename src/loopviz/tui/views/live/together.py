"""Two requests that waited at the same line at once: what lost updates and double work are made of.

Drawn below the lanes while a counter rises that ought to stay 0. What they share is not recorded,
so nothing is said of it but that they were there at the same time.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Location, RequestInfo, State
from loopviz.tui.draw.text import Line, cell_width, clean, duration, first_fitting, fit
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.places import file_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import draw_shape, idle, shape

__all__ = ["TwoAtOnce", "TwoAtOncePanel", "find_pair"]

LOOKED_AT = 100
"""So many of the newest requests are looked at."""
KEPT_NS = 4 * SECOND
"""How long a pair is shown at least, so that it can be read."""


class SharedWait(NamedTuple):
    """A request's wait between two of its steps."""

    request: RequestInfo
    where: Location
    what: str
    start_ns: int
    end_ns: int
    begun_ns: int
    """When the step before it began."""
    over_ns: int
    """When the step after it was over."""


class TwoAtOnce(NamedTuple):
    """Two waits at one line that overlap, the earlier one first."""

    first: SharedWait
    second: SharedWait

    @property
    def together_ns(self) -> int:
        """How long both lasted at once."""
        return min(self.first.end_ns, self.second.end_ns) - self.second.start_ns


def find_pair(requests: Iterable[RequestInfo]) -> TwoAtOnce | None:
    """The newest pair whose waits overlap by half or more; requests come oldest first."""
    waits = [wait for request in requests for wait in _longest_wait(request)]
    waits.sort(key=lambda wait: -wait.start_ns)
    for i, second in enumerate(waits):
        for first in waits[i + 1 : i + 5]:
            if _like(first, second) and first.end_ns > second.start_ns:
                pair = TwoAtOnce(first, second)
                shorter = min(first.end_ns - first.start_ns, second.end_ns - second.start_ns)
                if pair.together_ns * 2 >= shorter:
                    return pair
    return None


def _like(first: SharedWait, second: SharedWait) -> bool:
    a, b = first.request, second.request
    return (a.route, a.worker, first.where) == (b.route, b.worker, second.where)


def _longest_wait(request: RequestInfo) -> Iterator[SharedWait]:
    """The longest wait of an answered request, if its line is known and between two steps.

    A wait for a resource is none: there, one goes on after the other.
    """
    if request.open or not request.status:
        return
    wait = next((wait for wait in request.waits if wait.total_ns), None)
    if wait is None or wait.resource or wait.count != 1 or wait.location is None:
        return
    spans = list(request.spans)
    for i, (start, end, state) in enumerate(spans):
        if state is State.AWAIT and end - start == wait.total_ns and 0 < i < len(spans) - 1:
            over = next((e for _, e, then in spans[i + 1 :] if then.runs), spans[i + 1][1])
            yield SharedWait(request, wait.location, wait.what, start, end, spans[i - 1][0], over)
            return


class TwoAtOncePanel:
    """Draws the diagram; keeps a pair for some seconds."""

    def __init__(self) -> None:
        self._pair: TwoAtOnce | None = None
        self._since = 0
        self._drawn: tuple[tuple[object, ...], list[Strip]] = ((), [])

    def rows(self, scene: Scene, height: int) -> int:
        """The rows that it takes of a panel of that height; 0: there is nothing to show."""
        if height < 9 or not self._find(scene):
            return 0
        return 4 if height < 14 else 5

    def draw(self, scene: Scene, plan: Plan, rows: int) -> list[Strip]:
        """So many rows, at least four: the route, both requests, what is known of them."""
        assert self._pair is not None
        key = (self._pair, plan, rows, scene.theme)
        if self._drawn[0] != key:
            self._drawn = key, _draw(self._pair, scene, plan, rows)
        return self._drawn[1]

    def _find(self, scene: Scene) -> bool:
        if scene.finding is not None or scene.rising_counter is None or scene.snapshot is None:
            self._pair = None
        elif scene.frozen or self._pair is None or scene.now_ns - self._since > KEPT_NS:
            wanted = scene.view_state.filter
            newest = scene.snapshot.requests[-2 * LOOKED_AT :]
            shown = [r for r in newest if not r.open and wanted in r.route.lower()]
            self._pair, self._since = find_pair(shown[-LOOKED_AT:]), scene.now_ns
        return self._pair is not None


def _draw(pair: TwoAtOnce, scene: Scene, plan: Plan, rows: int) -> list[Strip]:
    theme, (width, _) = scene.theme, plan.size("lanes")
    start = min(wait.begun_ns for wait in pair)
    end = max(wait.over_ns for wait in pair)
    name = clean(pair.first.request.route)
    head = Line(width).add(" TWO AT ONCE", theme.title).to(plan.label, theme.text)
    head.add(fit(name, min(cell_width(name), head.left), scene.glyphs.more), theme.strong)
    head.add(f"  these {duration(end - start, ' ')}:", theme.dim)
    cell = max(1, -(-(end - start) // max(1, plan.columns - 2)))
    grid = Columns(cell, plan.columns, (start // cell + plan.columns) * cell)
    drawn = [_row(wait, grid, scene, plan) for wait in pair]
    told = []
    for words in _words(pair)[: rows - 3]:
        line = Line(width).to(plan.label, theme.text)
        told.append(line.add(first_fitting(words, line.left), theme.text).strip(theme.text))
    return [head.strip(theme.text), *drawn, *told]


def _row(wait: SharedWait, grid: Columns, scene: Scene, plan: Plan) -> Strip:
    """A request from the step before its wait to the one after it."""
    theme, request = scene.theme, wait.request
    cells = idle(grid.count, theme)
    inside = [s for s in request.spans if wait.begun_ns <= s[0] and s[1] <= wait.over_ns]
    draw_shape(shape(inside, grid.cell_ns), cells, grid, theme, scene.glyphs)
    line = Line(plan.size("lanes")[0]).add(f"   #{request.number}", theme.dim)
    line.to(plan.label, theme.text).cells(*cells)
    return line.end(f"{request.status} ", theme.dim, theme.text).strip(theme.text)


def _words(pair: TwoAtOnce) -> list[list[str]]:
    """What is known of them: sentences, and shorter ones in their places."""
    where, lasted = file_line(pair.first.where), duration(pair.together_ns, " ")
    both = " and ".join(f"#{wait.request.number}" for wait in pair)
    return [
        [
            f"for {lasted} {both} both waited at {where}, each between two of its steps",
            f"for {lasted} {both} both waited at {where}",
            f"{both} both waited at {where}",
        ],
        [
            "when one of them goes on, the other may have changed what it had read",
            "each may have changed what the other had read",
        ],
    ]
