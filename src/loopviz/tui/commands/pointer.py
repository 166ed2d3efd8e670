"""The mouse: where it points at, and what that does. Positions are cells of the screen."""

from dataclasses import replace

from loopviz.tui.commands.rows import enter, move
from loopviz.tui.commands.travel import scroll, show, zoom
from loopviz.tui.controller import Desk
from loopviz.tui.panels.footer import action_at, offers
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.tabs import tab_at
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.live import LiveView

__all__ = ["TIMED", "click", "drag", "panel_at", "wheel"]

TIMED = ("lag", "axis", "loop", "lanes")
"""Panels with the time axis below them."""


def panel_at(plan: Plan | None, x: int, y: int) -> tuple[str, int, int]:
    """The panel that lies there, and where in it; an empty name: none."""
    for name, (left, top, width, height) in (plan.panels if plan else {}).items():
        if left <= x < left + width and top <= y < top + height:
            return name, x - left, y - top
    return "", 0, 0


def click(desk: Desk, x: int, y: int) -> str:
    """Choose the request, the slice or the row that lies there; the chosen row is opened.

    On a key's word, or a tab: the name of its action, for the app to do; else empty.
    """
    name, at, row = panel_at(desk.plan, x, y)
    if desk.scene is not None and desk.plan is not None and not desk.look.typing:
        width = desk.plan.size(name)[0]
        if name == "footer":
            return action_at(offers(desk.scene, tabs="tabs" in desk.plan.panels), width, at)
        if name == "tabs":
            return tab_at(desk.scene, width, at)
    if name == "view":
        key = desk.view.row_at(row)
        if key is not None and key == desk.look.row:
            enter(desk)
        elif key is not None:
            desk.choose(key)
    elif name == "lanes" and desk.look.view == LIVE:
        _click_lane(desk, at, row)
    elif name == "breakdown":
        enter(desk)
    return ""


def wheel(desk: Desk, x: int, y: int, by: int, *, zooming: bool = False) -> None:
    """`by` 1: down, or forward in time; over the time axis, with ctrl or shift, away or closer."""
    name, *_ = panel_at(desk.plan, x, y)
    if desk.look.view == LIVE and name in TIMED:
        if zooming:
            zoom(desk, -by)
        else:
            _scroll(desk, by)
    elif name in ("view", "breakdown"):
        move(desk, by)


def drag(desk: Desk, from_x: int, to_x: int) -> None:
    """Select the range between two columns of the time axis."""
    columns, plan = desk.columns, desk.plan
    if columns is None or plan is None or not desk.freeze():
        return
    first, last = sorted(max(0, min(columns.count - 1, x - plan.label)) for x in (from_x, to_x))
    start = columns.start_ns + first * columns.cell_ns
    end = min(columns.start_ns + (last + 1) * columns.cell_ns, columns.end_ns)
    if start < end:
        desk.look = replace(desk.look, span=(start, end), speed=0.0, until_ns=0)


def _scroll(desk: Desk, by: int) -> None:
    """A tenth of the window; the wheel leaves the selected range where it is."""
    columns = desk.columns
    if columns is None or (by > 0 and not desk.look.frozen):
        return
    if desk.look.span is None:
        show(desk, columns.end_ns + by * max(1, columns.count // 10) * columns.cell_ns)
    else:
        scroll(desk, by)


def _click_lane(desk: Desk, x: int, y: int) -> None:
    """On a label: its lane. On a request: that one, frozen; again: the slice below the pointer."""
    view, columns, plan, scene = desk.view, desk.columns, desk.plan, desk.scene
    assert isinstance(view, LiveView)
    lane = view.row_at(y)
    if lane is None or columns is None or plan is None or scene is None:
        return
    column = x - plan.label
    if not 0 <= column < columns.count:
        request = view.of(lane, scene)
        if request is not None:
            desk.choose(request.number)
        return
    start = columns.start_ns + column * columns.cell_ns
    request = view.on_lane(lane, start, start + columns.cell_ns, scene)
    if request is None:
        return
    again = request.number == desk.look.row
    desk.freeze()
    if not again:
        desk.choose(request.number)
        return
    inside = [s for s in request.spans if s[0] < start + columns.cell_ns and s[1] > start]
    longest = max(inside, key=lambda s: min(s[1], start + columns.cell_ns) - max(s[0], start))
    desk.look = replace(desk.look, slice_ns=longest[0])
