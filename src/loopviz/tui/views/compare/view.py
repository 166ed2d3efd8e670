"""The compare view: what was before and what is now, each figure with how sure it is."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison
from loopviz.tui.look import Key
from loopviz.tui.paint.finding import rule_line
from loopviz.tui.paint.layout import WIDE
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.table import Column, Table
from loopviz.tui.paint.text import Line, clean, fit, width_of, wrap
from loopviz.tui.paint.verdict import side, verdict
from loopviz.tui.views.compare.routes import certainty, paint_figures, paint_rest
from loopviz.tui.views.compare.things import Thing, things
from loopviz.tui.views.view import View

__all__ = ["CompareView"]

HELP = (
    ("before", "what ran before the last change of fixes, its last 30 s; or the baseline"),
    ("after", "what runs now, the last 30 s; the first 0.3 s after a change count for neither"),
    ("▼ ▲ =", "less, more, the same within 5 %; ×3.2: that many times as much"),
    ("sure", "the 95 % intervals of before and after do not overlap (order statistics)"),
    ("not sure", "they overlap: it may be chance"),
    ("needs n of 368", "so many samples a side it takes before a p99 can be told for certain"),
    ("n", "samples; latency counts from the time at which a request was to be sent"),
    ("LOOP", "and resources: of several workers, the first one's"),
    ("busy", "share of the time in which the loop ran something"),
    ("held, of 1 s", "how much of each second callbacks of 20 ms or more held the loop"),
    ("baseline", "set by its key: everything is compared with it, until another one is set"),
)


class CompareView(View):
    """A row for each thing that was measured; the chosen one's figures below it or beside it."""

    NAME: ClassVar[str] = "compare"
    HELP: ClassVar[Sequence[tuple[str, str]]] = HELP

    def __init__(self) -> None:
        self._table = Table(())
        self._above = 0
        """Rows of the panel above the table."""

    def keys(self, scene: Scene) -> Sequence[Key]:
        comparison = _comparison(scene)
        return [thing.key for thing in things(comparison)] if comparison else ()

    def paint(self, scene: Scene, width: int, height: int) -> list[Strip]:
        looks = scene.looks
        comparison = _comparison(scene)
        note = "as of the freeze" if scene.frozen else ""
        strips = [rule_line(width, scene, "COMPARE", looks.title, note)]
        if comparison is None:
            strips += _empty(scene, width)
        else:
            strips += _sides(scene, comparison, width, height)
            self._above = len(strips)
            strips += self._body(scene, comparison, width, height - len(strips))
        blank = Line(width).strip(looks.text)
        return (strips + [blank] * height)[:height]

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - self._above)

    def _body(self, scene: Scene, comparison: Comparison, width: int, height: int) -> list[Strip]:
        """The table, and the figures of the chosen thing; by default the first route's."""
        rows = things(comparison)
        usual = next((thing for thing in rows if thing.route is not None), rows[0])
        chosen = next((thing for thing in rows if thing.key == scene.look.row), usual)
        if width >= WIDE:
            left = min(96, width * 6 // 10)
            table = self._paint(scene, rows, chosen, left, min(height, len(rows) + 1))
            table += paint_rest(scene, comparison, rows, chosen, left, height - len(table))
            right = paint_figures(chosen, scene, width - left - 2, height)
            wall = Line(2).add(f"{scene.glyphs.wall} ", scene.looks.faint).strip(scene.looks.text)
            pairs = zip(table, right, strict=True)
            return [Strip([*row, *wall, *beside], width) for row, beside in pairs]
        if scene.look.detail:
            return paint_figures(chosen, scene, width, height)
        below = max(8, height - len(rows) - 1) if height >= 14 else height // 2
        table = self._paint(scene, rows, chosen, width, height - below)
        if chosen.route is not None:
            return [*table, *paint_figures(chosen, scene, width, below)]
        lines = min(below, len(chosen.figures) + 2)
        rest = paint_rest(scene, comparison, (), chosen, width, below - lines)
        return [*table, *paint_figures(chosen, scene, width, lines), *rest]

    def _paint(
        self, scene: Scene, rows: Sequence[Thing], chosen: Thing, width: int, height: int
    ) -> list[Strip]:
        self._table.columns = _columns(scene)
        here: dict[Hashable, str] = {chosen.key: scene.glyphs.pointer}
        return self._table.paint(
            [(thing.key, thing) for thing in rows],
            scene,
            width,
            height,
            marks=lambda key: here.get(key, " "),
        )

    def forget(self) -> None:
        self._table = Table(())


def _comparison(scene: Scene) -> Comparison | None:
    """None while there is nothing to compare."""
    comparison = scene.snapshot.comparison if scene.snapshot else None
    return comparison if comparison is not None and comparison.comparable else None


def _columns(scene: Scene) -> tuple[Column, ...]:
    def count(thing: Thing) -> str:
        counted = thing.head.count
        return "" if counted is None else f"{counted[0]} {scene.glyphs.arrow} {counted[1]}"

    return (
        Column("what", 18, lambda thing: thing.name, "", left=True, wide=True),
        Column("figure", 12, lambda thing: thing.head.title, "", left=True),
        Column("before", 8, lambda thing: thing.head.texts()[0], ""),
        Column("after", 8, lambda thing: thing.head.texts()[1], ""),
        Column(
            "change",
            8,
            lambda thing: verdict(thing.head, scene)[0],
            "",
            lambda thing, scene: verdict(thing.head, scene)[1],
            left=True,
        ),
        Column("certain", 15, lambda thing: certainty(thing.head), "", left=True, spare=1),
        Column("samples", 13, count, "", spare=2),
    )


def _sides(scene: Scene, comparison: Comparison, width: int, height: int) -> list[Strip]:
    """What ran on either side, and for how long it was measured: a row each."""
    looks = scene.looks
    before, after = comparison.lasted_ns
    was = "baseline" if comparison.pinned else "before"
    told = (
        (was, comparison.before_fixes, before, ""),
        ("after", comparison.after_fixes, after, f" of {_age(scene, comparison)}"),
    )
    strips = []
    for word, fixes, lasted_ns, more in told:
        line = Line(width).add(f" {word:<9}", looks.accent)
        measured = f"{lasted_ns // SECOND} s{more} measured"
        text = _named(scene, fixes)
        room = line.left - len(measured) - 3
        if width_of(text) > room:
            text = text.partition("  #")[0]  # a comment is what it can do without
        line.add(fit(text, min(width_of(text), room), scene.glyphs.more), looks.strong)
        strips.append(line.add(f"  {measured}", looks.dim).strip(looks.text))
    if height >= 24:
        key = scene.keys.shown("baseline")
        line = Line(width).add(f" {'load':<9}", looks.accent)
        line.add(f"{scene.glyphs.times}{comparison.load.after:g} on both sides", looks.text)
        line.add(f"  {key} makes what runs now the baseline", looks.dim)
        strips += [line.strip(looks.text), Line(width).strip(looks.text)]
    return strips


def _named(scene: Scene, fixes: Sequence[str]) -> str:
    """`a: await asyncio.to_thread(…)`; of several, the letters."""
    fix = scene.fix(fixes[0]) if len(fixes) == 1 else None
    letters = side(scene, fixes)
    return f"{letters}: {clean(fix.title)}" if fix else letters


def _age(scene: Scene, comparison: Comparison) -> str:
    seconds = max(0, scene.end_ns - comparison.since_ns) // SECOND
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _empty(scene: Scene, width: int) -> list[Strip]:
    """Why there is nothing, and what to press."""
    looks, key = scene.looks, scene.keys.shown
    comparison = scene.snapshot.comparison if scene.snapshot else None
    rows: list[Strip] = [Line(width).strip(looks.text)]

    def say(text: str, style: Style) -> None:
        lines = [Line(width).add(f"  {said}", style) for said in wrap(clean(text), width - 4)]
        rows.extend(line.strip(looks.text) for line in lines)

    if comparison is not None:
        was, now = (f"{scene.glyphs.times}{factor:g}" for factor in comparison.load)
        say(
            f"The load has changed from {was} to {now}: before and after are not comparable.",
            looks.warm,
        )
        say(
            f"Flip a fix, and it is compared under this load; or go back with {key('less-load')} "
            f"or {key('more-load')}.",
            looks.text,
        )
    elif scene.scenario.fixes:
        say("Nothing to compare yet: flip a fix, and before and after appear here.", looks.strong)
    else:
        say("Nothing to compare: this scenario has no fixes.", looks.strong)
    rows.append(Line(width).strip(looks.text))
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        tick = "-" if fix.unavailable else "x" if fix.key in scene.status.fixes_on else " "
        line = Line(width).add(f"  {letter} ", looks.good).add(f"[{tick}] ", looks.dim)
        title = fit(clean(fix.title), line.left - 1, scene.glyphs.more).rstrip()
        rows.append(line.add(title, looks.text).strip(looks.text))
        if fix.unavailable:
            say(f"      {fix.unavailable}", looks.warm)
    if scene.scenario.fixes:
        rows.append(Line(width).strip(looks.text))
        say(
            f"{key('baseline')} makes what runs now the baseline: then every change is compared "
            "with it, not with the one before.",
            looks.dim,
        )
    return rows
