"""The diagnosis beside the timeline on wide terminals: sentence, evidence, source, fix, lesson."""

from collections.abc import Iterable, Iterator, Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.draw.shorten import shortened
from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, first_fitting, wrap
from loopviz.tui.panels.code import Source, code_around
from loopviz.tui.panels.finding import (
    consequences_rows,
    finding_title,
    nothing_found,
    paragraph,
    times_text,
)
from loopviz.tui.panels.fixes import FixRow, draw_fixes
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["boxed", "diagnosis_rows", "draw_diagnosis"]


LEANER = ((6, True, 2, 3), (3, True, 1, 1), (2, True, 1, 1), (2, True, 0, 1), (2, False, 0, 1))
"""How much is told of a finding, less and less: rows of its sentence, whether with its figures,
consequences, lines of source around the culprit's."""


def draw_diagnosis(scene: Scene, plan: Plan, source: Source) -> list[Strip]:
    """Draw the panel, the wall on its left included."""
    width, height = plan.size("diagnosis")
    theme = scene.theme
    finding = scene.finding
    if finding is None and scene.status.output:
        return boxed(
            _output(scene, width - 2, height), "LAST OUTPUT", theme.title, "", width, height, scene
        )
    if finding is None:
        title, style, note = nothing_found(scene)
        if scene.rising_counter is None:
            title, style = "DIAGNOSIS", theme.title
    else:
        title, style, note = finding_title(scene, finding)
        if scene.is_stale(finding):
            title, note = _with_note(title, note, width - 9)
        else:
            note = ""
    body = [row.strip for row in diagnosis_rows(scene, plan, source)[1:]]
    return boxed(body, title, style, note, width, height, scene)


def _with_note(title: str, note: str, room: int) -> tuple[str, str]:
    """The title of what is over, and a note that says so: in the room of `FINDING`, if need be."""
    if cell_width(title) + cell_width("over") > room:
        title = title.removeprefix("FINDING ")
    return title, first_fitting((note, "over"), room - cell_width(title))


def diagnosis_rows(scene: Scene, plan: Plan, source: Source) -> list[FixRow]:
    """The rows of the panel, and which fix each is about.

    The fixes are there, whatever else is; what is told of the finding gives way to them, the lesson
    to both.
    """
    width, height = plan.size("diagnosis")
    inner, room = width - 2, height - 1
    blank = FixRow(Line(inner).strip(scene.theme.text))
    bodies = _bodies(scene, inner, source_visible="source" in plan.panels, source=source)
    body, fixes = _fitting(scene, inner, room, bodies)
    rows = [blank, *map(FixRow, body)]
    lesson: list[Strip] = []
    if text := scene.scenario.lesson:
        lesson = [_head("LESSON", inner, scene), *paragraph(text, scene.theme.dim, inner, scene)]
    for more in (fixes, _plain(lesson), _plain(_hints(scene, inner))):
        if more and len(rows) + len(more) + 1 <= room:
            rows += [blank, *more]
    return [blank, *rows]  # the first is the title's


def _plain(strips: Sequence[Strip]) -> list[FixRow]:
    return [FixRow(strip) for strip in strips]


def _fitting(
    scene: Scene, width: int, room: int, bodies: Iterable[list[Strip]]
) -> tuple[list[Strip], list[FixRow]]:
    """The fullest body beside which the fixes fit uncut; the leanest one, if they never do."""
    body: list[Strip] = []
    for body in bodies:
        left = room - 2 - len(body)  # a blank row above the body, and one below it
        fixes = draw_fixes(scene, width, left)
        if fixes or (not scene.scenario.fixes and left >= 0):
            return body, fixes
    return body, draw_fixes(scene, width, room - 2 - len(body), whole=False)


def _bodies(
    scene: Scene, width: int, *, source: Source, source_visible: bool
) -> Iterator[list[Strip]]:
    """What is told of the finding, less and less; without one, what to watch, then not even that.

    `source_visible`: the scenario's source is on the screen already.
    """
    finding = scene.finding
    if finding is None:
        nothing = paragraph(_nothing(scene), scene.theme.text, width, scene)
        for hints in (_hinted(scene), ()):
            yield nothing + [
                row
                for hint in hints
                for row in paragraph(f"{scene.glyphs.dot} {hint}", scene.theme.dim, width, scene)
            ]
        return
    shown = source_visible and _of_the_scenario(finding, scene)
    for rows, figures, consequences, around in LEANER:
        body = _found(scene, finding, width, rows)
        body += paragraph(times_text(finding), scene.theme.dim, width, scene) if figures else []
        body += consequences_rows(finding, scene, width, consequences)
        if finding.location:
            blank = Line(width).strip(scene.theme.text)
            body += [blank, *code_around(scene, finding, width, 0 if shown else around, source)]
        yield body


def _hints(scene: Scene, width: int) -> list[Strip]:
    """What to watch, where it is not in the place of a finding."""
    if scene.finding is None or not scene.scenario.watch_for:
        return []
    rows = [_head("WHAT TO WATCH", width, scene)]
    for text in scene.scenario.watch_for:
        rows += paragraph(text, scene.theme.dim, width, scene)
    return rows


def _output(scene: Scene, width: int, height: int) -> list[Strip]:
    """The last lines that the program wrote, the newest at the bottom."""
    texts = [part for text in scene.status.output for part in wrap(clean(text), width - 3)]
    return [
        Line(width).add(f"  {text}", scene.theme.text).strip(scene.theme.text)
        for text in texts[-(height - 1) :]
    ]


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


def _found(scene: Scene, finding: Finding, width: int, rows: int) -> list[Strip]:
    """Its sentence, which loses clauses if it is too long."""
    style = scene.theme.dim if scene.is_stale(finding) else scene.theme.strong
    return [
        Line(width).add(f"  {line}", style).strip(scene.theme.text)
        for line in shortened(clean(finding.sentence), rows, width - 3, scene.glyphs.more)
    ]


def _of_the_scenario(finding: Finding, scene: Scene) -> bool:
    return finding.location is not None and finding.location.path == str(scene.scenario.path)


def _nothing(scene: Scene) -> str:
    """The state in one sentence; what a counter has counted stays wrong once it has stopped."""
    if scene.snapshot is None:  # no event has come
        return "Nothing is known yet."
    counter = scene.rising_counter
    watch = " What to watch:" if _hinted(scene) else ""
    if counter is not None:
        return f"{counter.title.capitalize()}: {counter.value:,} and rising.{watch}"
    past = [f"{c.title} {c.value:,}" for c in scene.snapshot.counters if c.bad and c.value]
    if past:
        return (
            f"Nothing is wrong any more. The count from before remains: {', '.join(past)}.{watch}"
        )
    return f"Nothing is wrong{scene.here} {scene.when}.{watch}"


def _hinted(scene: Scene) -> Sequence[str]:
    """What to watch, while no fix is on: it is about what is wrong."""
    return () if scene.status.fixes_on else scene.scenario.watch_for


def _head(title: str, width: int, scene: Scene) -> Strip:
    return Line(width).add(f"  {title}", scene.theme.title).strip(scene.theme.text)
