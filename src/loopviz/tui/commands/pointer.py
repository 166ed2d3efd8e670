"""The mouse: where it points at, and what that does. Positions are cells of the screen."""

from dataclasses import replace

from loopviz.tui.commands.rows import enter, move
from loopviz.tui.commands.tour import click_tour
from loopviz.tui.commands.travel import scroll, show_until, zoom
from loopviz.tui.controller import Controller
from loopviz.tui.panels.diagnosis import diagnosis_rows
from loopviz.tui.panels.finding import finding_rows
from loopviz.tui.panels.fixes import FixRow, fix_at
from loopviz.tui.panels.footer import action_at, offers
from loopviz.tui.panels.header import fix_at_header
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.loop import loop_at
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.tabs import tab_at
from loopviz.tui.source import source_around
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.lesson import LessonView
from loopviz.tui.views.live import LiveView

__all__ = ["TIME_PANELS", "click", "drag", "panel_at", "wheel"]

TIME_PANELS = ("lag", "axis", "loop", "lanes")
"""Panels with the time axis below them."""


def panel_at(plan: Plan | None, x: int, y: int) -> tuple[str, int, int]:
    """The panel that lies there, and where in it; an empty name: none."""
    for name, (left, top, width, height) in (plan.panels if plan else {}).items():
        if left <= x < left + width and top <= y < top + height:
            return name, x - left, y - top
    return "", 0, 0


def click(controller: Controller, x: int, y: int) -> str:
    """Choose the request, the slice or the row that lies there; the chosen row is opened.

    On a key's word, a tab or a fix: the name of its action, for the app to do; else empty.
    """
    name, at, row = panel_at(controller.plan, x, y)
    if (
        controller.scene is not None
        and controller.plan is not None
        and not controller.view_state.typing
    ):
        width = controller.plan.size(name)[0]
        if name == "footer" and not controller.scene.notice:
            return action_at(
                offers(controller.scene, tabs="tabs" in controller.plan.panels), width, at
            )
        if name == "loop" and at < controller.plan.label:
            height = controller.plan.size(name)[1]
            return _click_loop(controller, loop_at(controller.scene, height, row))
        if name == "tabs":
            return tab_at(controller.scene, width, at)
        if name == "header":
            return fix_at_header(controller.scene, width, at)
        if name in ("finding", "diagnosis"):
            return fix_at(_fix_rows(name, controller.scene, controller.plan), row, controller.scene)
        if name == "view" and isinstance(controller.view, LessonView):
            return controller.view.fix_at(at, row, controller.scene)
        if name == "tour":
            return click_tour(controller, row)
    if name == "view":
        key = controller.view.row_at(row)
        if key is not None and key == controller.view_state.row:
            enter(controller)
        elif key is not None:
            controller.choose(key)
    elif name == "lanes" and controller.view_state.view == LIVE:
        _click_lane(controller, at, row)
    elif name == "breakdown":
        enter(controller)
    return ""


def _click_loop(controller: Controller, number: int) -> str:
    """On its name: that loop alone; again: all of them."""
    if number and controller.scene is not None:
        controller.choose_loop(0 if controller.scene.loop else number)
    return ""


def _fix_rows(panel: str, scene: Scene, plan: Plan) -> list[FixRow]:
    if panel == "finding":
        return finding_rows(scene, plan)
    return diagnosis_rows(scene, plan, source_around)


def wheel(controller: Controller, x: int, y: int, by: int, *, zooming: bool = False) -> None:
    """`by` 1: down, or forward in time; over the time axis, with ctrl or shift, away or closer."""
    name, *_ = panel_at(controller.plan, x, y)
    if controller.view_state.view == LIVE and name in TIME_PANELS:
        if zooming:
            zoom(controller, -by)
        else:
            _scroll(controller, by)
    elif name in ("view", "breakdown"):
        move(controller, by)


def drag(controller: Controller, from_x: int, to_x: int) -> None:
    """Select the range between two columns of the time axis."""
    columns, plan = controller.columns, controller.plan
    if columns is None or plan is None or not controller.freeze():
        return
    first, last = sorted(max(0, min(columns.count - 1, x - plan.label)) for x in (from_x, to_x))
    start = columns.start_ns + first * columns.cell_ns
    end = min(columns.start_ns + (last + 1) * columns.cell_ns, columns.end_ns)
    if start < end:
        controller.view_state = replace(
            controller.view_state, time_range=(start, end), speed=0.0, until_ns=0
        )


def _scroll(controller: Controller, by: int) -> None:
    """A tenth of the window; the wheel leaves the selected range where it is."""
    columns = controller.columns
    if columns is None or (by > 0 and not controller.view_state.frozen):
        return
    if controller.view_state.time_range is None:
        show_until(controller, columns.end_ns + by * max(1, columns.count // 10) * columns.cell_ns)
    else:
        scroll(controller, by)


def _click_lane(controller: Controller, x: int, y: int) -> None:
    """On a label: its lane. On a request: that one, frozen; again: the slice below the pointer."""
    view, columns, plan, scene = (
        controller.view,
        controller.columns,
        controller.plan,
        controller.scene,
    )
    assert isinstance(view, LiveView)
    lane = view.row_at(y)
    if lane is None or columns is None or plan is None or scene is None:
        return
    column = x - plan.label
    if not 0 <= column < columns.count:
        request = view.request_of(lane, scene)
        if request is not None:
            controller.choose(request.number)
        return
    start = columns.start_ns + column * columns.cell_ns
    request = view.request_at(lane, start, start + columns.cell_ns, scene)
    if request is None:
        return
    again = request.number == controller.view_state.row
    controller.freeze()
    if not again:
        controller.choose(request.number)
        return
    inside = [s for s in request.spans if s[0] < start + columns.cell_ns and s[1] > start]
    if not inside:  # its orphans lie there
        return
    longest = max(inside, key=lambda s: min(s[1], start + columns.cell_ns) - max(s[0], start))
    controller.view_state = replace(controller.view_state, slice_ns=longest[0])
