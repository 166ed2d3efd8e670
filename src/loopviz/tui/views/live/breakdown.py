"""Where the time of one request went: a bar in its states, then the parts, longest first."""

import re
from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.blame import NOBODY, Breakdown, Part
from loopviz.model.snapshot import Location, RequestView, State
from loopviz.tui.paint.finding import rule_line
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, duration, fit, width_of

__all__ = ["leads_on", "paint_breakdown", "place_of", "state_bar", "wanted_rows"]

_FOLDERS = re.compile(r"[\w./-]+/(?=[\w-]+\.py:\d)")
"""Before the name of a file."""

_STATES = {
    "ran": State.RUN,
    "held": State.BLOCKING,
    "ready": State.READY,
    "resource": State.RESOURCE,
    "await": State.AWAIT,
}


def paint_breakdown(
    request: RequestView | None,
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
    size = _sizes(parts)
    for i, part in enumerate(shown, first):
        rows.append(_part(part, request, size, scene, width, chosen=i == at))
    if len(shown) < len(parts) and at is None:
        rest = parts[len(shown) :]
        said = f"{len(rest)} more, {duration(sum(p.total_ns for p in rest), ' ')} in all"
        rows.append(Line(width).add(f"   {said}", looks.dim).strip(looks.text))
    rows += notes[: max(0, height - len(rows))]
    return (rows + [blank] * height)[:height]


def _title(
    request: RequestView, found: Breakdown, at: int | None, scene: Scene, width: int
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


def leads_on(part: Part) -> bool:
    """Whether it is known who ran meanwhile, and when: there one can go."""
    return part.kind == "ready" and part.what != NOBODY and part.at_ns > 0


def wanted_rows(request: RequestView | None, found: Breakdown | None) -> int:
    """For the whole of it: title, bar, parts, notes."""
    return 2 + len(found.parts) + 1 + bool(request.phases) if request and found else 0


def _slice(request: RequestView, scene: Scene) -> str:
    """`slice 3 of 12: ready 61 ms`, if one is chosen."""
    for i, (start, end, state) in enumerate(request.spans, 1):
        if start <= scene.look.slice_ns < end:
            word = state.name.lower()
            return f"slice {i} of {len(request.spans)}: {word} {duration(end - start, ' ')}"
    return ""


def state_bar(
    shares: Sequence[tuple[State, int]], scene: Scene, cells: int
) -> list[tuple[str, Style]]:
    """A bar of so many cells, in the glyphs of the states; what has a share has a cell."""
    shares = [(state, share) for state, share in shares if share > 0]
    total = sum(share for _, share in shares)
    if not total or cells < len(shares):
        return []
    sizes = [max(1, round(share * cells / total)) for _, share in shares]
    while sum(sizes) != cells:
        longest = sizes.index(max(sizes))
        sizes[longest] += 1 if sum(sizes) < cells else -1
    looks, glyphs = scene.looks, scene.glyphs
    return [
        (glyphs.of(state) * size, looks.of(state))
        for (state, _), size in zip(shares, sizes, strict=True)
    ]


def _bar(request: RequestView, found: Breakdown, scene: Scene, width: int) -> Strip:
    sums: dict[State, int] = {}
    for part in found.parts:
        state = _state(part, request)
        sums[state] = sums.get(state, 0) + part.total_ns
    order = [State.RUN, State.BLOCKING, State.READY, State.RESOURCE, State.THREAD, State.AWAIT]
    shares = [(state, sums[state]) for state in order if state in sums]
    line = Line(width).add(" ", scene.looks.text)
    for text, style in state_bar(shares, scene, min(width - 2, 100)):
        line.add(text, style)
    return line.strip(scene.looks.text)


def _state(part: Part, request: RequestView) -> State:
    """As its lane has it: a future may be that of a thread."""
    if part.kind == "await" and part.what in ("thread", "future"):
        worked = any(state is State.THREAD for *_, state in request.spans)
        return State.THREAD if worked else State.AWAIT
    return _STATES.get(part.kind, State.AWAIT)


def _sizes(parts: Sequence[Part]) -> tuple[int, int]:
    """Cells of the durations and of the counts."""
    took = max((len(duration(part.total_ns, " ")) for part in parts), default=0)
    count = max((len(f"{part.count}") for part in parts), default=0)
    return took, count


def _part(
    part: Part,
    request: RequestView,
    size: tuple[int, int],
    scene: Scene,
    width: int,
    *,
    chosen: bool,
) -> Strip:
    """`▶▒ ready     61 %   121 ms   1×  held up by GET /report #17   scenarios/block.py:64`."""
    looks, glyphs = scene.looks, scene.glyphs
    state = _state(part, request)
    text = looks.cursor if chosen else looks.text
    line = Line(width).add(glyphs.pointer if chosen else " ", text)
    line.add(glyphs.of(state), looks.of(state))
    word = {"await": "thread" if state is State.THREAD else "await"}.get(part.kind, part.kind)
    share = 100 * part.total_ns / max(1, request.end_ns - request.start_ns)
    percent = f"{share:.0f}" if share >= 0.5 else "<1"
    took, count = duration(part.total_ns, " "), f"{part.count}{glyphs.times}"
    line.add(f" {word:<9}", text)
    line.add(f"{percent:>3} %  ", text if chosen else looks.strong)
    line.add(f"{took:>{size[0]}}  ", text)
    counted = f"{count:>{size[1] + 1}}  "
    what, place, counted = _fitting(part, state, counted, line.left - 1)
    line.add(counted, text)
    room = line.left - 1 - (width_of(place) + 2 if place else 0)
    line.add(fit(what, min(room, width_of(what)), glyphs.more), text)
    if place:
        line.add("  ", text).add(place, text if chosen else looks.accent)
    return line.strip(looks.cursor if chosen else looks.text)


def _fitting(part: Part, state: State, counted: str, room: int) -> tuple[str, str, str]:
    """What it was, where, and how often; the shorter, the less room there is."""
    what = "for a worker" if state is State.THREAD else _what(part)
    place = place_of(part.location, room)
    short = place.rpartition("/")[2]
    less = _FOLDERS.sub("", what)
    least = less.removeprefix("held up ").removeprefix("waited ")
    tries = (
        (what, place, counted),
        (less, short, counted),
        (least, short, counted),
        (least, short, ""),
        (least.removeprefix("by "), short, ""),
    )
    for tried in tries:
        if width_of(tried[0] + tried[2]) + (width_of(tried[1]) + 2 if tried[1] else 0) <= room:
            return tried
    return tries[-1]


def _what(part: Part) -> str:
    """What it did or waited for, in words."""
    what = clean(part.what)
    if part.kind == "ready":
        if part.what == NOBODY:
            return "no one held it up: it was on its way"
        return f"held up by {what} #{part.request}" if part.request else f"held up by {what}"
    if part.kind == "held":
        return "its own step held the loop"
    if part.kind == "ran":
        return "its own steps"
    if part.kind == "resource":
        return f"waited for {what}" if what else "waited for its turn"
    if what in ("socket", "thread", "task", "future"):
        return f"for a {what}"
    return what or "it was not seen for what"


def place_of(where: Location | None, width: int) -> str:
    """`scenarios/block.py:64`, or `block.py:64` if there is no room; empty for None."""
    if where is None:
        return ""
    place = clean(f"{where.file}:{where.line}")
    return place if width_of(place) <= width else place.rpartition("/")[2]


def _notes(request: RequestView, scene: Scene, width: int) -> list[Strip]:
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
