"""Where the time of one request went: a bar in its states, then the parts, longest first."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import RequestInfo, State
from loopviz.model.snapshot.breakdown import Breakdown
from loopviz.tui.draw.text import Line, clean, duration, fit, width_of
from loopviz.tui.panels.finding import rule_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.live.parts import leads_on, paint_part, sizes, state_of

__all__ = ["paint_breakdown", "state_bar", "wanted_rows"]


def paint_breakdown(
    request: RequestInfo | None,
    found: Breakdown | None,
    at: int | None,
    scene: Scene,
    width: int,
    height: int,
) -> list[Strip]:
    """`height` rows. `at`: the detail is open, the cursor on that part; None: it is closed."""
    looks = scene.looks
    blank = Line(width).strip(looks.text)
    if request is None or found is None:
        title = rule_line(width, scene, "REQUEST", looks.title, "none is chosen here")
        keys = scene.keys.shown("down", "up")
        hint = f" {keys} choose a row; {scene.keys.shown('back')} closes this"
        rows = [title, Line(width).add(hint, looks.dim).strip(looks.text)]
        return (rows + [blank] * height)[:height]
    rows = [_title(request, found, at, scene, width)]
    if height > 4:
        rows.append(_bar(request, found, scene, width))
    notes = _notes(request, scene, width) if at is not None else []
    room = max(1, height - len(rows) - len(notes))
    parts = found.parts
    first = max(0, min((at or 0) - room + 1, len(parts) - room))
    shown = parts[first : first + room]
    if len(parts) > room and at is None:
        shown = parts[: room - 1]
    size = sizes(parts)
    for i, part in enumerate(shown, first):
        rows.append(paint_part(part, request, size, scene, width, chosen=i == at))
    if len(shown) < len(parts) and at is None:
        rest = parts[len(shown) :]
        said = f"{len(rest)} more, {duration(sum(p.total_ns for p in rest), ' ')} in all"
        rows.append(Line(width).add(f"   {said}", looks.dim).strip(looks.text))
    rows += notes[: max(0, height - len(rows))]
    return (rows + [blank] * height)[:height]


def _title(
    request: RequestInfo, found: Breakdown, at: int | None, scene: Scene, width: int
) -> Strip:
    """`── GET /ping #41 ─ 198 ms, status 200, slice 3 of 12 ─ enter: all of it ──`."""
    looks, rule, keys = scene.looks, scene.glyphs.rule, scene.keys
    name = f"{clean(request.route)} #{request.number}"
    said = duration(found.total_ns, " ")
    said += " so far" if request.open else f", status {request.status}" if request.status else ""
    if not request.open and not request.status:
        said += ", no response"
    if told := _slice(request, scene):
        said += f", {told}"
    enter = keys.shown("enter")
    hint = f"{enter} opens it"
    if at is not None:
        part = found.parts[min(at, len(found.parts) - 1)] if found.parts else None
        hint = f"{enter} goes to who held it up" if part and leads_on(part) else ""
    room = width - width_of(f"{name}{said}") - 10
    line = Line(width).add(rule * 2 + " ", looks.faint).add(name, looks.title)
    line.add(f" {rule} ", looks.faint).add(said, looks.strong)
    if hint and room >= width_of(hint):
        line.add(f" {rule} ", looks.faint).add(hint, looks.dim)
    line.add(" ", looks.faint)
    return line.add(rule * line.left, looks.faint).strip(looks.text)


def wanted_rows(request: RequestInfo | None, found: Breakdown | None) -> int:
    """For the whole of it: title, bar, parts, notes."""
    return 2 + len(found.parts) + 1 + bool(request.phases) if request and found else 0


def _slice(request: RequestInfo, scene: Scene) -> str:
    """`slice 3 of 12: ready 61 ms`, if one is chosen."""
    for i, (start, end, state) in enumerate(request.spans, 1):
        if start <= scene.look.slice_ns < end:
            word = state.name.lower()
            return f"slice {i} of {len(request.spans)}: {word} {duration(end - start, ' ')}"
    return ""


def state_bar(
    shares: Sequence[tuple[State, int]], scene: Scene, cells: int
) -> list[tuple[str, Style]]:
    """A bar of so many cells, in the glyphs of the states; half a percent or more has a cell."""
    total = sum(share for _, share in shares)
    shares = [(state, share) for state, share in shares if share * 200 >= total > 0]
    if not shares or cells < len(shares):
        return []
    cells_of = [max(1, round(share * cells / total)) for _, share in shares]
    while sum(cells_of) != cells:
        longest = cells_of.index(max(cells_of))
        cells_of[longest] += 1 if sum(cells_of) < cells else -1
    looks, glyphs = scene.looks, scene.glyphs
    return [
        (glyphs.of(state) * size, looks.of(state))
        for (state, _), size in zip(shares, cells_of, strict=True)
    ]


def _bar(request: RequestInfo, found: Breakdown, scene: Scene, width: int) -> Strip:
    sums: dict[State, int] = {}
    for part in found.parts:
        state = state_of(part, request)
        sums[state] = sums.get(state, 0) + part.total_ns
    order = [State.RUN, State.BLOCKING, State.READY, State.RESOURCE, State.THREAD, State.AWAIT]
    shares = [(state, sums[state]) for state in order if state in sums]
    line = Line(width).add(" ", scene.looks.text)
    for text, style in state_bar(shares, scene, min(width - 2, 100)):
        line.add(text, style)
    return line.strip(scene.looks.text)


def _notes(request: RequestInfo, scene: Scene, width: int) -> list[Strip]:
    """What else is known of it: phases, response, outbound calls, its task."""
    looks, dot = scene.looks, scene.glyphs.dot
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
    for word, said in (("phases", phases), ("also", facts)):
        if said:
            line = Line(width).add(f"   {word:<7} ", looks.dim)
            text = f" {dot} ".join(said)
            line.add(fit(text, min(width_of(text), line.left - 1), scene.glyphs.more), looks.text)
            rows.append(line.strip(looks.text))
    return rows
