"""The live view: panels placed by the plan, drawn at three rates on the app's one clock."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip

from loopviz.clock import MS
from loopviz.tui._textual import CellsApp
from loopviz.tui.commands.pointer import TIME_PANELS, click, drag, panel_at, wheel
from loopviz.tui.controller import Controller
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.screen_cells import Shift
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.axis import draw_axis
from loopviz.tui.panels.code import draw_source, source_length
from loopviz.tui.panels.compare import draw_compare
from loopviz.tui.panels.diagnosis import draw_diagnosis
from loopviz.tui.panels.finding import draw_finding
from loopviz.tui.panels.footer import draw_footer, draw_notice, draw_prompt, offers
from loopviz.tui.panels.header import draw_banner, draw_header
from loopviz.tui.panels.keycast import draw_keycast
from loopviz.tui.panels.lag import draw_lag
from loopviz.tui.panels.layout import Plan, PlanInput, make_plan, sidebar_width
from loopviz.tui.panels.legend import draw_legend
from loopviz.tui.panels.loop import draw_loop
from loopviz.tui.panels.routes import draw_routes
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.tabs import draw_tabs
from loopviz.tui.panels.too_small import draw_too_small
from loopviz.tui.panels.tour import draw_tour, tour_rows
from loopviz.tui.panels.tour_layout import with_tour
from loopviz.tui.source import source_around
from loopviz.tui.state.tour import COMPARE, FIX
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.live import LiveView
from loopviz.tui.widgets.lines import PanelsWidget

__all__ = ["MainScreen"]

NEWEST_INTERVAL_NS = 100 * MS
"""The shortest interval between two frames of which only the newest column differs."""
STILL_INTERVAL_NS = 250 * MS
"""The interval between two frames of a picture that stands still, is behind a box, or is zoomed
far out."""


class MainScreen(Screen[None]):
    """Call `show` once per frame."""

    class Pointed(Message):
        """The mouse has changed what is to be seen, or wants an action done."""

        def __init__(self, action: str = "") -> None:
            super().__init__()
            self.action = action

    CSS = "MainScreen { overflow: hidden; } PanelsWidget { width: 100%; height: 100%; }"
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, controller: Controller, frame_ns: int = 0) -> None:
        """`frame_ns`: the shortest interval between two frames that nobody has asked for."""
        super().__init__()
        self._controller, self._frame_ns = controller, frame_ns
        self._panels = PanelsWidget("panels")
        self._contents = PlanInput()
        self._plan: Plan | None = None
        self._tour: tuple[str, int, int] | None = None
        """The tour's step as the plan has it, the rows that it wants beside the timeline, below."""
        self._toured: tuple[Plan, tuple[str, int, int], Plan] | None = None
        """A plan, and the same with the tour in it."""
        self._first = self._drawn_ns = 0
        self._axis = Columns(1, 1, 1)
        """The time axis as it was last sent to the terminal."""
        self._pressed: int | None = None
        """The cell of the time axis on which the mouse button went down."""
        self._still: tuple[object, ...] = ()
        """The parts of the picture, while it stands still."""

    def compose(self) -> ComposeResult:
        yield self._panels

    def plan_for(self, size: Size) -> Plan:
        """The plan for a terminal of this size, as the run stands."""
        plan = make_plan(size.width, size.height, self._contents)
        if self._tour is None:
            return plan
        if self._toured is None or (self._toured[0] is not plan or self._toured[1] != self._tour):
            self._toured = plan, self._tour, with_tour(plan, *self._tour)
        return self._toured[2]

    def use_theme(self, theme: Theme) -> None:
        """Take over another palette."""
        self._panels.fill = theme.text
        if theme.palette and theme.palette.ground != "default":
            self.styles.background = theme.palette.ground

    def due(self, end_ns: int) -> bool:
        """True if a frame is worth drawing.

        It is when the timeline has moved by a column, or has gained the better part of one: in
        between only the newest column changes. What stands still, or is behind a box, is looked at
        four times a second.
        """
        passed, state = end_ns - self._drawn_ns, self._controller.view_state
        if self._plan is None or passed < self._frame_ns:
            return self._plan is None
        if (state.frozen and not state.playing) or self.app.screen is not self:
            return passed >= STILL_INTERVAL_NS
        columns = self._controller.columns_until(state.end_ns or end_ns)
        if columns.first != self._first and not state.playing:
            return True
        if state.playing:
            return passed >= min(STILL_INTERVAL_NS, int(columns.cell_ns / state.speed) * 2 // 3)
        return passed >= max(NEWEST_INTERVAL_NS, min(STILL_INTERVAL_NS, columns.cell_ns * 2 // 3))

    def show(
        self, scene: Scene, *, often: bool = True, seldom: bool = True, whole: bool = False
    ) -> None:
        """Draw the timeline and the lag; the header if `often`, the texts if `seldom`.

        Of a picture that stands still, the header alone, unless all is asked for: `whole`.
        """
        self._draw(scene, often=often, seldom=seldom, whole=whole)
        self._send(scene)

    def _draw(self, scene: Scene, *, often: bool, seldom: bool, whole: bool) -> None:
        self._contents = self._wanted(scene)
        self._tour = self._wanted_by_tour(scene)
        plan = self.plan_for(self.size)
        if plan is not self._plan:
            self._plan = self._controller.plan = plan
            self._panels.place(plan.panels)
            often = seldom = True
        if "small" in plan.panels:
            self._show("small", draw_too_small(plan, scene.theme))
            self._drawn_ns = scene.now_ns
            return
        if self._stands(scene, plan) and not whole:
            self._drawn_ns = scene.now_ns
            self._show("header", draw_header(scene, plan))
            return
        columns = self._controller.columns_until(scene.end_ns)
        live = self._controller.views[LIVE]
        assert isinstance(live, LiveView)
        self._show("loop", draw_loop(scene, plan, columns))
        if scene.view == LIVE:
            self._show("lag", draw_lag(scene, plan, columns))
            self._show("lanes", live.draw_lanes(scene, plan, columns))
        self._first, self._drawn_ns = columns.first, scene.now_ns
        if often:
            self._show("gauges", live.gauges.draw(scene, plan))
            self._show("axis", draw_axis(scene, plan, columns))
            self._show("header", draw_header(scene, plan))
            self._show("banner", draw_banner(scene, plan))
        if seldom:
            if "tour" in plan.panels:
                self._show("tour", draw_tour(scene, plan))
            self._show("tabs", draw_tabs(scene, plan.size("tabs")[0]))
            self._show("footer", self._footer(scene, plan))
            self._show("legend", draw_legend(scene, plan))
            self._show("compare", draw_compare(scene, plan))
            if scene.view != LIVE:
                self._show("view", self._controller.view.draw(scene, *plan.size("view")))
            elif plan.wide:
                self._show("source", draw_source(scene, plan))
                self._show("routes", draw_routes(scene, plan))
                self._show("diagnosis", draw_diagnosis(scene, plan, source_around))
            else:
                self._show("finding", draw_finding(scene, plan))
            if "breakdown" in plan.panels:
                self._show("breakdown", live.draw_chosen(scene, *plan.size("breakdown")))

    def _send(self, scene: Scene) -> None:
        """Send what has changed to the terminal. If a box is open, Textual draws what is behind.

        The box is told which rows those are: Textual, told of them here, would have it draw all,
        as after a resize.
        """
        app = self.app
        assert isinstance(app, CellsApp)
        placed = self._panels.changes()
        if not placed:
            return
        if app.screen is self:
            app.paint(placed, self._shift(self._controller.columns_until(scene.end_ns)))
        else:
            app.screen.refresh(*(Region(x, y, row.cell_length, 1) for x, y, row in placed))

    def _shift(self, columns: Columns) -> Shift | None:
        """What lies on the time axis has moved to the left since the last time."""
        before, self._axis = self._axis, columns
        plan = self._plan
        if plan is None or "lanes" not in plan.panels or before.cell_ns != columns.cell_ns:
            return None
        top, last = plan.panels["lag"], plan.panels["lanes"]
        height = last[1] + last[3] - top[1]
        return plan.label, top[1], plan.columns, height, columns.first - before.first

    def _stands(self, scene: Scene, plan: Plan) -> bool:
        """True if the picture is the same as before, but for the time that has passed."""
        what = (id(scene.snapshot), scene.view_state, scene.status, scene.notice, scene.stack)
        now = (*what, id(plan), scene.theme) if scene.frozen else ()
        before, self._still = self._still, now
        return bool(now) and now == before

    def _wanted(self, scene: Scene) -> PlanInput:
        snapshot, wide = scene.snapshot, self.size.width
        live = self._controller.views[LIVE]
        assert isinstance(live, LiveView)
        return PlanInput(
            banner=bool(scene.status.why or scene.status.phase != "running"),
            comparing=bool(snapshot and snapshot.comparison),
            fixes=len(scene.letters),
            gauges=live.gauges.rows(scene, wide, self.size.height),
            peers=len(snapshot.peers) if snapshot else 0,
            source=source_length(scene),
            view=scene.view,
            chosen=scene.view_state.row is not None or scene.view_state.time_range is not None,
            detail=live.breakdown_rows(scene) if scene.view == LIVE else 0,
        )

    def _wanted_by_tour(self, scene: Scene) -> tuple[str, int, int] | None:
        if scene.tour is None:
            return None
        step = COMPARE if scene.tour.step == FIX and scene.status.fixes_on else scene.tour.step
        beside = tour_rows(scene, sidebar_width(self.size.width), beside=True)
        return step, beside, tour_rows(scene, self.size.width, beside=False)

    def _footer(self, scene: Scene, plan: Plan) -> Sequence[Strip]:
        width = plan.size("footer")[0]
        if scene.pressed:
            return draw_keycast(scene, width)
        if scene.view_state.typing:
            return draw_prompt(scene, width, len(self._controller.view.keys(scene)))
        if scene.notice:
            return draw_notice(scene, width)
        return draw_footer(offers(scene, tabs="tabs" in plan.panels), width, scene)

    def _show(self, panel: str, lines: Sequence[Strip]) -> None:
        self._panels.put(panel, lines)

    # ---- the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        name, *_ = panel_at(self._plan, event.screen_x, event.screen_y)
        if self._controller.view_state.view == LIVE and name in TIME_PANELS:
            self._pressed = event.screen_x

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed is not None and event.button and event.screen_x != self._pressed:
            drag(self._controller, self._pressed, event.screen_x)
            self.post_message(self.Pointed())

    def on_mouse_up(self, event: events.MouseUp) -> None:
        moved = self._pressed is not None and event.screen_x != self._pressed
        self._pressed = None
        action = "" if moved else click(self._controller, event.screen_x, event.screen_y)
        self.post_message(self.Pointed(action))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        wheel(
            self._controller, event.screen_x, event.screen_y, by, zooming=event.ctrl or event.shift
        )
        self.post_message(self.Pointed())
