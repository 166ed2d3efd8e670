"""The diagnosis beside the timeline on wide terminals: sentence, evidence, source, fix, lesson."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.draw.text import Line, clean, fill_rows, wrap
from loopviz.tui.panels.code import Source, code_around
from loopviz.tui.panels.finding import (
    consequences_rows,
    finding_title,
    nothing_found,
    paragraph,
    times_text,
)
from loopviz.tui.panels.fixes import tick, why_text
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["boxed", "draw_diagnosis", "draw_fixes"]


def draw_diagnosis(scene: Scene, plan: Plan, source: Source) -> list[Strip]:
    """Draw the panel, the wall on its left included."""
    width, height = plan.size("diagnosis")
    inner = width - 2
    theme = scene.theme
    finding = scene.finding
    if finding is None:
        body = [
            Line(inner).strip(theme.text),
            *paragraph(_nothing(scene), theme.text, inner, scene),
        ]
        for hint in scene.scenario.watch_for:
            body += paragraph(f"{scene.glyphs.dot} {hint}", theme.dim, inner, scene)
        title, style, note = nothing_found(scene)
        if scene.rising_counter is None:
            title, style = "DIAGNOSIS", theme.title
    else:
        title, style, note = finding_title(scene, finding)
        note = note if scene.is_stale(finding) else ""
        source_visible = "source" in plan.panels and _of_the_scenario(finding, scene)
        body = _found(scene, finding, inner, height, source, source_visible)
    blank = Line(inner).strip(theme.text)
    fixes = draw_fixes(scene, inner)
    lesson = paragraph(scene.scenario.lesson, theme.dim, inner, scene)
    hints: list[Strip] = []
    if finding is not None and scene.scenario.watch_for:
        hints.append(_head("WHAT TO WATCH", inner, scene))
        for text in scene.scenario.watch_for:
            hints += paragraph(text, theme.dim, inner, scene)
    for more in (fixes, [_head("LESSON", inner, scene), *lesson], hints):
        if more and len(body) + len(more) + 1 <= height - 1:
            body += [blank, *more]
    return boxed(body, title, style, note, width, height, scene)


def boxed(
    body: Sequence[Strip],
    title: str,
    style: Style,
    note: str,
    width: int,
    height: int,
    scene: Scene,
) -> list[Strip]:
    """A title row, then the body's rows behind a wall, filled up to `height`."""
    theme, glyphs = scene.theme, scene.glyphs
    corner = ("├" if glyphs.eighths else "+") + glyphs.rule
    line = Line(width).add(f"{corner} ", theme.faint).add(title, style)
    if note and len(note) + 5 <= line.left:
        line.add(f" {glyphs.rule} ", theme.faint).add(note, theme.dim)
    line.add(" ", theme.text)
    line.add(glyphs.rule * line.left, theme.faint)
    wall = Line(2).add(glyphs.wall, theme.faint).strip(theme.text)
    rows = fill_rows(body, width - 2, height - 1, theme.text)
    return [line.strip(theme.text), *(Strip([*wall, *row], width) for row in rows)]


def _found(
    scene: Scene, finding: Finding, width: int, height: int, source: Source, source_visible: bool
) -> list[Strip]:
    """`source_visible`: the scenario's source is on the screen already."""
    theme = scene.theme
    calm = scene.is_stale(finding)
    blank = Line(width).strip(theme.text)
    rows = [blank]
    rows += paragraph(finding.sentence, theme.dim if calm else theme.strong, width, scene, 6)
    rows += paragraph(times_text(finding), theme.dim, width, scene)
    rows += consequences_rows(finding, scene, width, 2)
    if finding.location:
        around = 0 if source_visible else 3 if height >= 24 else 1
        rows += [blank, *code_around(scene, finding, width, around, source)]
    return rows


def _of_the_scenario(finding: Finding, scene: Scene) -> bool:
    return finding.location is not None and finding.location.path == str(scene.scenario.path)


def _nothing(scene: Scene) -> str:
    counter = scene.rising_counter
    if counter is None:
        return "Nothing is wrong so far. What to watch:"
    return f"{clean(counter.title)}: {counter.value:,}, and it grows. What to watch:"


def _head(title: str, width: int, scene: Scene) -> Strip:
    return Line(width).add(f"  {title}", scene.theme.title).strip(scene.theme.text)


def draw_fixes(scene: Scene, width: int) -> list[Strip]:
    """Every fix with its key, and whether it is on."""
    theme = scene.theme
    wanted = scene.suggested_fix
    rows = [_head("FIXES", width, scene)]
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        style = theme.strong if on else theme.text
        for i, text in enumerate(wrap(clean(fix.title), width - 9)[:2]):
            line = Line(width).add(f"  {letter if i == 0 else ' '}", theme.good)
            box = f" [{tick(fix, scene)}] " if i == 0 else " " * 5
            line.add(box, theme.good if on else theme.dim).add(text, style)
            rows.append(line.strip(theme.text))
        if fix.unavailable:
            rows += _why(fix.unavailable, width, scene)
        elif on:
            rows += _why(why_text(fix), width, scene)
        if wanted is fix:
            hint = f"        suggested: press {letter}, or {scene.keys.label('suggested')}"
            rows.append(Line(width).add(hint, theme.good).strip(theme.text))
    return rows if len(rows) > 1 else []


def _why(why: str, width: int, scene: Scene) -> list[Strip]:
    rows = [
        Line(width).add(f"        {line}", scene.theme.dim) for line in wrap(clean(why), width - 9)
    ]
    return [row.strip(scene.theme.text) for row in rows]
