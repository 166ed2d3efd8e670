"""Commands that move in time: freeze, scroll, zoom; from slice to slice, from stall to stall."""

from dataclasses import replace

from loopviz.clock import SECOND
from loopviz.model.snapshot import RequestInfo, StallInfo
from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import clean, duration
from loopviz.tui.draw.time_columns import ZOOMS_NS, Columns
from loopviz.tui.panels.axis import per_column
from loopviz.tui.panels.places import place_of
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.live import LiveView

__all__ = [
    "column",
    "freeze",
    "incident",
    "now",
    "scroll",
    "select_range",
    "slices",
    "speed",
    "zoom",
]

SPEEDS = (1 / 100, 1 / 50, 1 / 20, 1 / 10, 1 / 5, 1 / 2, 1.0)
"""Speeds of a replay; 1.0 is real time."""
USUAL_SPEED = SPEEDS.index(1 / 10)

NOTHING_RECORDED = "Nothing is recorded yet."


def freeze(controller: Controller) -> None:
    """Hold the picture, or go live again; a replay pauses, or goes on."""
    state = controller.view_state
    if state.speed:
        controller.view_state = replace(state, paused=not state.paused)
    elif state.frozen:
        controller.go_live()
    elif not controller.freeze():
        controller.notify(NOTHING_RECORDED)


def now(controller: Controller) -> None:
    """Back to what happens now, at the usual zoom."""
    controller.go_live()
    controller.view_state = replace(controller.view_state, cell_ns=0)


def scroll(controller: Controller, quarters: int) -> None:
    """Move forward by quarters of the window. A selected range moves instead, by columns.

    Where rows have others below them, forward opens the chosen one, and back closes it.
    """
    unfold = controller.view.unfold
    if controller.apply(unfold(controller.scene, controller.view_state, open_=quarters > 0)):
        return
    columns = controller.columns
    if columns is not None and controller.view_state.time_range is None:
        show_until(
            controller, columns.end_ns + quarters * max(1, columns.count // 4) * columns.cell_ns
        )
    else:
        column(controller, quarters)


def column(controller: Controller, by: int) -> None:
    """Move the window, or the selected range, forward by columns."""
    columns, state = controller.columns, controller.view_state
    if columns is None:
        return
    step = by * columns.cell_ns
    if state.time_range is None:
        show_until(controller, columns.end_ns + step)
        return
    start, end = (moment + step for moment in state.time_range)
    if end <= controller.newest_ns and start >= controller.oldest_ns(columns):
        controller.view_state = replace(state, time_range=(start, end))
        if not columns.start_ns <= start <= end <= columns.end_ns:
            show_until(controller, columns.end_ns + step)


def zoom(controller: Controller, by: int) -> None:
    """Closer (1) or further away (-1), around the chosen moment; a selected range gets narrower."""
    columns, state = controller.columns, controller.view_state
    if columns is None:
        return
    if state.time_range is not None:
        _widen(controller, columns, by)
        return
    here = columns.cell_ns
    steps = [ns for ns in ZOOMS_NS if (ns < here if by > 0 else ns > here)]
    if not steps:
        end = "closest" if by > 0 else "furthest"
        controller.notify(f"{per_column(columns)} is the {end} there is; 0 goes back to the usual.")
        return
    cell_ns = steps[-1] if by > 0 else steps[0]
    centre = focus_ns(controller, columns)
    controller.view_state = replace(state, cell_ns=cell_ns)
    if state.frozen:
        show_until(controller, centre + (columns.end_ns - centre) * cell_ns // here, by_zoom=True)


def incident(controller: Controller, by: int) -> None:
    """The next or the previous time that something blocked the loop; its request is chosen."""
    scene, columns = controller.scene, controller.columns
    if scene is None or scene.snapshot is None or columns is None:
        return
    known = {stall.start_ns: stall for stall in scene.snapshot.incidents}
    known |= {stall.start_ns: stall for stall in scene.snapshot.loop.stalls if not stall.open}
    starts = sorted(known)
    here = (
        controller.view_state.slice_ns
        if controller.view_state.slice_ns in known
        else focus_ns(controller, columns)
    )
    if by < 0 or not controller.view_state.frozen:
        there = [start for start in starts if start < here]
        found = there[-1] if there else None
    else:
        found = next((start for start in starts if start > here), None)
    if found is None:
        if not starts:
            of = scene.here
            controller.notify(f"No incident{of} so far: nothing has blocked the loop for 20 ms.")
        else:
            controller.notify(f"No {'earlier' if by < 0 else 'later'} incident of {len(starts)}.")
        return
    stall = known[found]
    controller.go_to(stall.request, found, stall.end_ns)
    controller.notify(f"Incident {starts.index(found) + 1} of {len(starts)}: {_stall_text(stall)}.")


def slices(controller: Controller, by: int) -> None:
    """The next or the previous slice of the chosen request."""
    if controller.view_state.view != LIVE or not controller.freeze():
        return
    request, columns = chosen_request(controller), controller.columns
    if request is None:  # none is chosen, or it has gone out of sight
        view = controller.views[LIVE]
        assert isinstance(view, LiveView)
        request = view.nearest(controller.scene) if controller.scene else None
        controller.choose(request.number if request else None)
    if request is None or columns is None:
        controller.notify("No request is in sight.")
        return
    here, spans = controller.view_state.slice_ns, request.spans
    on = next((i for i, (start, end, _) in enumerate(spans) if start <= here < end), None)
    at = on + by if on is not None else (0 if by > 0 else len(spans) - 1)
    if not 0 <= at < len(spans):
        controller.notify(f"That is the {'last' if by > 0 else 'first'} slice of the request.")
        return
    start, end, _ = spans[at]
    controller.view_state = replace(controller.view_state, slice_ns=start)
    if start < columns.start_ns or start >= columns.end_ns:
        show_until(
            controller, (start + end) // 2 + columns.cell_ns * columns.count // 2, quiet=True
        )


def speed(controller: Controller, by: int) -> None:
    """Slow motion of the last second, or of the selected range; then slower (-1) or faster (1)."""
    state, columns = controller.view_state, controller.columns
    if columns is None:
        return
    if state.speed:
        at = max(0, min(len(SPEEDS) - 1, SPEEDS.index(state.speed) + by))
        controller.view_state = replace(state, speed=SPEEDS[at], paused=False)
        return
    if not controller.freeze():
        controller.notify(NOTHING_RECORDED)
        return
    start, end = state.time_range or (columns.end_ns - SECOND, columns.end_ns)
    fitting = [ns for ns in ZOOMS_NS if ns * columns.count >= end - start]
    cell_ns = min(state.cell_ns or columns.cell_ns, fitting[0] if fitting else ZOOMS_NS[-1])
    controller.view_state = replace(
        controller.view_state,
        cell_ns=cell_ns,
        end_ns=max(1, start),
        until_ns=end,
        speed=SPEEDS[USUAL_SPEED] if by < 0 else 1.0,
        paused=False,
    )


def select_range(controller: Controller) -> None:
    """Select a range: the chosen slice, request or incident, else the middle of the window."""
    if controller.view_state.time_range is not None:
        controller.view_state = replace(controller.view_state, time_range=None)
        return
    if controller.view_state.view != LIVE:
        live = controller.keys.label("view-live")
        controller.notify(f"Ranges are selected in the live view: {live} goes there.")
        return
    columns = controller.columns
    if columns is None or not controller.freeze():
        controller.notify(NOTHING_RECORDED)
        return
    width = columns.cell_ns * columns.count
    found = _chosen_time(controller) or (columns.start_ns + width // 3, columns.end_ns - width // 3)
    controller.view_state = replace(controller.view_state, time_range=found)


# ---- what they share


def show_until(
    controller: Controller, end_ns: int, *, by_zoom: bool = False, quiet: bool = False
) -> None:
    """Show the window that ends then; not beyond now, nor beyond what is kept."""
    columns = controller.columns
    if columns is None or not controller.freeze():
        controller.notify(NOTHING_RECORDED)
        return
    columns = controller.columns_until(end_ns)
    width = columns.cell_ns * columns.count
    newest, oldest = controller.newest_ns, controller.oldest_ns(columns)
    least = min(newest, oldest + width)
    back = end_ns < least
    if back:
        if not (quiet or by_zoom):
            kept = (newest - oldest) // SECOND
            further = "; - zooms out, to see further" if columns.cell_ns < SECOND else ""
            controller.notify(f"No more is kept than the last {kept} s{further}.")
        end_ns = min(least, controller.view_state.end_ns or least)
    if end_ns >= newest and not (back or quiet or by_zoom):
        controller.go_live()
        controller.notify("Live again: nothing is newer.")
        return
    controller.view_state = replace(
        controller.view_state, end_ns=min(end_ns, newest), speed=0.0, until_ns=0
    )


def focus_ns(controller: Controller, columns: Columns) -> int:
    """The moment in question: what is chosen, if it is in sight; else the end."""
    found = _chosen_time(controller)
    if found is not None:
        middle = sum(found) // 2
        if columns.start_ns <= middle <= columns.end_ns:
            return middle
    return columns.end_ns


def chosen_request(controller: Controller) -> RequestInfo | None:
    """The chosen request of the live view, if it is in the picture."""
    scene = controller.scene
    if scene is None or scene.snapshot is None:
        return None
    number = controller.view_state.chosen.get(LIVE)
    return next((r for r in scene.snapshot.requests if r.number == number), None)


def _chosen_time(controller: Controller) -> tuple[int, int] | None:
    """The start and end of the chosen slice, incident or request; None: nothing is chosen."""
    slice_ns, scene, request = (
        controller.view_state.slice_ns,
        controller.scene,
        chosen_request(controller),
    )
    if slice_ns and request is not None:
        for start, end, _ in request.spans:
            if start <= slice_ns < end:
                return start, end
    if slice_ns and scene is not None and scene.snapshot is not None:
        for stall in (*scene.snapshot.incidents, *scene.snapshot.loop.stalls):
            if stall.start_ns <= slice_ns < stall.end_ns:
                return stall.start_ns, stall.end_ns
    return (request.start_ns, request.end_ns) if request is not None else None


def _widen(controller: Controller, columns: Columns, by: int) -> None:
    """The selected range gains or loses a column at each end."""
    assert controller.view_state.time_range is not None
    start, end = controller.view_state.time_range
    start, end = start + by * columns.cell_ns, end - by * columns.cell_ns
    if end - start >= columns.cell_ns // 2 and end - start <= columns.cell_ns * columns.count:
        controller.view_state = replace(
            controller.view_state, time_range=(start, min(end, controller.newest_ns))
        )


def _stall_text(stall: StallInfo) -> str:
    """`212 ms in scenarios/block.py:64`; `first use: imported jinja2, 46 ms, once`."""
    lasted = duration(stall.end_ns - stall.start_ns, " ")
    if stall.cause == "import":
        return f"{clean(stall.did)}, {lasted}, once"
    if stall.nobodys:
        return f"{stall.did}, {lasted}"
    text = f"{lasted} in {place_of(stall.location) or clean(stall.label)}"
    return f"{text}, {clean(stall.did)}" if stall.did else text
