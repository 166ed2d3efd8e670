"""What decided a request's latency: the chain of wakers, from its end back to its start."""

from textual.strip import Strip

from loopviz.model.snapshot import CriticalPath, PathPart, State
from loopviz.tui.draw.text import Line, cell_width, clean, duration, first_fitting, fit, took
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.names import short_name_of
from loopviz.tui.panels.places import file_line, place_within
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_path", "path_rows"]

MOST_ROWS = 7
"""Rows of parts at most."""
_STATES = {
    "ran": State.RUN,
    "ready": State.READY,
    "resource": State.RESOURCE,
    "queued": State.RESOURCE,
    "job": State.THREAD,
}


def path_rows(path: CriticalPath | None) -> int:
    """The rows that the path would fill."""
    if path is None or not path.parts:
        return 0
    return 1 + min(len(path.parts), MOST_ROWS) if path.others else 1


def draw_path(path: CriticalPath, scene: Scene, width: int, most: int) -> list[Strip]:
    """The path in at most `most` rows; nothing where it does not fit."""
    rows = min(path_rows(path), most)
    if rows < 1:
        return []
    theme = scene.theme
    if not path.others or rows < 3:
        text = first_fitting(_short(path, scene), width - 4)
        text = fit(text, min(cell_width(text), width - 4), scene.glyphs.more)
        return [Line(width).add(f"   {text}", theme.dim).strip(theme.text)]
    title = "what decided its latency"
    found = [heading_line(width, scene, title, theme.accent, "from its end back to its start")]
    listed = _longest(path, rows - 1)
    times = max(len(took(part.total_ns, " ")) for part in path.parts)
    found += [_draw(part, path, times, scene, width) for part in listed]
    if rest := len(path.parts) - len(listed):
        left_ns = path.total_ns - sum(part.total_ns for part in listed)
        text = f"   {rest} more, {duration(left_ns, ' ')} in total"
        found.append(Line(width).add(text, theme.dim).strip(theme.text))
    return found


def _short(path: CriticalPath, scene: Scene) -> list[str]:
    """The path in one row."""
    if not path.others:
        own = "decided by its own steps and waits"
        return [f"{own}: no other task is known to have woken it", own]
    part = max(path.parts, key=lambda part: part.total_ns)
    share = f"{100 * part.total_ns / max(1, path.total_ns):.0f} %"
    where = f" at {file_line(part.location)}" if part.location is not None else ""
    found = [f"decided {share} by {words}" for words in _words(part, scene)]
    return [f"{found[0]}{where}", f"{found[-1]}{where}", found[-1]]


def _longest(path: CriticalPath, rows: int) -> list[PathPart]:
    """The parts for so many rows, in the path's order: the longest, and a row for the rest."""
    if len(path.parts) <= rows:
        return list(path.parts)
    longest = sorted(path.parts, key=lambda part: -part.total_ns)[: rows - 1]
    return [part for part in path.parts if part in longest]


def _draw(part: PathPart, path: CriticalPath, times: int, scene: Scene, width: int) -> Strip:
    theme, glyphs = scene.theme, scene.glyphs
    state = _STATES.get(part.kind, State.AWAIT)
    share = 100 * part.total_ns / max(1, path.total_ns)
    line = Line(width).add(" ", theme.text).add(glyphs.of(state), theme.of(state))
    line.add(f" {f'{share:.0f}' if share >= 0.5 else '<1':>3} %  ", theme.strong)
    line.add(f"{took(part.total_ns, ' '):>{times}}  ", theme.text)
    place = place_within(part.location, line.left // 3) or file_line(part.location)
    room = line.left - 1 - (cell_width(place) + 2 if place else 0)
    text = first_fitting(_words(part, scene), room)
    line.add(fit(text, min(room, cell_width(text)), glyphs.more), theme.text)
    if place:
        line.add("  ", theme.text).add(place, theme.accent)
    return line.strip(theme.text)


def _words(part: PathPart, scene: Scene) -> list[str]:
    """`GET /report #17 ×23: await socket, while it waited for Lock :12`; shorter ones follow."""
    does = clean(_does(part, scene))
    if part.own:
        return [does]
    who = f"{part.label} #{part.request}" if part.request else f"{part.label}, task {part.task}"
    if part.tasks > 1:
        who = f"{part.label} {scene.glyphs.times}{part.tasks}"
    who, via = clean(who), short_name_of(part.via, scene)
    return [f"{who}: {does}, while it waited for {via}", f"{who}: {does} ({via})", f"{who}: {does}"]


def _does(part: PathPart, scene: Scene) -> str:
    if part.kind == "ran":
        return "its own steps" if part.own else "its steps"
    if part.kind == "ready":
        return "ready, and had not run yet"
    if part.kind == "resource":
        return f"waited for {short_name_of(part.what, scene)}; who gave it back is not known"
    if part.kind == "job":
        return f"a worker ran its job {part.what}"
    if part.kind == "queued":
        return f"{part.what} was queued for {short_name_of(part.queued_for, scene) or 'a worker'}"
    if part.kind == "unknown":
        return "not recorded"
    if part.what == "sleep":
        return "sleep"
    return f"await {part.what}" if part.what else "it waited, for what is not known"
