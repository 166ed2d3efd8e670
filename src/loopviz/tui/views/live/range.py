"""The figures of a selected range of time: the loop, who held it, the requests, where time went."""

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Quantiles, State
from loopviz.model.snapshot.ranges import RangeFigures, figures
from loopviz.tui.draw.text import Line, clean, duration, fit, width_of
from loopviz.tui.panels.finding import rule_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.live.breakdown import state_bar
from loopviz.tui.views.live.parts import place_of

__all__ = ["paint_range"]

LABEL = 10


def paint_range(scene: Scene, width: int, height: int) -> list[Strip]:
    """`height` rows: a title, four of figures, then as many routes as there is room for."""
    looks, snapshot = scene.looks, scene.snapshot
    blank = Line(width).strip(looks.text)
    if snapshot is None or scene.look.span is None:
        return [blank] * height
    found = figures(snapshot, *scene.look.span)
    keys = scene.keys
    hint = (
        f"{keys.shown('earlier', 'later')} move it, {keys.shown('zoom-in', 'zoom-out')} its width"
    )
    title = f"RANGE of {duration(found.lasted_ns, ' ')}"
    note = f"{hint}, {keys.shown('back')} drops it"
    rows = [rule_line(width, scene, title, looks.title, note)]
    rows += [_loop(found, scene, width), _requests(found, scene, width)]
    rows += [_time(found, scene, width), _lag(found, scene, width)]
    names = max((width_of(clean(route.route)) for route in found.routes), default=0)
    for route in found.routes if len(found.routes) > 1 else ():
        line = Line(width).to(LABEL, looks.text)
        line.add(fit(clean(route.route), min(names, 24), scene.glyphs.more), looks.dim)
        line.add(f" {route.duration.count:>5} ended  ", looks.text)
        _quantiles(line, route.duration, scene)
        rows.append(line.strip(looks.text))
    return (rows + [blank] * height)[:height]


def _row(word: str, scene: Scene, width: int) -> Line:
    return Line(width).add(f" {word}", scene.looks.dim).to(LABEL, scene.looks.text)


def _loop(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """How busy it was, and what held it longest."""
    looks = scene.looks
    line = _row("loop", scene, width)
    line.add(f"{found.utilization * 100:.0f} % busy", looks.strong)
    if found.worst is None:
        line.add(", nothing held it", looks.dim)
        return line.strip(looks.text)
    worst = found.worst
    line.add(f", held {found.stalls}{scene.glyphs.times} for ", looks.text)
    line.add(duration(found.stalled_ns, " "), looks.alarm)
    line.add(f", worst {duration(worst.end_ns - worst.start_ns, ' ')}", looks.text)
    place = place_of(worst.location, line.left - 4) or clean(worst.label)
    if width_of(place) + 4 <= line.left:
        line.add(" in ", looks.dim).add(place, looks.accent)
    return line.strip(looks.text)


def _requests(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """How many ended in it, and how long they took."""
    line = _row("requests", scene, width)
    line.add(f"{found.duration.count} ended", scene.looks.strong)
    line.add(f", {found.open} open  ", scene.looks.text)
    _quantiles(line, found.duration, scene)
    return line.strip(scene.looks.text)


def _time(found: RangeFigures, scene: Scene, width: int) -> Strip:
    """What all requests did within the range: shares, and a bar of them."""
    looks = scene.looks
    shares = [
        (State.RUN, "ran", found.ran_ns),
        (State.READY, "ready", found.ready_ns),
        (State.AWAIT, "waited", found.waiting_ns),
    ]
    total = sum(ns for *_, ns in shares)
    line = _row("time", scene, width)
    if not total:
        return line.add("no request was there", looks.dim).strip(looks.text)
    for state, word, ns in shares:
        line.add(scene.glyphs.of(state), looks.of(state))
        line.add(f" {word} {100 * ns / total:.0f} %   ", looks.text)
    bar = state_bar([(state, ns) for state, _, ns in shares], scene, min(40, line.left - 2))
    for text, style in bar:
        line.add(text, style)
    return line.strip(looks.text)


def _lag(found: RangeFigures, scene: Scene, width: int) -> Strip:
    line = _row("lag", scene, width)
    if not found.lag.count:
        line.add("no timer ran in it", scene.looks.dim)
    _quantiles(line, found.lag, scene)
    return line.strip(scene.looks.text)


def _quantiles(line: Line, values: Quantiles, scene: Scene) -> None:
    """`p50 0.4 ms  p99 212 ms  max 480 ms`; nothing if there are none."""
    styles: dict[str, Style] = {"p50": scene.looks.text, "p99": scene.looks.strong}
    for name, ns in (("p50", values.p50_ns), ("p99", values.p99_ns), ("max", values.max_ns)):
        if values.count:
            line.add(f"{name} ", scene.looks.dim)
            line.add(f"{duration(ns, ' '):>7}  ", styles.get(name, scene.looks.text))
