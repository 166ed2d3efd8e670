"""The lesson view: what is wrong and why, the fixes, the source as it runs, and the requests."""

from rich.style import Style
from textual.strip import Strip

from loopviz.tui.draw.shorten import wrap_code
from loopviz.tui.draw.text import Line, cell_width, clean, wrap
from loopviz.tui.panels.code import active_rows, as_it_runs, draw_code
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.fixes import FixRow, box, why_text
from loopviz.tui.panels.layout import WIDE_CELLS
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.lesson.picture import MIN_PICTURE_CELLS, MIN_PICTURE_ROWS, LivePicture

__all__ = ["draw_lesson"]

TITLE_AT = 7
"""The column in which the titles of fixes begin."""

TITLE_ROWS = 4
"""More rows than the title of a fix takes."""


def draw_lesson(
    scene: Scene,
    width: int,
    height: int,
    first: int,
    picture: LivePicture,
    *,
    follow: bool = False,
) -> tuple[list[Strip], int, list[FixRow]]:
    """The panel from row `first` of its content on, and the `first` that it could be.

    Also the rows before the source, or left of it, from its content's first on: those of fixes
    name them.

    With `follow` it moves so far that the branch which runs is in sight.
    Wide terminals have two columns, the source on the right, and below it the requests if there is
    room; else all is below each other, the source after what to watch.
    """
    theme = scene.theme
    room = height - 1
    if width >= WIDE_CELLS:
        side = width * 2 // 5
        other = width - side - 2
        above: list[Strip] = []
        listed = _told(scene, side)
        left = [*(row.strip for row in listed), *_more(scene, side)]
        body = _source(scene, other)
        free = room - len(body)
        if free >= MIN_PICTURE_ROWS and other >= MIN_PICTURE_CELLS:
            body += picture.draw(scene, other, free)
    else:
        listed = _told(scene, width)
        above = [row.strip for row in listed]
        body = [*above, *_source(scene, width), *_more(scene, width)]
        left = []
    if follow:
        begin, end = (len(above) + 1 + row for row in active_rows(scene))
        first = min(max(first, end - room + 3), max(0, begin - 2))
    first = max(0, min(first, max(len(left), len(body)) - room))
    name = clean(scene.scenario.title)
    if first:
        name += f"  {scene.glyphs.dot}  {first} {'row' if first == 1 else 'rows'} above: k"
    title = heading_line(width, scene, "LESSON", theme.title, name)
    if not left:
        return [title, *_visible(body, room, first, width, scene)], first, listed
    wall = Line(2).add(scene.glyphs.wall, theme.faint).strip(theme.text)
    pairs = zip(
        _visible(left, room, first, side, scene),
        _visible(body, room, first, other, scene),
        strict=True,
    )
    return [title, *(Strip([*a, *wall, *b], width) for a, b in pairs)], first, listed


def _told(scene: Scene, width: int) -> list[FixRow]:
    """What stands before the source: the lesson, the fixes, and what to watch."""
    before, after = _sentence(scene, width), _hints(scene, width)
    return [*map(FixRow, before), *_fixes(scene, width), *map(FixRow, after)]


def _visible(body: list[Strip], room: int, first: int, width: int, scene: Scene) -> list[Strip]:
    """`room` rows from `first` on; the last one says how many more are below."""
    first = max(0, min(first, len(body) - room))
    rows = body[first : first + room]
    below = len(body) - first - room
    if below > 0:
        down = scene.keys.label("down")
        text = f" {scene.glyphs.more} {below + 1} more rows: {down}"
        rows[-1] = Line(width).add(text, scene.theme.accent).strip(scene.theme.text)
    return [*rows, *[Line(width).strip(scene.theme.text)] * (room - len(rows))]


def _sentence(scene: Scene, width: int) -> list[Strip]:
    return [
        *_text(scene.scenario.lesson, scene.theme.strong, 1, width, scene),
        _blank(width, scene),
    ]


def _fixes(scene: Scene, width: int) -> list[FixRow]:
    """Each with its letter; of those that are on, why it helps, or why it does not."""
    theme = scene.theme
    wanted = scene.suggested_fix
    rows: list[FixRow] = []
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        line = Line(width).add(f" {letter} ", theme.good if not fix.unavailable else theme.dim)
        line.add(f"{box(fix, scene)} ", theme.good if on else theme.dim)
        style = theme.strong if on else theme.text
        more = scene.glyphs.more
        title, *further = wrap_code(clean(fix.title), TITLE_ROWS, line.left - 1, more)
        lines = [line.add(title, style)]
        lines += [Line(width).to(TITLE_AT, style).add(part, style) for part in further]
        if fix is wanted:
            hint = f"  {scene.glyphs.here} suggested: press {letter}"
            if cell_width(hint) > lines[-1].left:
                lines.append(Line(width).to(TITLE_AT - 2, theme.text))
            lines[-1].add(hint, theme.good)
        strips = [each.strip(theme.text) for each in lines]
        if fix.unavailable:
            strips += _text(fix.unavailable, theme.warm, TITLE_AT, width, scene)
        elif on:
            style = theme.warm if fix.wrong else theme.dim
            strips += _text(why_text(fix), style, TITLE_AT, width, scene)
        rows += [FixRow(strip, fix.key) for strip in strips]
    return [*rows, FixRow(_blank(width, scene))] if rows else []


def _source(scene: Scene, width: int) -> list[Strip]:
    theme = scene.theme
    path = scene.scenario.path
    folder = path.parent.name if scene.scenario.origin else "scenarios"  # wherever that is
    name = clean(f"{folder}/{path.name}")
    head = Line(width).add(f" {name} ", theme.accent).add(as_it_runs(scene), theme.dim)
    code = draw_code(scene, width)
    if not code:
        text = "It is in none of the functions that stand at the top of this file."
        return [head.strip(theme.text), *_text(text, theme.dim, 1, width, scene)]
    return [head.strip(theme.text), *code, _blank(width, scene)]


def _hints(scene: Scene, width: int) -> list[Strip]:
    """What to watch."""
    if not scene.scenario.watch_for:
        return []
    rows = [_head("WHAT TO WATCH", width, scene)]
    for hint in scene.scenario.watch_for:
        rows += _text(hint, scene.theme.text, 1, width, scene, f"{scene.glyphs.dot} ")
    return [*rows, _blank(width, scene)]


def _more(scene: Scene, width: int) -> list[Strip]:
    """The last sections: why, and where it was seen in the wild."""
    scenario, theme = scene.scenario, scene.theme
    rows: list[Strip] = []
    if scene.lesson and scene.lesson.prose:
        rows.append(_head("WHY", width, scene))
        first, *further = scene.lesson.prose.replace("`", "").split("\n\n")
        for paragraph in further or (first,):  # the first one says again what the lesson is
            rows += [*_text(paragraph, theme.text, 1, width, scene), _blank(width, scene)]
    if scenario.link:
        rows.append(_head("SEEN IN THE WILD", width, scene))
        rows += _text(scenario.link, theme.accent, 1, width, scene)
    return rows


def _head(title: str, width: int, scene: Scene) -> Strip:
    return Line(width).add(f" {title}", scene.theme.title).strip(scene.theme.text)


def _blank(width: int, scene: Scene) -> Strip:
    return Line(width).strip(scene.theme.text)


def _text(
    text: str, style: Style, indent: int, width: int, scene: Scene, mark: str = ""
) -> list[Strip]:
    """Wrapped; the first row begins with the mark."""
    rows = []
    for i, line in enumerate(wrap(clean(text), width - indent - len(mark) - 1)):
        row = Line(width).to(indent, style)
        row.add(mark if i == 0 else " " * len(mark), scene.theme.accent)
        rows.append(row.add(line, style).strip(scene.theme.text))
    return rows
