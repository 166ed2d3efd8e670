"""A finding in full: sentence, figures, source, fix, victims, the last times, the rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.lab.catalogue import FixInfo
from loopviz.model.findings.rules import RULE_INFOS
from loopviz.model.snapshot import Finding, Moment
from loopviz.tui.draw.text import Line, cell_width, clean, fill_rows, wrap
from loopviz.tui.panels.code import Source, code_around
from loopviz.tui.panels.finding import advice_text, consequences_rows, paragraph, times_text
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.diagnose.entries import Entry
from loopviz.tui.views.diagnose.victims import (
    moments_rows,
    title_line,
    victims_rows,
    visible_moments,
)

__all__ = ["draw_evidence"]

CONTEXT_LINES = (1, 3, 6)
"""Lines before and after the culprit's: the most that there is room for."""
MAX_ROUTES, MAX_MOMENTS = 4, 8
"""The most rows of the victims, and of the last times."""


@dataclass(frozen=True, slots=True)
class _Section:
    """Some rows that belong together; those with the lowest rank are the last to go."""

    rank: int
    rows: Sequence[Strip]


def draw_evidence(
    entry: Entry,
    moments: Sequence[Moment],
    scene: Scene,
    width: int,
    height: int,
    source: Source,
) -> list[Strip]:
    """Draw the sections that fit, in a fixed order, with blank rows between if there is room."""
    finding = entry.finding
    if finding is None:
        sections = _of_counter(entry, scene, width)
    else:
        last = 2 if scene.view_state.detail else 7
        visible = visible_moments(entry, moments, scene, min(MAX_MOMENTS, max(3, height - 16)))
        around = next(
            (n for n in reversed(CONTEXT_LINES) if height >= 13 + 4 * n), CONTEXT_LINES[0]
        )
        sections = [
            _Section(0, _sentence(finding, entry, scene, width)),
            _Section(
                1,
                code_around(scene, finding, width, around, source, whole=True)
                if finding.location
                else (),
            ),
            _Section(4, consequences_rows(finding, scene, width, 2 if height < 24 else 5)),
            _Section(3, _fix(finding, scene, width)),
            _Section(5, victims_rows(finding, scene, width, min(MAX_ROUTES, max(2, height // 8)))),
            _Section(last, moments_rows(entry, visible, scene, width)),
            _Section(6, _rule(finding, scene, width)),
        ]
    return _arranged(sections, scene, width, height)


def _arranged(sections: Sequence[_Section], scene: Scene, width: int, height: int) -> list[Strip]:
    left = height
    kept = set()
    for section in sorted(sections, key=lambda section: section.rank):
        if section.rows and len(section.rows) <= left:
            kept.add(section.rank)
            left -= len(section.rows)
    visible = [section for section in sections if section.rank in kept]
    blank = Line(width).strip(scene.theme.text)
    apart = left >= len(visible)
    strips: list[Strip] = []
    for section in visible:
        strips += [blank, *section.rows] if apart else section.rows
    return fill_rows(strips, width, height, scene.theme.text)


def _sentence(finding: Finding, entry: Entry, scene: Scene, width: int) -> list[Strip]:
    theme = scene.theme
    seen = entry.ended or f"seen {entry.last}"
    times = f"{times_text(finding)}; {seen}"
    style = theme.dim if entry.over else theme.strong
    sentence = paragraph(finding.sentence, style, width, scene, 4)
    return [*sentence, *paragraph(times, theme.dim, width, scene)]


def _fix(finding: Finding, scene: Scene, width: int) -> list[Strip]:
    """The fix to try, its key, and what it does; or that one is on."""
    fix = scene.fix(finding.suggested_fix)
    if fix is None:
        on = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on]
        if not on and finding.advice:
            title = Line(width).add("  FIX  ", scene.theme.title).add("in words", scene.theme.dim)
            advice = paragraph(advice_text(finding), scene.theme.text, width, scene)
            return [title.strip(scene.theme.text), *advice, *_lesson(finding, scene, width)]
        text = "no fix is known for this one"
        if on:
            text = "a fix is on: " + ", ".join(
                f"{scene.letter(f.key)} {clean(f.title)}" for f in on
            )
        return [title_line("FIX", text, scene, width)]
    if fix.key in scene.status.fixes_on:
        text = f"{scene.letter(fix.key)}: {clean(fix.title)}, is on"
        return [title_line("FIX", text, scene, width)]
    return _press(fix, scene, width)


def _lesson(finding: Finding, scene: Scene, width: int) -> list[Strip]:
    """The key of the lesson that teaches it, beside a program of the user's own."""
    if not (scene.is_program and finding.lesson):
        return []
    key = scene.keys.label("learn")
    text = f"{key} opens the lesson {finding.lesson}"
    if scene.status.phase == "running":
        text += "; your program goes on meanwhile"
    return paragraph(text, scene.theme.dim, width, scene)


def _press(fix: FixInfo, scene: Scene, width: int) -> list[Strip]:
    """`FIX a: await …  press a`, and why it helps."""
    theme = scene.theme
    letter = scene.letter(fix.key)
    press = f"  press {letter}"
    line = Line(width).add("  FIX ", theme.title).add(f" {letter}: ", theme.good)
    indent, title = line.used, clean(fix.title)
    if cell_width(title) > line.left - len(press):
        title = title.partition("  #")[0]  # a comment is what it can do without
    first, *further = wrap(title, line.left - len(press))
    rows = [line.add(first, theme.text).add(press, theme.good)]
    rows += [Line(width).to(indent, theme.text).add(more, theme.text) for more in further]
    why = paragraph(fix.why, theme.dim, width - 5, scene, 3)
    return [*(row.strip(theme.text) for row in rows), *_indented(why, width, scene)]


def _rule(finding: Finding, scene: Scene, width: int) -> list[Strip]:
    rule = RULE_INFOS.get(finding.rule)
    if rule is None:
        return []
    return paragraph(f"{rule.id}: {rule.why}", scene.theme.dim, width, scene, 3)


def _of_counter(entry: Entry, scene: Scene, width: int) -> list[_Section]:
    """No rule sees it: what the endpoints count, and what to watch."""
    theme, counter = scene.theme, entry.counter
    assert counter is not None
    grew = f"{counter.value:,} since the run began"
    if counter.recent > 0:
        grew += f", {counter.recent:,} in the last {counter.recent_ns // SECOND} s"
    text = f"{clean(counter.title)}: {grew}. It ought to stay 0."
    style = theme.dim if entry.over else theme.strong
    note = "No rule sees this: the endpoints of the scenario count it themselves."
    sections = [
        _Section(
            0, [*paragraph(text, style, width, scene), *paragraph(note, theme.dim, width, scene)]
        )
    ]
    if scene.suggested_fix is not None:
        sections.append(_Section(1, _press(scene.suggested_fix, scene, width)))
    hints = [
        row
        for hint in scene.scenario.watch_for
        for row in paragraph(hint, theme.text, width, scene)
    ]
    if hints:
        sections.append(_Section(2, [title_line("WHAT TO WATCH", "", scene, width), *hints]))
    lesson = paragraph(scene.scenario.lesson, theme.dim, width, scene, 4)
    return [*sections, _Section(3, lesson)]


def _indented(rows: Sequence[Strip], width: int, scene: Scene) -> list[Strip]:
    """Five cells further to the right."""
    blank = Line(5).strip(scene.theme.text)
    return [Strip([*blank, *row], width) for row in rows]
