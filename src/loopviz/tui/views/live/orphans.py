"""What works on for nobody: orphans on their request's lane, requests whose client has left."""

from collections.abc import Sequence

from rich.style import Style

from loopviz.model.snapshot import OrphanInfo, RequestInfo, Snapshot
from loopviz.tui.draw.text import clean, duration
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.places import place_of
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import Cells

__all__ = ["draw_orphans", "orphan_outcome", "orphan_text", "orphans_of"]


def draw_orphans(
    cells: Cells,
    requests: Sequence[RequestInfo],
    orphans: Sequence[OrphanInfo],
    scene: Scene,
    columns: Columns,
) -> None:
    """Over free cells, and over those of requests that wait after their client has left."""
    glyphs = scene.glyphs
    for orphan in orphans:
        end = columns.after_ns if orphan.open else orphan.end_ns
        _over(" ", cells, orphan.start_ns, end, scene, columns)
    waiting = glyphs.waiting + glyphs.half_left + glyphs.half_right + glyphs.resource
    for request in requests:
        if request.gone_ns:
            end = columns.after_ns if request.open else request.end_ns
            _over(waiting, cells, request.gone_ns, end, scene, columns)


def _over(
    what: str, cells: Cells, start_ns: int, end_ns: int, scene: Scene, columns: Columns
) -> None:
    chars, styles = cells
    first, last = columns.at(start_ns), columns.at(max(start_ns, end_ns - 1))
    for at in range(max(0, first), min(columns.count - 1, last) + 1):
        if chars[at] in what:
            chars[at], styles[at] = scene.glyphs.orphan, scene.theme.orphan


def orphan_outcome(orphan: OrphanInfo, columns: Columns, scene: Scene) -> tuple[str, Style]:
    """`+380ms…`: for how long they have worked on since their request ended."""
    lasted = duration(columns.after_ns - orphan.start_ns)
    return f"+{lasted}{scene.glyphs.more[:1]} ", scene.theme.orphan


def orphans_of(snapshot: Snapshot | None, request: int) -> OrphanInfo | None:
    """The orphans of that request."""
    orphans = snapshot.orphans if snapshot is not None else ()
    return next((orphan for orphan in orphans if orphan.request == request), None)


def orphan_text(request: RequestInfo, scene: Scene) -> str:
    """`4 work on (book), 380 ms after its end, now at failfast.py:90`; empty: it has none."""
    orphan = orphans_of(scene.snapshot, request.number)
    if orphan is None:
        return ""
    lasted = duration(orphan.end_ns - orphan.start_ns, " ")
    who = f"{orphan.count} × {clean(orphan.label)}" if orphan.label else f"{orphan.count}"
    if not orphan.open:
        return f"{who} worked on for {lasted} after its end"
    places = _places(request, scene)
    now = f", now at {places}" if places else ""
    return f"{who} still at work {lasted} after its end{now}"


def _places(request: RequestInfo, scene: Scene) -> str:
    """Where the first of them waits, as far as the table of tasks has it; only of the present."""
    if scene.snapshot is None or scene.frozen:
        return ""
    for task in scene.snapshot.tasks.tasks:
        if task.request == request.number and task.number != request.task and task.place:
            return place_of(task.place)
    return ""
