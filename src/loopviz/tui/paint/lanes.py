"""The request lanes: rows shared fairly between routes, then each row's cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import RequestView, State
from loopviz.tui.paint.columns import Columns
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.spans import Cell, Lane
from loopviz.tui.paint.text import Line, clean, duration, fit

__all__ = ["LanePainter", "LaneRow", "share_rows"]

Uprights = dict[int, Cell]
"""Column → the glyph of a vertical line through it."""

KEEP_NS = 4 * SECOND
"""A lane keeps its row for so long after it was last needed, so that rows do not jump."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One row: the lane of a route, and how many lanes beyond it have no row."""

    route: str
    lane: int
    hidden: int = 0


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


class LanePainter:
    """Paints the lanes; remembers which rows were needed and the shapes of ended requests."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._painted: dict[tuple[str, int], tuple[tuple[object, ...], Strip]] = {}
        self._looks: Looks | None = None
        self._needed: dict[str, tuple[int, int]] = {}

    def rows(self, scene: Scene, count: int, start_ns: int) -> list[LaneRow]:
        """Which lane each row shows, in the load's order of routes."""
        assert scene.snapshot is not None
        wanted: dict[str, int] = {route.route: 1 for route in scene.snapshot.routes}
        for request in scene.snapshot.requests:
            if request.end_ns > start_ns and request.start_ns < scene.end_ns:
                wanted[request.route] = max(wanted.get(request.route, 0), request.lane + 1)
        for route, lanes in wanted.items():
            before, since = self._needed.get(route, (0, scene.end_ns))
            if lanes >= before or scene.end_ns - since > KEEP_NS:
                self._needed[route] = (lanes, scene.end_ns)
            wanted[route] = self._needed[route][0]
        return share_rows(wanted, count)

    def paint(self, scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
        """As many rows as the panel has."""
        width, height = plan.size("lanes")
        looks = scene.looks
        if scene.snapshot is None:
            return [Line(width).strip(looks.text) for _ in range(height)]
        if looks is not self._looks:
            self._looks = looks
            self._lanes.clear()
            self._painted.clear()
        rows = self.rows(scene, height, columns.start_ns)
        lanes: dict[tuple[str, int], list[RequestView]] = {}
        requests = scene.snapshot.requests
        for request in requests:
            if request.start_ns < scene.end_ns:
                lanes.setdefault((request.route, request.lane), []).append(request)
        lines = _uprights(scene, columns)
        culprit = scene.held.request if scene.held else 0
        groups = len({row.route for row in rows})
        strips: list[Strip] = []
        for i, row in enumerate(rows):
            if row.lane == 0 and i and len(rows) + groups <= height:
                strips.append(_blank(plan, columns, lines, scene))
            found = lanes.get((row.route, row.lane), ())
            strips.append(self._row(row, found, scene, plan, columns, lines, culprit))
        rest = _blank(plan, columns, lines, scene)
        return [*strips, *[rest] * (height - len(strips))]

    def _row(
        self,
        row: LaneRow,
        requests: Sequence[RequestView],
        scene: Scene,
        plan: Plan,
        columns: Columns,
        uprights: Uprights,
        culprit: int,
    ) -> Strip:
        looks, glyphs = scene.looks, scene.glyphs
        place = (row.route, row.lane)
        guilty = bool(culprit) and any(request.number == culprit for request in requests)
        key = _key(requests, columns, uprights, (row, guilty, plan))
        before = self._painted.get(place)
        if before and before[0] == key:
            return before[1]
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane(looks, glyphs)
        cells = lane.cells(requests, columns)
        for column, (char, style) in uprights.items():
            if cells[0][column] == " ":
                cells[0][column], cells[1][column] = char, style
        outcome = _outcome(requests[-1], columns, scene) if requests else ("", looks.text)
        line = Line(plan.size("lanes")[0])
        line.add(glyphs.bang if guilty else " ", looks.alarm)
        name_width = plan.label - 2
        if row.hidden:
            line.add(fit(f"+{row.hidden} more lanes", name_width, glyphs.more), looks.warm)
        elif row.lane:
            line.add(fit(f"  {glyphs.dot}{row.lane + 1}", name_width), looks.dim)
        else:
            style = looks.alarm if guilty else looks.text
            line.add(fit(clean(row.route), name_width, glyphs.more), style)
        line.to(plan.label, looks.text).cells(*cells)
        strip = line.end(*outcome, looks.text).strip(looks.text)
        self._painted[place] = (key, strip)
        return strip


def _key(
    requests: Sequence[RequestView], columns: Columns, uprights: Uprights, rest: tuple[object, ...]
) -> tuple[object, ...]:
    """Equal keys, equal rows: the grid stands and no request of the lane went a step further."""
    last = requests[-1] if requests else None
    steps = last and (last.number, last.open, [span[::2] for span in last.spans])
    grid = (columns.first, columns.cell_ns, columns.count)
    return (grid, len(requests), steps, tuple(uprights), rest)


def _outcome(request: RequestView, columns: Columns, scene: Scene) -> tuple[str, Style]:
    """What came of the lane's latest request: its time, or its status if that is an error."""
    looks = scene.looks
    if request.open:
        took = duration(columns.after_ns - request.start_ns)
        return f"{took}{scene.glyphs.more[:1]} ", looks.dim
    if request.status >= 400 or request.status == 0:
        return f"{request.status or 'lost'} ", looks.alarm
    took = duration(request.end_ns - request.start_ns)
    blocked = any(state is State.BLOCKING for _, _, state in request.spans)
    waited = request.ready_ns * 2 > request.end_ns - request.start_ns
    return took + " ", looks.alarm if blocked else looks.warm if waited else looks.dim


def _uprights(scene: Scene, columns: Columns) -> Uprights:
    """The lines through idle cells: where something was changed, and, in colour, each second."""
    looks, glyphs = scene.looks, scene.glyphs
    lines: Uprights = {}
    if looks.edges:
        lines = dict.fromkeys(columns.seconds(), (glyphs.wall, looks.grid))
    for mark in scene.snapshot.marks if scene.snapshot else ():
        column = columns.at(mark.at_ns)
        if 0 <= column < columns.count:
            lines[column] = (glyphs.mark_line, looks.mark_line)
    return lines


def _blank(plan: Plan, columns: Columns, uprights: Uprights, scene: Scene) -> Strip:
    chars = [" "] * columns.count
    styles = [scene.looks.text] * columns.count
    for column, (char, style) in uprights.items():
        chars[column], styles[column] = char, style
    line = Line(plan.size("lanes")[0]).to(plan.label, scene.looks.text)
    return line.cells(chars, styles).strip(scene.looks.text)
