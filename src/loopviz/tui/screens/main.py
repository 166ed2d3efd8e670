"""The live view: panels placed by the plan, painted at three rates on the app's one clock."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from loopviz.tui.actions import footer
from loopviz.tui.desk import Desk
from loopviz.tui.look import LIVE
from loopviz.tui.paint.axis import paint_axis
from loopviz.tui.paint.code import paint_source, source_length
from loopviz.tui.paint.compare import paint_compare
from loopviz.tui.paint.diagnosis import paint_diagnosis
from loopviz.tui.paint.finding import paint_finding
from loopviz.tui.paint.footer import paint_footer
from loopviz.tui.paint.header import paint_banner, paint_header
from loopviz.tui.paint.lag import paint_lag
from loopviz.tui.paint.layout import Plan, Wants, plan
from loopviz.tui.paint.legend import paint_legend
from loopviz.tui.paint.loop import paint_loop
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.routes import paint_routes
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.small import paint_small
from loopviz.tui.source import source_around
from loopviz.tui.views.live import LiveView
from loopviz.tui.widgets.lines import LineWidget

__all__ = ["MainScreen"]

PANELS = (
    "small",
    "header",
    "banner",
    "lag",
    "gauges",
    "axis",
    "loop",
    "lanes",
    "view",
    "source",
    "legend",
    "finding",
    "routes",
    "diagnosis",
    "compare",
    "footer",
)


class PlanLayout(Layout):
    """Puts each panel where the screen's plan has it; panels without a place are not shown."""

    name = "plan"

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: ARG002
    ) -> ArrangeResult:
        assert isinstance(parent, MainScreen)
        panels = parent.plan_for(size).panels
        return [
            WidgetPlacement(Region(*panels[child.id]), Offset(), Spacing(), child)
            for child in children
            if child.id in panels
        ]


class MainScreen(Screen[None]):
    """Call `show` once per frame."""

    CSS = "MainScreen { overflow: hidden; } LineWidget { width: auto; height: auto; }"
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._panels = {name: LineWidget(name) for name in PANELS}
        self._wants = Wants()
        self._plan: Plan | None = None
        self._first, self._skipped = 0, False
        self._layout = PlanLayout()

    def compose(self) -> ComposeResult:
        yield from self._panels.values()

    @property
    def layout(self) -> Layout:
        return self._layout

    def plan_for(self, size: Size) -> Plan:
        """The plan for a terminal of this size, as the run stands."""
        return plan(size.width, size.height, self._wants)

    def paint_ground(self, looks: Looks) -> None:
        """Take over another palette."""
        for panel in self._panels.values():
            panel.fill = looks.text
        if looks.palette and looks.palette.ground != "default":
            self.styles.background = looks.palette.ground

    def due(self, end_ns: int) -> bool:
        """Whether a frame is worth painting.

        It is when the timeline has moved by a column, and else every second time: in between
        only the newest column changes.
        """
        if self._plan is not None and not self._skipped:
            columns = self._desk.grid(self._desk.look.end_ns or end_ns)
            self._skipped = columns.first == self._first
            return not self._skipped
        return True

    def show(self, scene: Scene, *, often: bool, seldom: bool) -> None:
        """Paint the timeline and the lag; the header if `often`, the texts if `seldom`."""
        self._wants = self._wanted(scene)
        plan_now = self.plan_for(self.size)
        if plan_now is not self._plan:
            self._plan = self._desk.plan = plan_now
            self._clear_arrangement_cache()
            self.refresh(layout=True)
            often = seldom = True
        if "small" in plan_now.panels:
            self._show("small", paint_small(plan_now, scene.looks))
            return
        columns = self._desk.grid(scene.end_ns)
        live = self._desk.views[LIVE]
        assert isinstance(live, LiveView)
        self._show("loop", paint_loop(scene, plan_now, columns))
        if scene.view == LIVE:
            self._show("lag", paint_lag(scene, plan_now, columns))
            self._show("lanes", live.lanes.paint(scene, plan_now, columns))
        self._first, self._skipped = columns.first, False
        if often:
            self._show("gauges", live.gauges.paint(scene, plan_now))
            self._show("axis", paint_axis(scene, plan_now, columns))
            self._show("header", paint_header(scene, plan_now))
            self._show("footer", paint_footer(footer(scene), plan_now, scene.looks))
            self._show("banner", paint_banner(scene, plan_now))
            self._show("legend", paint_legend(scene, plan_now))
        if seldom:
            self._show("compare", paint_compare(scene, plan_now))
            if scene.view != LIVE:
                self._show("view", self._desk.view.paint(scene, *plan_now.size("view")))
            elif plan_now.wide:
                self._show("source", paint_source(scene, plan_now))
                self._show("routes", paint_routes(scene, plan_now))
                self._show("diagnosis", paint_diagnosis(scene, plan_now, source_around))
            else:
                self._show("finding", paint_finding(scene, plan_now))

    def _wanted(self, scene: Scene) -> Wants:
        snapshot, wide = scene.snapshot, self.size.width
        live = self._desk.views[LIVE]
        assert isinstance(live, LiveView)
        return Wants(
            banner=bool(scene.notice or scene.status.why or scene.status.phase != "running"),
            comparing=bool(snapshot and snapshot.comparison),
            gauges=live.gauges.rows(scene, wide, self.size.height),
            peers=len(snapshot.peers) if snapshot else 0,
            source=source_length(scene),
            view=scene.view,
        )

    def _show(self, panel: str, lines: Sequence[Strip]) -> None:
        self._panels[panel].show(lines)

    def lines(self) -> Iterable[str]:
        """The screen's text, for tests and dumps."""
        return (strip.text for strip in self._compositor.render_strips())
