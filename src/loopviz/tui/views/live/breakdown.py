"""The breakdown of a request's time: a bar of its states, then the parts, longest first."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import RequestInfo, State
from loopviz.model.snapshot.breakdown import Breakdown
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fill_rows, fit
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.live.messages import is_websocket, message_facts
from loopviz.tui.views.live.orphans import orphan_text, orphans_of
from loopviz.tui.views.live.parts import column_sizes, draw_part, has_culprit, part_state
from loopviz.tui.views.live.path import draw_path, path_rows

__all__ = ["breakdown_rows", "draw_breakdown", "state_bar"]

SWITCHED = 101
"""The status of a WebSocket that was accepted."""
LEAST_PARTS = 3
"""The parts that stand above the critical path at least, where there is little room."""


def draw_breakdown(
    request: RequestInfo | None,
    found: Breakdown | None,
    at: int | None,
    scene: Scene,
    width: int,
    height: int,
) -> list[Strip]:
    """`height` rows. `at`: the detail is open, the cursor on that part; None: it is closed."""
    theme = scene.theme
    if request is None or found is None:
        title = heading_line(width, scene, "REQUEST", theme.title, "none is chosen here")
        keys = scene.keys.label("down", "up")
        hint = f" {keys} choose a row; {scene.keys.label('back')} closes this"
        rows = [title, Line(width).add(hint, theme.dim).strip(theme.text)]
        return fill_rows(rows, width, height, theme.text)
    rows = [_title(request, found, at, scene, width)]
    if height > 4:
        rows.append(_bar(request, found, scene, width))
    if orphans := orphan_text(request, scene):
        rows.append(_orphans(orphans, scene, width))
    notes = _notes(request, scene, width) if at is not None else []
    parts = found.parts
    if at is not None and scene.path is not None:
        spare = height - len(rows) - len(notes) - min(len(parts), LEAST_PARTS)
        notes += draw_path(scene.path, scene, width, spare)
    room = max(1, height - len(rows) - len(notes))
    first = max(0, min((at or 0) - room + 1, len(parts) - room))
    visible = parts[first : first + room]
    if len(parts) > room and at is None:
        visible = parts[: room - 1]
    size = column_sizes(parts)
    for i, part in enumerate(visible, first):
        rows.append(draw_part(part, request, size, scene, width, chosen=i == at))
    if len(visible) < len(parts) and at is None:
        rest = parts[len(visible) :]
        summary = f"{len(rest)} more, {duration(sum(p.total_ns for p in rest), ' ')} in total"
        rows.append(Line(width).add(f"   {summary}", theme.dim).strip(theme.text))
    rows += notes[: max(0, height - len(rows))]
    return fill_rows(rows, width, height, theme.text)


def _title(
    request: RequestInfo, found: Breakdown, at: int | None, scene: Scene, width: int
) -> Strip:
    """`── GET /ping #41 ─ 198 ms, status 200, slice 3 of 12 ─ enter: all of it ──`."""
    theme, rule, keys = scene.theme, scene.glyphs.rule, scene.keys
    name = f"{clean(request.route)} #{request.number}"
    figures = duration(found.total_ns, " ")
    figures += " so far" if request.open else _outcome(request)
    if slice_text := _slice(request, scene):
        figures += f", {slice_text}"
    enter = keys.label("enter")
    hint = f"{enter} opens it"
    if at is not None:
        part = found.parts[min(at, len(found.parts) - 1)] if found.parts else None
        hint = f"{enter} goes to who held it up" if part and has_culprit(part) else ""
    room = width - cell_width(f"{name}{figures}") - 10
    line = Line(width).add(rule * 2 + " ", theme.faint).add(name, theme.title)
    line.add(f" {rule} ", theme.faint).add(figures, theme.strong)
    if hint and room >= cell_width(hint):
        line.add(f" {rule} ", theme.faint).add(hint, theme.dim)
    line.add(" ", theme.faint)
    return line.add(rule * line.left, theme.faint).strip(theme.text)


def _outcome(request: RequestInfo) -> str:
    if is_websocket(request) and request.status in (0, SWITCHED):
        return ", closed" if request.status else ", never accepted"
    return f", status {request.status}" if request.status else ", no response"


def breakdown_rows(request: RequestInfo | None, found: Breakdown | None, scene: Scene) -> int:
    """For the whole of it: title, bar, orphans, parts, notes, critical path."""
    if request is None or found is None:
        return 0
    rows = 2 + (orphans_of(scene.snapshot, request.number) is not None)
    notes = 1 + bool(request.phases) + (request.stream is not None)
    return rows + len(found.parts) + notes + path_rows(scene.path)


def _orphans(text: str, scene: Scene, width: int) -> Strip:
    """`╍╍╍ 4 × book still at work 380 ms after its end, now at failfast.py:90`."""
    theme = scene.theme
    line = Line(width).add(" ", theme.text).add(scene.glyphs.orphan * 3, theme.orphan)
    return line.add(fit(f" {text}", line.left, scene.glyphs.more), theme.strong).strip(theme.text)


def _slice(request: RequestInfo, scene: Scene) -> str:
    """`slice 3 of 12: ready 61 ms`, if one is chosen."""
    for i, (start, end, state) in enumerate(request.spans, 1):
        if start <= scene.view_state.slice_ns < end:
            word = state.name.lower()
            return f"slice {i} of {len(request.spans)}: {word} {duration(end - start, ' ')}"
    return ""


def state_bar(
    shares: Sequence[tuple[State, int]], scene: Scene, cells: int
) -> list[tuple[str, Style]]:
    """A bar of `cells` cells in the states' glyphs. Half a percent or more has a cell."""
    total = sum(share for _, share in shares)
    shares = [(state, share) for state, share in shares if share * 200 >= total > 0]
    if not shares or cells < len(shares):
        return []
    cells_of = [max(1, round(share * cells / total)) for _, share in shares]
    while sum(cells_of) != cells:
        longest = cells_of.index(max(cells_of))
        cells_of[longest] += 1 if sum(cells_of) < cells else -1
    theme, glyphs = scene.theme, scene.glyphs
    return [
        (glyphs.of(state) * size, theme.of(state))
        for (state, _), size in zip(shares, cells_of, strict=True)
    ]


def _bar(request: RequestInfo, found: Breakdown, scene: Scene, width: int) -> Strip:
    sums: dict[State, int] = {}
    for part in found.parts:
        state = part_state(part, request)
        sums[state] = sums.get(state, 0) + part.total_ns
    order = [State.RUN, State.BLOCKING, State.GIL, State.READY]
    order += [State.RESOURCE, State.THREAD, State.AWAIT]
    shares = [(state, sums[state]) for state in order if state in sums]
    line = Line(width).add(" ", scene.theme.text)
    for text, style in state_bar(shares, scene, min(width - 2, 100)):
        line.add(text, style)
    return line.strip(scene.theme.text)


def _notes(request: RequestInfo, scene: Scene, width: int) -> list[Strip]:
    """Notes on the request: phases, response, outbound calls, its task."""
    theme, dot = scene.theme, scene.glyphs.dot
    phases = [f"{clean(p.name)} {duration(p.end_ns - p.start_ns, ' ')}" for p in request.phases]
    facts = []
    if request.bytes_sent:
        facts.append(f"{request.bytes_sent:,} bytes sent")
    if request.calls:
        facts.append(f"{request.calls} outbound call{'s' if request.calls > 1 else ''}")
    if request.gone_ns:
        gone = duration(request.gone_ns - request.start_ns, " ")
        facts.append(f"its client went away after {gone}")
    facts.append(f"{len(request.spans)} slices")
    if request.task:
        facts.append(f"task {request.task}")
    rows = []
    streams = message_facts(request)
    for word, items in (("phases", phases), ("stream", streams), ("also", facts)):
        if items:
            line = Line(width).add(f"   {word:<7} ", theme.dim)
            text = f" {dot} ".join(items)
            line.add(fit(text, min(cell_width(text), line.left - 1), scene.glyphs.more), theme.text)
            rows.append(line.strip(theme.text))
    return rows
