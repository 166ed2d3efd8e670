"""The tour: the step of the lesson that is on the screen, and the key that goes on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from loopviz.lab.catalogue import FixInfo
from loopviz.scenario import Answer
from loopviz.tui.draw.text import Line, clean, fill_rows, fit, wrap
from loopviz.tui.panels.diagnosis import boxed
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.fixes import box, why_text
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.next_step import step_of_run
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import verdict_style, verdict_text
from loopviz.tui.state.tour import COMPARE, END, FIX, GUESS, STEPS, WATCH, Tour
from loopviz.tui.state.view_state import LIVE

__all__ = [
    "TourRow",
    "draw_tour",
    "hears_keys",
    "is_cured",
    "is_early",
    "right_given",
    "rows_of_tour",
    "tour_rows",
]


class TourRow(NamedTuple):
    """A row of the panel, and what it is about."""

    strip: Strip
    answer: int = -1
    """The place of an answer; -1: it is none."""
    fix: str = ""
    """The key of a fix; empty: of none."""


def draw_tour(scene: Scene, plan: Plan) -> list[Strip]:
    """The panel; beside the timeline it has a wall on its left."""
    width, height = plan.size("tour")
    assert scene.tour is not None
    title = "TOUR" if scene.tour.step == END else _place(scene.tour)
    note = _steps(scene.tour)
    body = [row.strip for row in rows_of_tour(scene, plan)[1:]]
    if plan.panels["tour"][0]:
        return boxed(body, title, scene.theme.title, note, width, height, scene)
    rows = [heading_line(width, scene, title, scene.theme.title, note), *body]
    return fill_rows(rows, width, height, scene.theme.text)


def rows_of_tour(scene: Scene, plan: Plan) -> list[TourRow]:
    """The rows of the panel; the first is the title's."""
    width, height = plan.size("tour")
    beside = bool(plan.panels["tour"][0])
    listed = not beside or "diagnosis" not in plan.panels
    body = _body(scene, width - 2 if beside else width, height - 1, listed=listed)
    return [TourRow(Strip.blank(width)), *body]


def tour_rows(scene: Scene, width: int, *, beside: bool) -> int:
    """The rows that the panel wants, its title included."""
    return 1 + len(_body(scene, width - 2 if beside else width, 100, listed=not beside))


def hears_keys(scene: Scene) -> bool:
    """True if enter is the tour's, and not for a row that is chosen."""
    return scene.tour is not None and scene.view == LIVE and scene.view_state.row is None


def is_cured(scene: Scene) -> bool:
    """True if a fix is on, and none that only looks right."""
    on = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on]
    return bool(on) and not any(fix.wrong for fix in on)


def right_given(scene: Scene) -> bool:
    """True if the question is answered: the last answer that was given is the right one."""
    tour, answers = scene.tour, scene.scenario.answers
    last = tour.tried[-1] if tour is not None and tour.tried else len(answers)
    return last < len(answers) and answers[last].right


def _place(tour: Tour) -> str:
    return f"TOUR {tour.place}/{len(tour.lessons)}"


def _steps(tour: Tour) -> str:
    """`watch [guess] fix compare`."""
    return " ".join(f"[{step}]" if step == tour.step else step for step in STEPS)


def _body(scene: Scene, width: int, height: int, *, listed: bool) -> list[TourRow]:
    """What fits; the key that goes on always does. `listed`: nothing else lists the fixes."""
    assert scene.tour is not None
    if scene.tour.step in (FIX, COMPARE):
        step = _fix if scene.tour.step == FIX else _compare
        rows = [*step(scene, width, listed=listed)]
    else:
        rows = [*{WATCH: _watch, GUESS: _guess, END: _end}[scene.tour.step](scene, width)]
    hint = [*_hint(scene, width)]
    return [*rows[: max(0, height - len(hint))], *hint]


def _watch(scene: Scene, width: int) -> Iterator[TourRow]:
    theme = scene.theme
    symptom = (scene.scenario.symptom or scene.scenario.title).replace("`", "")
    yield from _paragraph(f"Users say: {symptom}.", theme.strong, width, scene)
    look = "Every lane is a request. Watch the lanes, LOOP, and the numbers above them."
    yield from _paragraph(look, theme.dim, width, scene)


def _guess(scene: Scene, width: int) -> Iterator[TourRow]:
    theme, tour = scene.theme, scene.tour
    assert tour is not None
    yield from _paragraph(scene.scenario.question, theme.strong, width, scene)
    given = right_given(scene)
    for place, answer in enumerate(scene.scenario.answers):
        lit = place == tour.cursor and not given
        yield from _answer(place, answer, width, scene, lit=lit, tried=place in tour.tried)
    if tour.tried and tour.tried[-1] < len(scene.scenario.answers):
        last = scene.scenario.answers[tour.tried[-1]]
        word, style = ("Yes.", theme.good) if last.right else ("No.", theme.warm)
        yield from _paragraph(f"{word} {last.why}", style, width, scene)


def _answer(
    place: int, answer: Answer, width: int, scene: Scene, *, lit: bool, tried: bool
) -> Iterator[TourRow]:
    theme = scene.theme
    style = theme.text
    if tried:
        style = theme.good if answer.right else theme.dim
    if lit:
        style = theme.cursor
    mark = scene.glyphs.pointer if lit else " "
    verdict = ("yes " if answer.right else "no ") if tried else ""
    head = f" {mark} {place + 1} {verdict}"
    for row, text in enumerate(wrap(clean(answer.text), width - len(head) - 2)):
        start = head if row == 0 else " " * len(head)
        yield TourRow(Line(width).add(f"{start}{text} ", style).strip(theme.text), answer=place)


def _fix(scene: Scene, width: int, *, listed: bool) -> Iterator[TourRow]:
    theme = scene.theme
    on = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on]
    yield from _paragraph("Now cure it. Which of the fixes does?", theme.strong, width, scene)
    for fix in scene.scenario.fixes if listed else ():
        line = Line(width).add(f" {scene.letter(fix.key)} {box(fix, scene)} ", theme.good)
        style = theme.dim if fix.unavailable else theme.text
        line.add(fit(clean(fix.title), line.left, scene.glyphs.more), style)
        yield TourRow(line.strip(theme.text), fix=fix.key)
    for fix in on:
        yield from _paragraph(_said(fix, scene), theme.warm, width, scene)


def _said(fix: FixInfo, scene: Scene) -> str:
    return f"{scene.letter(fix.key)} {why_text(fix)}"


def _compare(scene: Scene, width: int, *, listed: bool) -> Iterator[TourRow]:
    theme = scene.theme
    text = verdict_text(scene) or "The first requests with the fix are on their way."
    yield from _paragraph(text, verdict_style(scene), width, scene)
    for fix in scene.scenario.fixes:
        if listed and fix.key in scene.status.fixes_on:
            yield from _paragraph(_said(fix, scene), theme.text, width, scene)
    yield from _paragraph(f"Lesson: {scene.scenario.lesson}", theme.strong, width, scene)


def _end(scene: Scene, width: int) -> Iterator[TourRow]:
    theme, key = scene.theme, scene.keys.label
    text = "That was the last one: you have seen them all."
    yield from _paragraph(text, theme.strong, width, scene)
    text = f"{key('scenarios')} lists the lessons. `loopviz tour --restart` begins again."
    yield from _paragraph(text, theme.text, width, scene)


def _hint(scene: Scene, width: int) -> Iterator[TourRow]:
    """The key that goes on, or what the tour waits for."""
    words = _next_words(scene)
    for row, text in enumerate(wrap(clean(words), width - 8)):
        line = Line(width).add("       " if row else " next  ", scene.theme.accent)
        yield TourRow(line.add(text, scene.theme.strong).strip(scene.theme.text))


def _next_words(scene: Scene) -> str:
    tour, key = scene.tour, scene.keys.label
    assert tour is not None
    enter = key("enter")
    if tour.step == END:
        return f"{key('quit')} ends loopviz"
    if scene.status.phase != "running":
        return "wait until the app runs"
    if scene.view != LIVE:
        return f"{key('view-live')} goes back to the live view, where the tour goes on"
    if scene.view_state.row is not None:
        return f"{key('back')} lets the chosen request go, then the tour goes on"
    if tour.step == WATCH:
        return f"{enter} asks what you make of it"
    if tour.step == GUESS:
        if right_given(scene):
            return f"{enter} goes on to the fixes"
        return f"{key('down', 'up')} choose an answer, {enter} gives it"
    if tour.step == FIX:
        return f"press {' '.join(scene.letters)}: the load stays the same"
    if is_early(scene):
        step = step_of_run(scene)
        if step is not None and step.word == "next" and scene.verdict is not None:
            return step.texts[0]  # there were too few samples before
        return "wait for the verdict: right of the mark is what the fix changes"
    if scene.verdict is not None and scene.verdict.outcome != "solved":
        return f"try another of {' '.join(scene.letters)}, or {enter} goes on to the next lesson"
    return f"{enter} goes on to the next lesson; or try the other fixes first"


def is_early(scene: Scene) -> bool:
    """True while there are too few samples for a verdict."""
    return scene.verdict is None or scene.verdict.outcome == "early"


def _paragraph(text: str, style: Style, width: int, scene: Scene) -> Sequence[TourRow]:
    lines = wrap(clean(text), width - 2)
    strips = [Line(width).add(f" {line}", style).strip(scene.theme.text) for line in lines]
    return [TourRow(strip) for strip in strips]
