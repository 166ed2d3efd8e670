"""The two phases that are compared: fixes, load, time; or why nothing is, and what to press."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Comparison
from loopviz.tui.draw.text import Line, cell_width, clean, elapsed, fit, wrap
from loopviz.tui.panels.change import fixes_label
from loopviz.tui.panels.fixes import box
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_nothing", "draw_phases"]


def draw_phases(scene: Scene, comparison: Comparison, width: int, height: int) -> list[Strip]:
    """A row each for before and after: which fixes were on, and for how long it was measured."""
    theme = scene.theme
    before, after = comparison.lasted_ns
    was = "baseline" if comparison.pinned else "before"
    phases = (
        (was, comparison.before_fixes, before, "", comparison.at_limit.before),
        (
            "after",
            comparison.after_fixes,
            after,
            f" of {elapsed(scene.end_ns - comparison.since_ns)}",
            comparison.at_limit.after,
        ),
    )
    strips = []
    for word, fixes, lasted_ns, more, at_limit in phases:
        line = Line(width).add(f" {word:<9}", theme.accent)
        measured = f"{lasted_ns // SECOND} s{more} measured"
        measured += ", the load at its limit" if at_limit else ""
        text = _named(scene, fixes)
        if cell_width(text) > line.left - len(measured) - 3:
            text = text.partition("  #")[0]  # a comment is what it can do without
        indent = line.used
        first, *further = wrap(text, line.left - len(measured) - 3)
        line.add(first, theme.strong).add(f"  {measured}", theme.dim)
        rest = [Line(width).to(indent, theme.text).add(part, theme.strong) for part in further]
        strips += [row.strip(theme.text) for row in (line, *rest)]
    if height >= 24:
        key = scene.keys.label("baseline")
        line = Line(width).add(f" {'load':<9}", theme.accent)
        line.add(f"{scene.glyphs.times}{comparison.load.after:g} before and after", theme.text)
        line.add(f"  {key} makes what runs now the baseline", theme.dim)
        _add_legend(line, scene)
        strips += [line.strip(theme.text), Line(width).strip(theme.text)]
    return strips


def _add_legend(line: Line, scene: Scene) -> None:
    """At the right edge, the meaning of the colours of changes, if there are any and is room."""
    theme = scene.theme
    words = (("better", theme.good), ("worse", theme.worse), ("may be chance", theme.text))
    cells = sum(cell_width(word) + 2 for word, _ in words)
    if theme.palette is None or line.left < cells + 2:
        return
    line.to(line.width - cells, theme.text)
    for word, style in words:
        line.add(f"{word}  ", style)


def _named(scene: Scene, fixes: Sequence[str]) -> str:
    """`a: await asyncio.to_thread(…)`; of several, the letters."""
    fix = scene.fix(fixes[0]) if len(fixes) == 1 else None
    letters = fixes_label(scene, fixes)
    return f"{letters}: {clean(fix.title)}" if fix else letters


def draw_nothing(scene: Scene, width: int) -> list[Strip]:
    """The reason why nothing is compared, and the keys to press."""
    theme, key = scene.theme, scene.keys.label
    comparison = scene.snapshot.comparison if scene.snapshot else None
    rows: list[Strip] = [Line(width).strip(theme.text)]

    def add_text(text: str, style: Style) -> None:
        lines = [Line(width).add(f"  {part}", style) for part in wrap(clean(text), width - 4)]
        rows.extend(line.strip(theme.text) for line in lines)

    if comparison is not None:
        was, now = (f"{scene.glyphs.times}{factor:g}" for factor in comparison.load)
        add_text(
            f"The load has changed from {was} to {now}: before and after are not comparable.",
            theme.warm,
        )
        add_text(
            f"Flip a fix, and it is compared under this load; or go back with {key('less-load')} "
            f"or {key('more-load')}.",
            theme.text,
        )
    elif scene.scenario.fixes:
        add_text(
            "Nothing to compare yet: flip a fix, and before and after appear here.", theme.strong
        )
    else:
        what = "a program of your own" if scene.is_program else "this scenario"
        add_text(f"Nothing to compare: {what} has no fixes.", theme.strong)
    rows.append(Line(width).strip(theme.text))
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        line = Line(width).add(f"  {letter} ", theme.good).add(f"{box(fix, scene)} ", theme.dim)
        title = fit(clean(fix.title), line.left - 1, scene.glyphs.more).rstrip()
        rows.append(line.add(title, theme.text).strip(theme.text))
        if fix.unavailable:
            add_text(f"      {fix.unavailable}", theme.warm)
    if scene.scenario.fixes:
        rows.append(Line(width).strip(theme.text))
        add_text(
            f"{key('baseline')} makes what runs now the baseline: then every change is compared "
            "with it, not with the one before.",
            theme.dim,
        )
    return rows
