"""The gauges: the most crowded resources, and what the scenario counts."""

from itertools import pairwise

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import CounterValue, ResourceInfo
from loopviz.model.snapshot.comparison import SHOWN_NS
from loopviz.model.snapshot.types import HISTORY_STEPS
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.sparkline import sparkline
from loopviz.tui.draw.text import Line, cell_width, clean, fit
from loopviz.tui.panels.gauge import LEAST_BARS, add_gauge, is_notable
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["GaugePanel"]

GAUGE_CELLS = 39
"""The narrowest gauge of a resource."""

QUIET_AFTER_NS = 5 * SECOND
"""A resource that was not used for this long gives its place to another one."""


class GaugePanel:
    """Draws the gauges; remembers who has which place, so that they stay where they are."""

    def __init__(self) -> None:
        self._places: list[str] = []
        self._used: dict[str, int] = {}
        """By name, when it was last in use."""

    def rows(self, scene: Scene, width: int, height: int) -> int:
        """The rows it would like to have in a panel of that width; `height` of the terminal."""
        snapshot = scene.snapshot
        counters = bool(scene.scenario.counters)
        count = sum(is_notable(found) for found in snapshot.resources) if snapshot else 0
        if height < 20:
            return int(bool(count or counters))
        most = 1 if height < 32 else 2
        return min(most, -(-count // max(1, width // GAUGE_CELLS))) + counters

    def draw(self, scene: Scene, plan: Plan) -> list[Strip]:
        """Rows of resources, then the row of counters; on a single row counters come first."""
        width, height = plan.size("gauges")
        snapshot = scene.snapshot
        counters = snapshot.counters if snapshot else ()
        found = [view for view in snapshot.resources if is_notable(view)] if snapshot else []
        if height <= 1 and counters:
            line = self._counters(counters, width, scene)
            if found and line.left >= GAUGE_CELLS - 4:
                self._assign(found, 1, scene)
                add_gauge(line, self._named(found)[0], line.left - 1, scene)
            return [line.strip(scene.theme.text)] * height
        rows = height - bool(counters)
        each = max(1, width // GAUGE_CELLS)
        self._assign(found, rows * each, scene)
        views = self._named(found)[: rows * each]
        each = min(each, max(1, len(views)))
        strips = []
        for row in range(rows):
            line = Line(width)
            for place, view in enumerate(views[row * each : (row + 1) * each]):
                line.to(place * (width // each), scene.theme.text)
                add_gauge(line, view, width // each - 2, scene)
            strips.append(line.strip(scene.theme.text))
        if counters:
            strips.append(self._counters(counters, width, scene).strip(scene.theme.text))
        return strips[:height]

    def _named(self, found: list[ResourceInfo]) -> list[ResourceInfo]:
        by_name = {view.name: view for view in found}
        return [by_name[name] for name in self._places if name in by_name]

    def _assign(self, found: list[ResourceInfo], places: int, scene: Scene) -> None:
        """Give free places, and those of the quiet and the uncrowded, to who needs one more."""
        now = scene.end_ns
        for view in found:
            if view.in_use.now or view.waiting.now:
                self._used[view.name] = now
        crowded = {view.name for view in found if view.waiting.max}
        names = {view.name for view in found}
        self._places = [name for name in self._places if name in names][:places]
        for view in sorted(found, key=lambda view: -view.waiting.max):
            if view.name in self._places:
                continue
            if len(self._places) < places:
                self._places.append(view.name)
                self._used.setdefault(view.name, now)
                continue
            active = now - self._used.get(view.name, 0) < QUIET_AFTER_NS
            for place, name in enumerate(self._places):
                quiet = now - self._used.get(name, 0) > QUIET_AFTER_NS
                if active and (quiet or (view.name in crowded and name not in crowded)):
                    self._places[place] = view.name
                    break

    def _counters(self, counters: tuple[CounterValue, ...], width: int, scene: Scene) -> Line:
        """`acknowledged 175   stored 102   lost 73 ▲ +4/s`; bad ones are lit while they rise."""
        theme, glyphs = scene.theme, scene.glyphs
        titles = _titles(counters, width)
        parts = []
        for title, counter in zip(titles, counters, strict=True):
            trouble = counter.bad and counter.value > 0
            rises = counter.recent > 0
            style = (theme.alarm if rises else theme.strong) if trouble else theme.text
            moves = _moves(counter, glyphs) if counter.bad and (trouble or rises) else ""
            parts.append((title, f"{counter.value:,}", moves, style))
        wide = sum(sum(map(cell_width, part[:3])) + 1 for part in parts)
        spare = (width - 1 - wide) // max(1, len(parts))
        bars = min(HISTORY_STEPS, spare - 3)
        bars = bars if bars >= LEAST_BARS and any(one.history for one in counters) else 0
        gap = max(1, min(4, spare - bars - bool(bars)))
        growths = [_growth(counter)[-bars:] for counter in counters]
        most = max([max(of, default=0) for of in growths])
        line = Line(width).add(" ", theme.text)
        for i, (counter, (title, value, moves, style)) in enumerate(
            zip(counters, parts, strict=True)
        ):
            line.add(" " * gap if i else "", theme.text)
            line.add(f"{title} ", theme.dim).add(value, style)
            if bars:
                shade = style if counter.bad else theme.calm
                line.add(f" {sparkline(growths[i], glyphs, most)}", shade)
            line.add(moves, style)
        return line


def _moves(counter: CounterValue, glyphs: Glyphs) -> str:
    """` ▲ +4/s`, or ` stopped`: empty while it is too early for either, or it rises and falls."""
    early = counter.recent_ns < SHOWN_NS
    if counter.recent > 0:
        rate = counter.recent * SECOND / max(counter.recent_ns, 1)
        return f" {glyphs.up}" if early or rate < 0.5 else f" {glyphs.up} +{rate:.0f}/s"
    return " stopped" if counter.still and not early else ""


def _growth(counter: CounterValue) -> list[int]:
    """By how much it grew in each step; of one that also falls, how high it was."""
    growth = [after - before for before, after in pairwise(counter.history)]
    return growth if min(growth, default=0) >= 0 else list(counter.history[1:])


def _titles(counters: tuple[CounterValue, ...], width: int) -> list[str]:
    """The titles; the keys, if those are too long; cut, if these are, too."""
    room = width - sum(len(f"{counter.value:,}") + 2 for counter in counters) - len(" stopped")
    for names in (
        [clean(counter.title) for counter in counters],
        [clean(counter.key.replace("_", " ")) for counter in counters],
    ):
        if sum(map(cell_width, names)) <= room:
            return names
    each = max(1, room // len(counters))
    return [fit(name, min(cell_width(name), each)) for name in names]
