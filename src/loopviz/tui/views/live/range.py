"""The figures of a selected time range: the loop and what blocked it, the requests, their time."""

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Quantiles, State
from loopviz.model.snapshot.ranges import RangeFigures, figures
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fill_rows, fit
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.places import place_within
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.live.breakdown import state_bar

__all__ = ["draw_range"]

LABEL_CELLS = 10


def draw_range(scene: Scene, width: int, height: int) -> list[Strip]:
    """`height` rows: a title, four of figures, then as many routes as there is room for."""
    theme, snapshot = scene.theme, scene.snapshot
    if snapshot is None or scene.view_state.time_range is None:
        return fill_rows((), width, height, theme.text)
    found = figures(snapshot, *scene.view_state.time_range)
    keys = scene.keys
    hint = (
        f"{keys.label('earlier', 'later')} move it, {keys.label('zoom-in', 'zoom-out')} its width"
    )
    title = f"RANGE of {duration(found.lasted_ns, ' ')}"
    note = f"{hint}, {keys.label('back')} drops it"
    rows = [heading_line(width, scene, title, theme.title, note)]
    rows += [_loop(found, scene, width), _requests(found, scene, width)]
    rows += [_time(found, scene, width), _lag(found, scene, width)]
    names = max((cell_width(clean(route.route)) for route in found.routes), default=0)
    for route in found.routes if len(found.routes) > 1 else ():
        line = Line(width).to(LABEL_CELLS, theme.text)
        line.add(fit(clean(route.route), min(names, 24), scene.glyphs.more), theme.dim)
        line.add(f" {route.duration.count:>5} ended  ", theme.text)
        _quantiles(line, route.duration, scene)
        rows.append(line.strip(theme.text))
    return fill_rows(rows, width, height, theme.text)


def _row(word: str, scene: Scene, width: int) -> Line:
    return Line(width).add(f" {word}", scene.theme.dim).to(LABEL_CELLS, scene.theme.text)


def _loop(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """The loop's busy share, and what blocked it longest."""
    theme = scene.theme
    line = _row("loop", scene, width)
    line.add(f"{found.utilization * 100:.0f} % busy", theme.strong)
    if found.worst is None:
        line.add(", nothing blocked it", theme.dim)
        return line.strip(theme.text)
    worst = found.worst
    line.add(f", blocked {found.stalls}{scene.glyphs.times} for ", theme.text)
    line.add(duration(found.stalled_ns, " "), theme.alarm)
    line.add(f", worst {duration(worst.end_ns - worst.start_ns, ' ')}", theme.text)
    place = place_within(worst.location, line.left - 4) or clean(worst.label)
    if cell_width(place) + 4 <= line.left:
        line.add(" in ", theme.dim).add(place, theme.accent)
    return line.strip(theme.text)


def _requests(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """The requests that ended in the range, and their durations."""
    line = _row("requests", scene, width)
    line.add(f"{found.duration.count} ended", scene.theme.strong)
    line.add(f", {found.open} open  ", scene.theme.text)
    _quantiles(line, found.duration, scene)
    return line.strip(scene.theme.text)


def _time(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """The states of all requests within the range, as shares and as a bar."""
    theme = scene.theme
    shares = [
        (State.RUN, "ran", found.ran_ns),
        (State.READY, "ready", found.ready_ns),
        (State.AWAIT, "waited", found.waiting_ns),
    ]
    total = sum(ns for *_, ns in shares)
    line = _row("time", scene, width)
    if not total:
        return line.add("no request was there", theme.dim).strip(theme.text)
    for state, word, ns in shares:
        line.add(scene.glyphs.of(state), theme.of(state))
        line.add(f" {word} {100 * ns / total:.0f} %   ", theme.text)
    bar = state_bar([(state, ns) for state, _, ns in shares], scene, min(40, line.left - 2))
    for text, style in bar:
        line.add(text, style)
    return line.strip(theme.text)


def _lag(found: RangeFigures, scene: Scene, width: int) -> Strip:
    line = _row("lag", scene, width)
    if not found.lag.count:
        line.add("no timer ran in it", scene.theme.dim)
    _quantiles(line, found.lag, scene)
    return line.strip(scene.theme.text)


def _quantiles(line: Line, values: Quantiles, scene: Scene) -> None:
    """`p50 0.4 ms  p99 212 ms  max 480 ms`; nothing if there are none."""
    styles: dict[str, Style] = {"p50": scene.theme.text, "p99": scene.theme.strong}
    for name, ns in (("p50", values.p50_ns), ("p99", values.p99_ns), ("max", values.max_ns)):
        if values.count:
            line.add(f"{name} ", scene.theme.dim)
            line.add(f"{duration(ns, ' '):>7}  ", styles.get(name, scene.theme.text))
