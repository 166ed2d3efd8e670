"""The diagnosis beside the timeline on wide terminals: sentence, evidence, source, fix, lesson."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.draw.text import Line, clean, duration, wrap
from loopviz.tui.panels.code import Source, code_around
from loopviz.tui.panels.finding import finding_title, nothing_found, paragraph
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["boxed", "paint_diagnosis", "paint_fixes"]


def paint_diagnosis(scene: Scene, plan: Plan, source: Source) -> list[Strip]:
    """As many rows as the panel has; the wall on its left is part of it."""
    width, height = plan.size("diagnosis")
    inner = width - 2
    looks = scene.looks
    finding = scene.finding
    if finding is None:
        body = [
            Line(inner).strip(looks.text),
            *paragraph(_nothing(scene), looks.text, inner, scene),
        ]
        for look in scene.scenario.watch_for:
            body += paragraph(f"{scene.glyphs.dot} {look}", looks.dim, inner, scene)
        title, style, note = nothing_found(scene)
        if scene.trouble is None:
            title, style = "DIAGNOSIS", looks.title
    else:
        title, style, note = finding_title(scene, finding)
        note = note if scene.stale(finding) else ""
        shown = "source" in plan.panels and _of_the_scenario(finding, scene)
        body = _found(scene, finding, inner, height, source, shown)
    blank = Line(inner).strip(looks.text)
    fixes = paint_fixes(scene, inner)
    lesson = paragraph(scene.scenario.lesson, looks.dim, inner, scene)
    hints: list[Strip] = []
    if finding is not None and scene.scenario.watch_for:
        hints.append(_head("LOOK AT", inner, scene))
        for text in scene.scenario.watch_for:
            hints += paragraph(text, looks.dim, inner, scene)
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
    looks, glyphs = scene.looks, scene.glyphs
    corner = ("├" if glyphs.eighths else "+") + glyphs.rule
    line = Line(width).add(f"{corner} ", looks.faint).add(title, style)
    if note and len(note) + 5 <= line.left:
        line.add(f" {glyphs.rule} ", looks.faint).add(note, looks.dim)
    line.add(" ", looks.text)
    line.add(glyphs.rule * line.left, looks.faint)
    wall = Line(2).add(glyphs.wall, looks.faint).strip(looks.text)
    blank = Line(width - 2).strip(looks.text)
    rows = [*body, *[blank] * height][: height - 1]
    return [line.strip(looks.text), *(Strip([*wall, *row], width) for row in rows)]


def _found(
    scene: Scene, finding: Finding, width: int, height: int, source: Source, shown: bool
) -> list[Strip]:
    """`shown`: the scenario's source is on the screen already."""
    looks = scene.looks
    calm = scene.stale(finding)
    blank = Line(width).strip(looks.text)
    rows = [blank]
    rows += paragraph(finding.sentence, looks.dim if calm else looks.strong, width, scene, 6)
    times = "once" if finding.count == 1 else f"{finding.count} times"
    if finding.worst_ns:
        times += f", worst {duration(finding.worst_ns, ' ')}"
        times += f", {duration(finding.total_ns, ' ')} in all"
    rows += paragraph(times, looks.dim, width, scene)
    if finding.location:
        around = 0 if shown else 3 if height >= 24 else 1
        rows += [blank, *code_around(scene, finding, width, around, source)]
    return rows


def _of_the_scenario(finding: Finding, scene: Scene) -> bool:
    return finding.location is not None and finding.location.path == str(scene.scenario.path)


def _nothing(scene: Scene) -> str:
    counter = scene.trouble
    if counter is None:
        return "Nothing is wrong so far. What to look at:"
    return f"{clean(counter.title)}: {counter.value:,}, and it grows. What to look at:"


def _head(title: str, width: int, scene: Scene) -> Strip:
    return Line(width).add(f"  {title}", scene.looks.title).strip(scene.looks.text)


def paint_fixes(scene: Scene, width: int) -> list[Strip]:
    """Every fix with its key, and whether it is on."""
    looks = scene.looks
    wanted = scene.suggested
    rows = [_head("FIXES", width, scene)]
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        style = looks.strong if on else looks.text
        for i, text in enumerate(wrap(clean(fix.title), width - 9)[:2]):
            line = Line(width).add(f"  {letter if i == 0 else ' '}", looks.good)
            tick = "-" if fix.unavailable else "x" if on else " "
            box = f" [{tick}] " if i == 0 else " " * 5
            line.add(box, looks.good if on else looks.dim).add(text, style)
            rows.append(line.strip(looks.text))
        if fix.unavailable:
            rows += _why(fix.unavailable, width, scene)
        elif on:
            rows += _why(f"looks right, is not: {fix.why}" if fix.wrong else fix.why, width, scene)
        if wanted is fix:
            hint = f"        suggested: press {letter}, or {scene.keys.shown('suggested')}"
            rows.append(Line(width).add(hint, looks.good).strip(looks.text))
    return rows if len(rows) > 1 else []


def _why(why: str, width: int, scene: Scene) -> list[Strip]:
    rows = [
        Line(width).add(f"        {line}", scene.looks.dim) for line in wrap(clean(why), width - 9)
    ]
    return [row.strip(scene.looks.text) for row in rows]
