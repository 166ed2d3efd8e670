"""A row of a request's breakdown: what it did, or waited for, and where."""

import re
from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.snapshot import Location, RequestInfo, State
from loopviz.model.snapshot.breakdown import IN_TRANSIT, Part
from loopviz.tui.draw.text import Line, clean, duration, fit, width_of
from loopviz.tui.panels.names import called
from loopviz.tui.panels.scene import Scene

__all__ = ["leads_on", "paint_part", "place_of", "sizes", "state_of"]

_FOLDERS = re.compile(r"[\w./-]+/(?=[\w-]+\.py:\d)")
"""Before the name of a file."""

_STATES = {
    "ran": State.RUN,
    "blocking": State.BLOCKING,
    "ready": State.READY,
    "resource": State.RESOURCE,
    "await": State.AWAIT,
}


def leads_on(part: Part) -> bool:
    """Whether it is known who ran meanwhile, and when: there one can go."""
    return part.kind == "ready" and part.what != IN_TRANSIT and part.at_ns > 0


def state_of(part: Part, request: RequestInfo) -> State:
    """As its lane has it: a future may be that of a thread."""
    if part.kind == "await" and part.what in ("thread", "future"):
        worked = any(state is State.THREAD for *_, state in request.spans)
        return State.THREAD if worked else State.AWAIT
    return _STATES.get(part.kind, State.AWAIT)


def sizes(parts: Sequence[Part]) -> tuple[int, int]:
    """Cells of the durations and of the counts."""
    took = max((len(_took(part)) for part in parts), default=0)
    count = max((len(f"{part.count}") for part in parts), default=0)
    return took, count


def paint_part(
    part: Part,
    request: RequestInfo,
    size: tuple[int, int],
    scene: Scene,
    width: int,
    *,
    chosen: bool,
) -> Strip:
    """`▶▒ ready     61 %   121 ms   1×  held up by GET /report #17   scenarios/block.py:64`."""
    looks, glyphs = scene.looks, scene.glyphs
    state = state_of(part, request)
    text = looks.cursor if chosen else looks.text
    line = Line(width).add(glyphs.pointer if chosen else " ", text)
    line.add(glyphs.of(state), looks.of(state))
    word = {"await": "thread" if state is State.THREAD else "await"}.get(part.kind, part.kind)
    share = 100 * part.total_ns / max(1, request.end_ns - request.start_ns)
    percent = f"{share:.0f}" if share >= 0.5 else "<1"
    took, count = _took(part), f"{part.count}{glyphs.times}"
    line.add(f" {word:<9}", text)
    line.add(f"{percent:>3} %  ", text if chosen else looks.strong)
    line.add(f"{took:>{size[0]}}  ", text)
    counted = f"{count:>{size[1] + 1}}  "
    what, place, counted = _fitting(part, state, counted, line.left - 1, scene)
    line.add(counted, text)
    room = line.left - 1 - (width_of(place) + 2 if place else 0)
    line.add(fit(what, min(room, width_of(what)), glyphs.more), text)
    if place:
        line.add("  ", text).add(place, text if chosen else looks.accent)
    return line.strip(looks.cursor if chosen else looks.text)


def _took(part: Part) -> str:
    """What was short is not nothing."""
    took = duration(part.total_ns, " ")
    return "<0.1 ms" if part.total_ns and took == "0.0 ms" else took


def _fitting(
    part: Part, state: State, counted: str, room: int, scene: Scene
) -> tuple[str, str, str]:
    """What it was, where, and how often; the shorter, the less room there is."""
    what = "for a worker" if state is State.THREAD else _what(part, scene)
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


def _what(part: Part, scene: Scene) -> str:
    """What it did or waited for, in words."""
    what = clean(part.what)
    if part.kind == "ready":
        if part.what == IN_TRANSIT:
            return "no one held it up: it was on its way"
        return f"held up by {what} #{part.request}" if part.request else f"held up by {what}"
    if part.kind == "blocking":
        return "its own step held the loop"
    if part.kind == "ran":
        return "its own steps"
    if part.kind == "resource":
        return f"waited for {called(part.what, scene)}" if what else "waited for its turn"
    if what in ("socket", "thread", "task", "future"):
        return f"for a {what}"
    return what or "it was not seen for what"


def place_of(where: Location | None, width: int) -> str:
    """`scenarios/block.py:64`, or `block.py:64` if there is no room; empty for None."""
    if where is None:
        return ""
    place = clean(f"{where.file}:{where.line}")
    return place if width_of(place) <= width else place.rpartition("/")[2]
