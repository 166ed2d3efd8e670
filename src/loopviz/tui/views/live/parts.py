"""A row of a request's breakdown: what it did, or waited for, and where."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.snapshot import RequestInfo, State
from loopviz.model.snapshot.breakdown import IN_TRANSIT, Part
from loopviz.tui.draw.text import Line, cell_width, clean, fit, took
from loopviz.tui.panels.names import short_name_of
from loopviz.tui.panels.places import file_line, place_within, without_folders
from loopviz.tui.panels.scene import Scene

__all__ = ["column_sizes", "draw_part", "has_culprit", "part_state"]

_STATES = {
    "ran": State.RUN,
    "blocking": State.BLOCKING,
    "gil": State.GIL,
    "ready": State.READY,
    "resource": State.RESOURCE,
    "await": State.AWAIT,
}


def has_culprit(part: Part) -> bool:
    """True if it is known what ran instead, and when: `enter` goes there."""
    return part.kind == "ready" and part.what != IN_TRANSIT and part.at_ns > 0


def part_state(part: Part, request: RequestInfo) -> State:
    """The state in which the lane draws the part: a future may be that of a thread."""
    if part.kind == "await" and part.what in ("thread", "future"):
        worked = any(state is State.THREAD for *_, state in request.spans)
        return State.THREAD if worked else State.AWAIT
    return _STATES.get(part.kind, State.AWAIT)


def column_sizes(parts: Sequence[Part]) -> tuple[int, int]:
    """Cells of the durations and of the counts."""
    times = max((len(took(part.total_ns, " ")) for part in parts), default=0)
    counts = max((len(f"{part.count}") for part in parts), default=0)
    return times, counts


def draw_part(
    part: Part,
    request: RequestInfo,
    size: tuple[int, int],
    scene: Scene,
    width: int,
    *,
    chosen: bool,
) -> Strip:
    """`▶▒ ready     61 %   121 ms   1×  held up by GET /report #17   scenarios/block.py:64`."""
    theme, glyphs = scene.theme, scene.glyphs
    state = part_state(part, request)
    text = theme.cursor if chosen else theme.text
    line = Line(width).add(glyphs.pointer if chosen else " ", text)
    line.add(glyphs.of(state), theme.of(state))
    word = "thread" if state is State.THREAD else "GIL" if part.kind == "gil" else part.kind
    share = 100 * part.total_ns / max(1, request.end_ns - request.start_ns)
    percent = f"{share:.0f}" if share >= 0.5 else "<1"
    count = f"{part.count}{glyphs.times}"
    line.add(f" {word:<9}", text)
    line.add(f"{percent:>3} %  ", text if chosen else theme.strong)
    line.add(f"{took(part.total_ns, ' '):>{size[0]}}  ", text)
    counted = f"{count:>{size[1] + 1}}  "
    what, place, counted = _fitting(part, state, counted, line.left - 1, scene)
    line.add(counted, text)
    room = line.left - 1 - (cell_width(place) + 2 if place else 0)
    line.add(fit(what, min(room, cell_width(what)), glyphs.more), text)
    if place:
        line.add("  ", text).add(place, text if chosen else theme.accent)
    return line.strip(theme.cursor if chosen else theme.text)


def _fitting(
    part: Part, state: State, counted: str, room: int, scene: Scene
) -> tuple[str, str, str]:
    """The part, its place and its count in words, shorter where there is less room."""
    what = "for a worker" if state is State.THREAD else _what(part, scene)
    place, short = place_within(part.location, room), file_line(part.location)
    less = without_folders(what)
    least = less.removeprefix("held up ").removeprefix("waited ")
    tries = (
        (what, place, counted),
        (less, short, counted),
        (least, short, counted),
        (least, short, ""),
        (least.removeprefix("by "), short, ""),
    )
    for tried in tries:
        if cell_width(tried[0] + tried[2]) + (cell_width(tried[1]) + 2 if tried[1] else 0) <= room:
            return tried
    return tries[-1]


def _what(part: Part, scene: Scene) -> str:
    """What the request did or waited for, in words."""
    what = clean(part.what)
    if part.kind == "ready":
        if part.what == IN_TRANSIT:
            return "no one held it up: it was on its way"
        return f"held up by {what} #{part.request}" if part.request else f"held up by {what}"
    if part.kind == "gil":
        who = part.location.function if part.location else ""
        return (
            f"its step waited while {clean(who)} had the GIL" if who else "its step waited for it"
        )
    if part.kind == "blocking":
        return what or "its own step blocked the loop"
    if part.kind == "ran":
        return "its own steps"
    if part.kind == "resource":
        return f"waited for {short_name_of(part.what, scene)}" if what else "waited for its turn"
    of = f" of {clean(part.library)}" if part.library else ""
    if what in ("socket", "thread", "task", "future", "queue", "lock", "semaphore", "condition"):
        return f"for a {what}{of}"
    if what == "event":
        return f"for an event{of}"
    return f"{what}{of}" if what else "it was not seen for what"
