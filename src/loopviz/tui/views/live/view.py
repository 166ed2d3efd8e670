"""The live view: which request the cursor is on. The screen draws its panels one by one."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import ClassVar

from textual.strip import Strip

from loopviz.clock import MS
from loopviz.model.snapshot import Location, RequestInfo, Snapshot
from loopviz.model.snapshot.breakdown import Breakdown, Part, breakdown
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.gauges import GaugePanel
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.effects import Change, Effects, Freeze, GoTo, Notify
from loopviz.tui.state.view_state import LIVE, Key, ViewState
from loopviz.tui.views.live.breakdown import breakdown_rows, draw_breakdown
from loopviz.tui.views.live.lanes import LanePanel
from loopviz.tui.views.live.parts import has_culprit
from loopviz.tui.views.live.range import draw_range
from loopviz.tui.views.view import View

__all__ = ["LiveView"]

FOLLOW_INTERVAL_NS = 400 * MS
"""How often the cursor moves on to its lane's latest request: slowly enough to be read."""


class LiveView(View):
    """Remembers which lane and which gauge has which place, and the lane that the cursor is on.

    A row is a lane; its key is the number of a request on it: the latest that has ended, while it
    is live; the nearest to the moment in question, while it is frozen.
    """

    NAME: ClassVar[str] = LIVE
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        ("LAG", "how late timers ran: the loop's own delay, on a logarithmic axis"),
        ("LOOP", "how busy each moment of the loop was; ! is one callback that blocked it"),
        ("REQUEST", "a row for each route; ·2 ·3: requests of it at the same time"),
        ("latest", "how long the newest request of the row took, or its status; … goes on"),
        (
            "TWO AT ONCE",
            "while a counter rises that should stay 0: two requests that waited at one line at "
            "once, drawn from the step before that wait to the step after it",
        ),
        (
            "sparkline",
            "beside a counter, by how much it grew in each half second of the last ten seconds; "
            "beside a queue without a limit, how long it was",
        ),
        ("+380ms", "for how long orphans have worked on since their request ended"),
        ("▶ [ ]", "the chosen row; brackets: its chosen request or slice; ◆ it has one cell"),
        ("▲", "the row is pinned: it stays on top"),
        ("-4s", "on the axis: before now; while it is frozen, before the freeze"),
        ("ran", "of a chosen request: its own steps, short ones"),
        ("blocking", "its own steps that blocked the loop for 20 ms or more"),
        ("GIL", "its own steps that waited that long for the GIL"),
        ("ready", "it could run, but others ran: who, and on which line"),
        (
            "decided",
            "of an opened request: its own parts, and those of the tasks that woke it when it "
            "waited, from its end back to its start; they add up to its latency",
        ),
        ("victims", "requests that were ready but waited while somebody else blocked the loop"),
    )

    def __init__(self) -> None:
        self.lanes = LanePanel()
        self.gauges = GaugePanel()
        self._followed_ns = 0
        self._broken: tuple[Snapshot, RequestInfo, Breakdown] | None = None

    def keys(self, scene: Scene) -> list[Key]:
        """The request of each row, from the top; rows without one are passed over."""
        found: list[Key] = []
        for row in self.lanes.visible:
            request = self.request_of(row.key, scene) if row is not None else None
            if request is not None:
                found.append(request.number)
        return found

    def row_at(self, y: int) -> tuple[str, int] | None:
        """The lane that was drawn on that line of its panel."""
        row = self.lanes.visible[y] if 0 <= y < len(self.lanes.visible) else None
        return row.key if row is not None else None

    def nearest(self, scene: Scene) -> RequestInfo | None:
        """The visible request of the lane that had the cursor last, or of the first lane."""
        lanes = [self.lanes.chosen, *(row.key for row in self.lanes.visible if row is not None)]
        found = (self.request_of(lane, scene) for lane in lanes if lane is not None)
        return next((request for request in found if request is not None), None)

    def requests_on(self, lane: Key, scene: Scene) -> list[RequestInfo]:
        """The requests of that lane, in the order of time."""
        requests = scene.snapshot.requests if scene.snapshot else ()
        on = [r for r in requests if (r.route, r.lane) == lane]
        return [r for r in on if r.start_ns < scene.end_ns]

    def request_at(self, lane: Key, from_ns: int, to_ns: int, scene: Scene) -> RequestInfo | None:
        """The longest request that lies there on that lane; else the one whose orphans do."""
        on = self.requests_on(lane, scene)
        there = [r for r in on if r.start_ns < to_ns and from_ns < r.end_ns]
        if not there and scene.snapshot is not None:
            orphans = [o for o in scene.snapshot.orphans if (o.route, o.lane) == lane]
            of = {o.request for o in orphans if o.start_ns < to_ns and from_ns < o.end_ns}
            there = [r for r in on if r.number in of]
        return max(there, key=lambda r: r.end_ns - r.start_ns, default=None)

    def follow(self, scene: Scene) -> Key | None:
        """The latest request of the chosen one's lane."""
        if scene.now_ns - self._followed_ns < FOLLOW_INTERVAL_NS or self.lanes.chosen is None:
            return scene.view_state.row
        self._followed_ns = scene.now_ns
        request = self.request_of(self.lanes.chosen, scene, latest=True)
        return request.number if request is not None else scene.view_state.row

    def pin_key(self, scene: Scene) -> Key | None:
        """The lane of the chosen request: requests go by."""
        return self.lanes.chosen if scene.view_state.row is not None else None

    def move(self, scene: Scene | None, state: ViewState, by: int) -> Effects:
        """In the detail the cursor goes over the parts."""
        found = self.breakdown(scene) if scene is not None else None
        if not state.detail or found is None or state.time_range is not None:
            return None
        at = max(0, min(len(found.parts) - 1, self.part_at(state.chosen) + by))
        chosen = {**state.chosen, "part": (state.row, at)}
        return (Change(lambda now: replace(now, chosen=chosen)),)

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:
        """Open the detail; in it, go to what delayed the request."""
        row = state.row
        if row is None:
            row = next(iter(self.keys(scene)), None) if scene is not None else None
        if row is None:
            return (Notify("No request is in sight."),)
        choose = Change(lambda now: now if now.row == row else now.choose(row))
        part = self.part(scene) if scene is not None else None
        if not state.detail or part is None:
            return choose, Freeze(), Change(lambda now: replace(now, detail=True))
        if has_culprit(part):
            follow = GoTo(part.request, part.at_ns)
            return Freeze(), follow, Change(lambda now: replace(now, detail=False))
        return Freeze(), Notify("Nobody held it up here: of a ready part, enter goes to who did.")

    def location(self, scene: Scene) -> Location | None:
        """The line of the chosen part; before the detail is open, of the longest that has one."""
        part = self.part(scene)
        if part is not None and (scene.view_state.detail or part.location is not None):
            return part.location
        found = self.breakdown(scene)
        places = (part.location for part in found.parts) if found is not None else ()
        return next((place for place in places if place is not None), None)

    def request(self, scene: Scene) -> RequestInfo | None:
        """The chosen one, if it is in the picture."""
        requests = scene.snapshot.requests if scene.snapshot else ()
        number = scene.view_state.chosen.get(LIVE)
        if not isinstance(number, int):
            return None
        at = bisect_left(requests, number, key=attrgetter("number"))
        return requests[at] if at < len(requests) and requests[at].number == number else None

    def breakdown(self, scene: Scene) -> Breakdown | None:
        """The breakdown of the chosen request; of one that is out of the picture, the last one."""
        request, snapshot = self.request(scene), scene.snapshot
        if request is None or snapshot is None:
            kept = self._broken
            return kept[2] if kept and kept[1].number == scene.view_state.chosen.get(LIVE) else None
        if self._broken is None or self._broken[0] is not snapshot or self._broken[1] != request:
            self._broken = snapshot, request, breakdown(snapshot, request)
        return self._broken[2]

    def path_request(self, scene: Scene) -> RequestInfo | None:
        opened = scene.view_state.detail and scene.view_state.time_range is None
        return self.request(scene) if opened else None

    def part(self, scene: Scene) -> Part | None:
        """The chosen part of the breakdown; the first one if none is."""
        found = self.breakdown(scene)
        if found is None or not found.parts:
            return None
        return found.parts[min(self.part_at(scene.view_state.chosen), len(found.parts) - 1)]

    @staticmethod
    def part_at(chosen: object) -> int:
        """The place of the chosen part."""
        assert hasattr(chosen, "get")
        number, at = chosen.get("part") or (0, 0)
        return at if number == chosen.get(LIVE) else 0

    def breakdown_rows(self, scene: Scene) -> int:
        """The rows that the chosen request's detail needs; 0: it is closed."""
        if not scene.view_state.detail or scene.view_state.time_range is not None:
            return 0
        found = self.breakdown(scene)
        return breakdown_rows(self._broken[1] if self._broken else None, found, scene)

    def draw_lanes(self, scene: Scene, plan: Plan, columns: Columns) -> list[Strip]:
        """The panel of the lanes."""
        request = self.request(scene)
        if request is not None:
            self.lanes.chosen = request.route, request.lane
        return self.lanes.draw(scene, plan, columns)

    def draw_chosen(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """The panel of what is chosen: the figures of a range, or where a request's time went."""
        if scene.view_state.time_range is not None:
            return draw_range(scene, width, height)
        found = self.breakdown(scene)
        request = self._broken[1] if found is not None and self._broken is not None else None
        at = self.part_at(scene.view_state.chosen) if scene.view_state.detail else None
        return draw_breakdown(request, found, at, scene, width, height)

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def request_of(self, lane: Key, scene: Scene, *, latest: bool = False) -> RequestInfo | None:
        """The request that stands for a lane."""
        on = self.requests_on(lane, scene)
        if not on:
            return None
        if not latest:
            chosen = next((r for r in on if r.number == scene.view_state.row), None)
            if chosen is not None:
                return chosen
        if not scene.frozen:
            return next((r for r in reversed(on) if not r.open), on[-1])
        moment = self._moment(scene)
        return min(on, key=lambda r: max(r.start_ns - moment, moment - r.end_ns, 0))

    def _moment(self, scene: Scene) -> int:
        """The time in question: of the chosen slice, or the middle of the chosen request."""
        request = self.request(scene)
        if scene.view_state.slice_ns:
            return scene.view_state.slice_ns
        return (request.start_ns + request.end_ns) // 2 if request is not None else scene.end_ns
