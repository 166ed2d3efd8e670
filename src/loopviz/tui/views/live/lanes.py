"""The request lanes: each row's label, cells and outcome."""

from collections import defaultdict
from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import OrphanInfo, RequestInfo, State
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, clean, duration, fit
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.lag import LATE_NS
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.marks import VerticalLines, bracket_request, vertical_lines
from loopviz.tui.panels.overview import retention_note
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import LaneCells
from loopviz.tui.views.live.messages import draw_messages
from loopviz.tui.views.live.orphans import draw_orphans, orphan_outcome
from loopviz.tui.views.live.rows import LaneRow, pinned_first, starts_group
from loopviz.tui.views.live.together import TwoAtOncePanel

__all__ = ["LanePanel"]

Lanes = dict[tuple[str, int], list[RequestInfo]]
"""By route and lane."""
Orphans = dict[tuple[str, int], list[OrphanInfo]]
"""The same."""

ROW_KEPT_NS = 4 * SECOND
"""How long a lane keeps its row after it was last needed, so that rows do not jump."""


class LanePanel:
    """Draws the lanes; remembers which rows were needed and the shapes of ended requests."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, int], LaneCells] = {}
        self._drawn: dict[tuple[str, int], tuple[tuple[object, ...], Strip]] = {}
        self._theme: Theme | None = None
        self._needed: dict[str, tuple[int, int]] = {}
        self._grid = 0, 0
        self._pair = TwoAtOncePanel()
        self.chosen: tuple[str, int] | None = None
        """The lane of the chosen request."""
        self.visible: list[LaneRow | None] = []
        """The row of each line of the panel, as it was drawn; None: it is free."""

    def rows(self, scene: Scene, count: int, start_ns: int, by_lane: Lanes) -> list[LaneRow]:
        """The lane of each row: the pinned ones first, then in the load's order of routes."""
        assert scene.snapshot is not None
        wanted: dict[str, int] = {
            route.seen_as or route.route: 1 for route in scene.snapshot.routes
        }
        for (route, lane), requests in by_lane.items():
            if lane >= wanted.get(route, 0) and any(
                request.end_ns > start_ns for request in reversed(requests)
            ):
                wanted[route] = lane + 1
        for orphan in scene.snapshot.orphans:
            if orphan.end_ns > start_ns:
                wanted[orphan.route] = max(wanted.get(orphan.route, 0), orphan.lane + 1)
        for route, lanes in wanted.items():
            before, since = self._needed.get(route, (0, scene.end_ns))
            if lanes >= before or scene.end_ns - since > ROW_KEPT_NS:
                self._needed[route] = (lanes, scene.end_ns)
            wanted[route] = self._needed[route][0]
        wanted = {
            route: n for route, n in wanted.items() if scene.view_state.filter in route.lower()
        }
        return pinned_first(wanted, scene.view_state.pins, count)

    def draw(self, scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
        """Draw the panel."""
        width, height = plan.size("lanes")
        theme = scene.theme
        self.visible = []
        if scene.snapshot is None:
            return [Line(width).strip(theme.text) for _ in range(height)]
        if theme is not self._theme:
            self._theme = theme
            self._lanes.clear()
            self._drawn.clear()
        if self._grid != (columns.cell_ns, columns.count):
            self._grid = columns.cell_ns, columns.count
            self._needed.clear()
        lanes = _by_lane(scene.snapshot.requests, scene.end_ns)
        pair = self._pair.rows(scene, height)
        height -= pair
        orphans = _orphans_by_lane(scene.snapshot.orphans)
        rows = self.rows(scene, height, columns.start_ns, lanes)
        lines = vertical_lines(scene, columns)
        kept = _kept(scene, columns)
        culprit = scene.blocked_by.request if scene.blocked_by else 0
        starts = [i for i, row in enumerate(rows) if i and starts_group(rows[i - 1], row)]
        gaps = starts if len(rows) + len(starts) < height else ()
        strips: list[Strip] = []
        for i, row in enumerate(rows):
            if i in gaps:
                self.visible.append(None)
                strips.append(_blank(plan, columns, lines, scene))
            self.visible.append(row)
            found = lanes.get(row.key, ()), orphans.get(row.key, ())
            behind = lines | kept if i == len(rows) // 2 else lines
            strips.append(self._row(row, *found, scene, plan, columns, behind, culprit))
        rest = _blank(plan, columns, lines, scene)
        if not rows:
            strips.append(_nothing(plan, scene))
        strips += [rest] * (height - len(strips))
        return [*strips, *self._pair.draw(scene, plan, pair)] if pair else strips

    def _row(
        self,
        row: LaneRow,
        requests: Sequence[RequestInfo],
        orphans: Sequence[OrphanInfo],
        scene: Scene,
        plan: Plan,
        columns: Columns,
        behind: VerticalLines,
        culprit: int,
    ) -> Strip:
        theme, glyphs = scene.theme, scene.glyphs
        place = row.key
        guilty = bool(culprit) and any(request.number == culprit for request in requests)
        chosen = scene.view_state.row is not None and row.key == self.chosen
        mark = (scene.view_state.row, scene.view_state.slice_ns) if chosen else None
        ends = tuple((orphan.start_ns, orphan.open or orphan.end_ns) for orphan in orphans)
        key = _key(requests, columns, behind, (row, guilty, plan, mark, scene.frozen, ends))
        before = self._drawn.get(place)
        if before and before[0] == key:
            return before[1]
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = LaneCells(theme, glyphs)
        cells = lane.cells(requests, columns)
        draw_messages(cells, requests, scene, columns)
        draw_orphans(cells, requests, orphans, scene, columns)
        for column, (char, style) in behind.items():
            if cells[0][column] == " ":
                cells[0][column], cells[1][column] = char, style
        if chosen:
            bracket_request(cells, requests, scene, columns)
        outcome = _latest(requests, orphans, columns, scene)
        empty = not (requests or orphans)
        line = self._label(row, plan, scene, chosen=chosen, guilty=guilty, empty=empty)
        line.to(plan.label, theme.text).cells(*cells)
        strip = line.end(*outcome, theme.text).strip(theme.text)
        self._drawn[place] = (key, strip)
        return strip

    def _label(
        self, row: LaneRow, plan: Plan, scene: Scene, *, chosen: bool, guilty: bool, empty: bool
    ) -> Line:
        """A mark for chosen, pinned or to blame, then the lane's name, unless nothing is on it."""
        theme, glyphs = scene.theme, scene.glyphs
        line = Line(plan.size("lanes")[0])
        name_width = plan.label - 2
        mark = glyphs.bang if guilty else glyphs.up if row.pinned else " "
        style = theme.alarm if guilty else theme.dim if row.lane else theme.text
        if row.hidden and not row.lane:
            more = f" +{row.hidden}"
            name = fit(clean(row.route), name_width - len(more), glyphs.more).rstrip() + more
        elif row.lane and not row.pinned and empty:
            name = ""
        elif row.hidden:
            name = f"+{row.hidden} more lanes"
            name = name if len(name) <= name_width else f"+{row.hidden} more"
        elif row.lane and not row.pinned:
            name = f"  {glyphs.dot}{row.lane + 1}"
        else:
            more = f" {glyphs.dot}{row.lane + 1}" if row.lane else ""
            name = fit(clean(row.route), name_width - len(more), glyphs.more).rstrip() + more
        if chosen:
            line.add(glyphs.pointer, theme.cursor)
            return line.add(fit(name, name_width, glyphs.more), theme.cursor)
        line.add(mark, theme.alarm if guilty else theme.accent)
        return line.add(fit(name, name_width, glyphs.more), style)


def _by_lane(requests: Sequence[RequestInfo], end_ns: int) -> Lanes:
    """The requests that have begun by then, by lane."""
    lanes: Lanes = defaultdict(list)
    for request in requests:
        if request.start_ns < end_ns:
            lanes[request.route, request.lane].append(request)
    return lanes


def _orphans_by_lane(orphans: Sequence[OrphanInfo]) -> Orphans:
    lanes: Orphans = defaultdict(list)
    for orphan in orphans:
        lanes[orphan.route, orphan.lane].append(orphan)
    return lanes


def _key(
    requests: Sequence[RequestInfo],
    columns: Columns,
    behind: VerticalLines,
    rest: tuple[object, ...],
) -> tuple[object, ...]:
    """Equal keys, equal rows: the grid stands and no request of the lane went a step further."""
    last = requests[-1] if requests else None
    steps = last and (last.number, last.open, [span[::2] for span in last.spans])
    grid = (columns.first, columns.cell_ns, columns.count)
    return (grid, len(requests), steps, tuple((at, cell[0]) for at, cell in behind.items()), rest)


def _latest(
    requests: Sequence[RequestInfo],
    orphans: Sequence[OrphanInfo],
    columns: Columns,
    scene: Scene,
) -> tuple[str, Style]:
    """The outcome of the lane's latest request, or how long its orphans have been at work."""
    working = next((orphan for orphan in orphans if orphan.open), None)
    if working is not None:
        return orphan_outcome(working, columns, scene)
    return _outcome(requests[-1], columns, scene) if requests else ("", scene.theme.text)


def _outcome(request: RequestInfo, columns: Columns, scene: Scene) -> tuple[str, Style]:
    """The outcome of the lane's latest request: its time, or its status if that is an error."""
    theme = scene.theme
    if request.open:
        took = duration(columns.after_ns - request.start_ns)
        return f"{took}{scene.glyphs.more[:1]} ", theme.dim
    if not request.status and request.gone_ns:
        return "left ", theme.dim
    if request.status >= 400 or request.status == 0:
        return f"{request.status or 'lost'} ", theme.alarm
    took = duration(request.end_ns - request.start_ns)
    blocked = any(state in (State.BLOCKING, State.GIL) for _, _, state in request.spans)
    waited = max(LATE_NS, (request.end_ns - request.start_ns) // 2) < request.ready_ns
    return took + " ", theme.alarm if blocked else theme.warm if waited else theme.dim


def _kept(scene: Scene, columns: Columns) -> VerticalLines:
    """The reason why the left part is blank, if that is not because nothing happened."""
    assert scene.snapshot is not None
    text = retention_note("requests", scene.snapshot.oldest_ns, columns, scene.now_ns)
    text = f" {text} " if text else ""
    return {at: (char, scene.theme.dim) for at, char in enumerate(text)}


def _nothing(plan: Plan, scene: Scene) -> Strip:
    """No lane is shown, and why."""
    text = ""
    if scene.view_state.filter:
        text = f"no route has {scene.view_state.filter!r} in its name"
    elif scene.is_program:
        text = f"no requests so far; {scene.keys.label('view-tasks')} shows the tasks"
    return _text_row(text, plan, scene)


def _text_row(text: str, plan: Plan, scene: Scene) -> Strip:
    line = Line(plan.size("lanes")[0]).to(plan.label, scene.theme.text)
    return line.add(clean(text), scene.theme.dim).strip(scene.theme.text)


def _blank(plan: Plan, columns: Columns, behind: VerticalLines, scene: Scene) -> Strip:
    chars = [" "] * columns.count
    styles = [scene.theme.text] * columns.count
    for column, (char, style) in behind.items():
        chars[column], styles[column] = char, style
    line = Line(plan.size("lanes")[0]).to(plan.label, scene.theme.text)
    return line.cells(chars, styles).strip(scene.theme.text)
