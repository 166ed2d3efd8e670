"""The lesson view: what is wrong and why, the fixes, and the source as it runs."""

from rich.style import Style
from textual.strip import Strip

from loopviz.lab.catalogue import FixInfo
from loopviz.tui.draw.text import Line, clean, fit, width_of, wrap
from loopviz.tui.panels.code import active_rows, as_it_runs, paint_code
from loopviz.tui.panels.finding import rule_line
from loopviz.tui.panels.layout import WIDE
from loopviz.tui.panels.scene import Scene

__all__ = ["paint_lesson"]


def paint_lesson(
    scene: Scene, width: int, height: int, first: int, *, follow: bool = False
) -> tuple[list[Strip], int]:
    """The panel from row `first` of its content on, and the `first` that it could be.

    With `follow` it moves so far that the branch which runs is in sight.
    Wide terminals have two columns, the source on the right; else all is below each other, the
    source after the fixes.
    """
    looks = scene.looks
    room = height - 1
    if width >= WIDE:
        side = width * 2 // 5
        other = width - side - 2
        above: list[Strip] = []
        left = [*_sentence(scene, side), *_fixes(scene, side), *_more(scene, side)]
        body = _source(scene, other)
    else:
        above = [*_sentence(scene, width), *_fixes(scene, width)]
        body = [*above, *_source(scene, width), *_more(scene, width)]
        left = []
    if follow:
        begin, end = (len(above) + 1 + row for row in active_rows(scene))
        first = min(max(first, end - room + 3), max(0, begin - 2))
    first = max(0, min(first, max(len(left), len(body)) - room))
    name = clean(scene.scenario.title)
    if first:
        name += f"  {scene.glyphs.dot}  {first} {'row' if first == 1 else 'rows'} above: k"
    title = rule_line(width, scene, "LESSON", looks.title, name)
    if not left:
        return [title, *_shown(body, room, first, width, scene)], first
    wall = Line(2).add(scene.glyphs.wall, looks.faint).strip(looks.text)
    pairs = zip(
        _shown(left, room, first, side, scene), _shown(body, room, first, other, scene), strict=True
    )
    return [title, *(Strip([*a, *wall, *b], width) for a, b in pairs)], first


def _shown(body: list[Strip], room: int, first: int, width: int, scene: Scene) -> list[Strip]:
    """`room` rows from `first` on; what is below them is told of."""
    first = max(0, min(first, len(body) - room))
    rows = body[first : first + room]
    below = len(body) - first - room
    if below > 0:
        down = scene.keys.shown("down")
        text = f" {scene.glyphs.more} {below + 1} more rows: {down}"
        rows[-1] = Line(width).add(text, scene.looks.accent).strip(scene.looks.text)
    return [*rows, *[Line(width).strip(scene.looks.text)] * (room - len(rows))]


def _sentence(scene: Scene, width: int) -> list[Strip]:
    return [
        *_text(scene.scenario.lesson, scene.looks.strong, 1, width, scene),
        _blank(width, scene),
    ]


def _fixes(scene: Scene, width: int) -> list[Strip]:
    """Each with its letter; of those that are on, why it helps, or why it does not."""
    looks = scene.looks
    wanted = scene.suggested
    rows = []
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        line = Line(width).add(f" {letter} ", looks.good if not fix.unavailable else looks.dim)
        line.add(f"[{_tick(fix, on)}] ", looks.good if on else looks.dim)
        hint = f"  {scene.glyphs.here} suggested: press {letter}"
        hint = hint if fix is wanted else ""
        title = clean(fix.title)
        room = line.left - width_of(hint)
        title = fit(title, min(width_of(title), room), scene.glyphs.more)
        line.add(title, looks.strong if on else looks.text).add(hint, looks.good)
        rows.append(line.strip(looks.text))
        if fix.unavailable:
            rows += _text(fix.unavailable, looks.warm, 7, width, scene)
        elif on and fix.wrong:
            rows += _text(f"looks right, is not: {fix.why}", looks.warm, 7, width, scene)
        elif on:
            rows += _text(fix.why, looks.dim, 7, width, scene)
    return [*rows, _blank(width, scene)] if rows else []


def _tick(fix: FixInfo, on: bool) -> str:
    return "-" if fix.unavailable else "x" if on else " "


def _source(scene: Scene, width: int) -> list[Strip]:
    looks = scene.looks
    path = scene.scenario.path
    folder = path.parent.name if scene.scenario.origin else "scenarios"  # wherever that is
    name = clean(f"{folder}/{path.name}")
    head = Line(width).add(f" {name} ", looks.accent).add(as_it_runs(scene), looks.dim)
    code = paint_code(scene, width)
    if not code:
        text = "It is in none of the functions that stand at the top of this file."
        return [head.strip(looks.text), *_text(text, looks.dim, 1, width, scene)]
    return [head.strip(looks.text), *code, _blank(width, scene)]


def _more(scene: Scene, width: int) -> list[Strip]:
    """What to look at, the lesson in prose, and where real users hit it."""
    scenario, looks = scene.scenario, scene.looks
    rows: list[Strip] = []
    if scenario.watch_for:
        rows.append(_head("LOOK AT", width, scene))
        for look in scenario.watch_for:
            rows += _text(look, looks.text, 1, width, scene, f"{scene.glyphs.dot} ")
        rows.append(_blank(width, scene))
    if scene.lesson and scene.lesson.prose:
        rows.append(_head("IN MORE WORDS", width, scene))
        for paragraph in scene.lesson.prose.split("\n\n"):
            rows += [*_text(paragraph, looks.text, 1, width, scene), _blank(width, scene)]
    if scenario.link:
        rows.append(_head("REAL USERS HIT IT", width, scene))
        rows += _text(scenario.link, looks.accent, 1, width, scene)
    return rows


def _head(title: str, width: int, scene: Scene) -> Strip:
    return Line(width).add(f" {title}", scene.looks.title).strip(scene.looks.text)


def _blank(width: int, scene: Scene) -> Strip:
    return Line(width).strip(scene.looks.text)


def _text(
    text: str, style: Style, indent: int, width: int, scene: Scene, mark: str = ""
) -> list[Strip]:
    """Wrapped; the first row begins with the mark."""
    rows = []
    for i, line in enumerate(wrap(clean(text), width - indent - len(mark) - 1)):
        row = Line(width).to(indent, style)
        row.add(mark if i == 0 else " " * len(mark), scene.looks.accent)
        rows.append(row.add(line, style).strip(scene.looks.text))
    return rows
