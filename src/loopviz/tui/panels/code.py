"""The scenario's source as it runs: the branch that does is marked, the culprit's line is lit."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from textual.strip import Strip

from loopviz.lab.lesson import SourceLine, Span
from loopviz.model.findings.rules import RULE_INFOS
from loopviz.model.snapshot import Finding, Location
from loopviz.output import lowered
from loopviz.tui.draw.shorten import wrap_code
from loopviz.tui.draw.text import Line, cell_width, clean, duration, elapsed
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.places import place_of
from loopviz.tui.panels.scene import Scene

__all__ = [
    "Source",
    "active_rows",
    "as_it_runs",
    "code_around",
    "draw_code",
    "draw_source",
    "source_length",
]

GUTTER_CELLS = 6
"""Cells before a line of code: pointer, line number, mark."""

_UNKNOWN, _CHANGED = "(source not found)", "(the source has changed since the program began)"

WHOLE_ROWS = 20
"""More rows than a line of code takes."""

Source = Callable[[Location, int], Sequence[tuple[int, str]]]
"""Numbered lines around a location, `int` before and after; empty if they cannot be read."""


def source_length(scene: Scene) -> int:
    """The number of lines that can be shown."""
    return len(scene.lesson.lines(())) if scene.lesson else 0


def draw_source(scene: Scene, plan: Plan) -> list[Strip]:
    """The panel below the lanes: a title, and as much as it has room for, what runs in sight."""
    width, height = plan.size("source")
    theme, rule = scene.theme, scene.glyphs.rule
    title = Line(width).add(rule * 2 + " ", theme.faint)
    title.add(clean(scene.scenario.path.name), theme.accent)
    title.add(f" {as_it_runs(scene)} ", theme.dim)
    title.add(rule * (title.left - 1), theme.faint)
    rows = draw_code(scene, width - 1, notes_below=False)
    first = max(0, min(active_rows(scene)[0] - height // 3, len(rows) - height + 1))
    pad = Line(1).strip(theme.text)
    visible = [Strip([*row, *pad], width) for row in rows[first : first + height - 1]]
    return [title.strip(theme.text), *visible, *[Line(width).strip(theme.text)] * height][:height]


def as_it_runs(scene: Scene) -> str:
    """`as it runs, with a on`."""
    on = [scene.letter(f.key) for f in scene.scenario.fixes if f.key in scene.status.fixes_on]
    return f"as it runs, {' and '.join(on) + ' on' if on else 'no fix on'}"


def active_rows(scene: Scene) -> tuple[int, int]:
    """The first and the last row of the branch that runs; 0, 0 if there is none."""
    lines = scene.lesson.lines(scene.status.fixes_on) if scene.lesson else ()
    rows = [i for i, line in enumerate(lines) if line.state == "active"]
    return (rows[0], rows[-1]) if rows else (0, 0)


def draw_code(scene: Scene, width: int, *, notes_below: bool = True) -> list[Strip]:
    """A row for each line; a note without room beside its line gets a row if `notes_below`."""
    if scene.lesson is None:
        return []
    culprits = _culprits(scene)
    rows = []
    for line in scene.lesson.lines(scene.status.fixes_on):
        finding = culprits.get(line.number)
        row, fits = _code(line, finding, width, scene)
        rows.append(row)
        if finding and not fits and notes_below:
            heat = scene.theme.dim if scene.is_stale(finding) else scene.theme.alarm
            below = Line(width).add(" " * GUTTER_CELLS, scene.theme.text)
            below.to(width - cell_width(_note(finding, scene)) - 1, scene.theme.text)
            rows.append(below.add(_note(finding, scene), heat).strip(scene.theme.text))
    return rows


def code_around(
    scene: Scene,
    finding: Finding,
    width: int,
    around: int,
    source: Source,
    *,
    whole: bool = False,
) -> list[Strip]:
    """The culprit's line, on two rows at most, and its neighbours on one; or `whole` lines.

    It is lit unless all is over.
    """
    theme, glyphs = scene.theme, scene.glyphs
    where = finding.location
    assert where is not None
    head = Line(width).add(f"  {place_of(where)}", theme.accent)
    head.add(f"  in {clean(where.function)}", theme.dim)
    lines = _without_blank_edges(source(where, around))
    lines = _as_it_ran(lines, where, finding.source, scene)
    lines = lines or [(where.line, finding.source or _UNKNOWN)]
    indent = min((len(t) - len(t.lstrip()) for _, t in lines if t.strip()), default=0)
    rows = [head.strip(theme.text)]
    past = scene.is_stale(finding)
    for number, text in lines:
        here = number == where.line
        lit = here and not past
        most = WHOLE_ROWS if whole else 2 if here else 1
        for at, part in enumerate(_wrapped(clean(text[indent:]), most, width - 9, scene)):
            line = Line(width)
            first = here and not at
            line.add(f"  {glyphs.pointer if first else ' '}", theme.lit_edge if lit else theme.dim)
            line.add(f"{number if not at else '':>4} ", theme.lit_edge if lit else theme.faint)
            line.add(part, theme.lit if lit else theme.text if here else theme.dim)
            rows.append(line.strip(theme.lit if lit else theme.text))
    return rows


def _as_it_ran(
    lines: Sequence[tuple[int, str]], where: Location, source: str, scene: Scene
) -> Sequence[tuple[int, str]]:
    """The lines; if the file has changed since, only what is known of the culprit's."""
    text = dict(lines).get(where.line)
    if text is None or text.split() == source.split() or not (source or scene.is_program):
        return lines
    return () if source else [(where.line, _CHANGED)]


def _without_blank_edges(lines: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
    """From the first line with something on it to the last one."""
    full = [place for place, (_, text) in enumerate(lines) if text.strip()]
    return lines[full[0] : full[-1] + 1] if full else ()


def _wrapped(text: str, rows: int, width: int, scene: Scene) -> list[str]:
    """A line of code: without its comment, if it is too long; then on several rows; then cut."""
    code = text.partition("  # ")[0].rstrip() or text
    if cell_width(text) <= width:
        return [text]
    indent = " " * min(len(code) - len(code.lstrip()), width // 2)
    lines = wrap_code(code.lstrip(), rows, width - len(indent), scene.glyphs.more)
    return [f"{indent}{line}" for line in lines]


def _code(
    line: SourceLine, finding: Finding | None, width: int, scene: Scene
) -> tuple[Strip, bool]:
    """The row, and whether the finding's note, if there is one, has found room."""
    theme, glyphs = scene.theme, scene.glyphs
    row = Line(width)
    if not line.number:
        dots = glyphs.more
        return row.add(" " * (GUTTER_CELLS - 1) + dots, theme.faint).strip(theme.text), True
    lit = finding is not None and not scene.is_stale(finding) and line.state != "inactive"
    fill = theme.lit if lit else theme.text
    style = theme.lit if lit else theme.strong if line.state == "active" else theme.text
    if line.state == "inactive":
        style = theme.dim
    row.add(glyphs.pointer if lit else " ", theme.lit_edge if lit else theme.text)
    row.add(f"{line.number:>3} ", theme.lit_edge if lit else theme.faint)
    row.add(glyphs.runs if line.state == "active" else " ", theme.lit_edge if lit else theme.good)
    text = clean(line.text.expandtabs(4))
    if line.text.expandtabs(4) == text:
        for part, idle in _parts(text, line.idle):
            row.add(part, theme.dim if idle else style)
    else:
        row.add(text, style)
    if finding is None:
        return row.strip(fill), True
    note = _note(finding, scene)
    fits = row.left >= cell_width(note) + 3
    if fits:
        row.end(f"{note} ", theme.lit_edge if lit else theme.dim, fill)
    return row.strip(fill), fits


def _parts(text: str, idle: Sequence[Span]) -> list[tuple[str, bool]]:
    """The text in pieces, and whether each is one that does not run."""
    edges = sorted({0, len(text), *(at for span in idle for at in span)})
    return [
        (text[start:end], any(a <= start and end <= b for a, b in idle))
        for start, end in pairwise(edges)
    ]


def _culprits(scene: Scene) -> dict[int, Finding]:
    """By line of the scenario's file, the worst finding there."""
    found: dict[int, Finding] = {}
    path = str(scene.scenario.path)
    for finding in scene.snapshot.findings if scene.snapshot else ():
        where = finding.location
        if where is not None and where.path == path:
            known = found.get(where.line)
            if known is None or (scene.is_stale(known) and not scene.is_stale(finding)):
                found[where.line] = finding
    return found


def _note(finding: Finding, scene: Scene) -> str:
    """`◄ blocked the loop 74×, worst 62 ms`; `◄ blocked the loop before it ran 3×`."""
    rule = RULE_INFOS.get(finding.rule)
    word = (rule.at_line if rule else "") or lowered(clean(finding.title))
    when = f" {finding.work.when}" if finding.work and finding.work.when else ""
    times = f"{finding.count}{scene.glyphs.times}"
    worst = f", worst {duration(finding.worst_ns, ' ')}" if finding.worst_ns else ""
    if scene.is_stale(finding):
        worst = f", {elapsed(scene.end_ns - finding.last_ns)} ago"
    return f"{scene.glyphs.here} {word}{when} {times}{worst}"
