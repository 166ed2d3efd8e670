"""The finding: what is wrong, who suffers, and the key that fixes it."""

import re

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, duration, fit, width_of, wrap

__all__ = ["FOLDERS", "evidence", "nothing_found", "paint_finding", "rule_line"]


FOLDERS = re.compile(r"[\w./-]+/(?=[\w-]+\.py:\d)")
"""Before the name of a file."""


def rule_line(width: int, scene: Scene, title: str, style: Style, note: str = "") -> Strip:
    """`── TITLE ─ note ─────`."""
    looks, rule = scene.looks, scene.glyphs.rule
    line = Line(width).add(rule * 2 + " ", looks.faint).add(title, style)
    if note:
        line.add(f" {rule} ", looks.faint).add(note, looks.dim)
    line.add(" ", looks.faint)
    return line.add(rule * line.left, looks.faint).strip(looks.text)


def finding_title(scene: Scene, finding: Finding) -> tuple[str, Style, str]:
    """Title, its style and the note beside it; calm when it was not seen lately."""
    findings = scene.snapshot.findings if scene.snapshot else ()
    place = f"{findings.index(finding) + 1}/{len(findings)}"
    title = clean(finding.title).upper()
    if scene.stale(finding):
        ago = (scene.end_ns - finding.last_ns) // 1_000_000_000
        return f"FINDING {place}  {title}", scene.looks.dim, f"last seen {ago} s ago"
    style = scene.looks.alarm if finding.severity == "error" else scene.looks.warm
    return f"FINDING {place}  {title}", style, evidence(finding)


def evidence(finding: Finding) -> str:
    """How often and how badly, in one phrase."""
    if not finding.victims:
        return f"seen {finding.count}×"
    who = "1 victim" if finding.victims == 1 else f"{finding.victims} victims"
    if not finding.victim_wait_ns:
        return who
    return f"{who} waited {duration(finding.victim_wait_ns, ' ')}"


def paint_finding(scene: Scene, plan: Plan) -> list[Strip]:
    """Three to five rows for narrow terminals: title, sentence, the fix to try, what is on.

    The lesson gets what they leave.
    """
    width, height = plan.size("finding")
    looks = scene.looks
    finding = scene.finding
    if in_full := _in_full(scene, width):
        strips = [rule_line(width, scene, "WHY", looks.warm)]
        strips += paragraph(in_full, looks.strong, width, scene, rows=height - 1)
    elif finding is None:
        title, style, note = nothing_found(scene)
        strips = [rule_line(width, scene, title, style, note), *_on(scene, width, height - 1)]
        fix = fix_line(scene, width)
        room = height - len(strips) - len(fix)
        strips += [*_looks(scene, width, room), *fix]
    else:
        calm = scene.stale(finding)
        title, style, note = finding_title(scene, finding)
        strips = [rule_line(width, scene, title, style, note)]
        fix = fix_line(scene, width)
        room = height - 1 - len(fix) - bool(scene.status.fixes_on)
        rows = 1 if calm else max(1, min(3, room))
        strips += [*_sentence(scene, finding, width, rows=rows, calm=calm), *fix]
        strips += _on(scene, width, height - len(strips))
    if len(strips) < height:
        strips += _lesson(clean(scene.scenario.lesson), width, height - len(strips), scene)
    blank = Line(width).strip(looks.text)
    return (strips + [blank] * height)[:height]


def _in_full(scene: Scene, width: int) -> str:
    """What the banner says, if it is too long for its row; empty: it is not."""
    does_not_run = scene.status.phase in ("starting", "failed")
    said = scene.status.why if does_not_run else scene.notice
    return said if width_of(clean(said)) > width - 24 else ""


def _sentence(scene: Scene, finding: Finding, width: int, *, rows: int, calm: bool) -> list[Strip]:
    """The line of code first, since it is what people came for; then what it did."""
    looks = scene.looks
    where = finding.location
    place = clean(f"{where.file}:{where.line}") if where else ""
    said = clean(finding.sentence)
    if place in said:
        place = ""
    lines = wrap(f"{place}  {said}", width - 2)
    if len(lines) > rows:
        place, said = place.rpartition("/")[2], FOLDERS.sub("", said)
        lines = wrap(f"{place}  {said}", width - 2)
    strips = []
    for i, text in enumerate(_last_cut(lines, rows, width - 2, scene)):
        line = Line(width).add(" ", looks.text)
        rest = text
        if i == 0 and place and text.startswith(place):
            line.add(place, looks.accent)
            rest = f" {text[len(place) :]}"
        strips.append(line.add(rest, looks.dim if calm else looks.strong).strip(looks.text))
    return strips


def nothing_found(scene: Scene) -> tuple[str, Style, str]:
    """Title, style and note when no rule has found anything; a counter may know better."""
    counter = scene.trouble
    if counter is None:
        return "NO FINDING SO FAR", scene.looks.dim, ""
    title = f"{clean(counter.title).upper()}: {counter.value:,}"
    return title, scene.looks.alarm, "no rule sees it, the endpoints count it"


def fix_line(scene: Scene, width: int) -> list[Strip]:
    """` fix a: await asyncio.to_thread(...)   press a`; none if it is on."""
    looks = scene.looks
    fix = scene.suggested
    line = Line(width)
    if fix is None:
        finding = scene.finding
        if finding is None or scene.fix(finding.suggested_fix) or scene.status.fixes_on:
            return []
        return [line.add(" no fix is known for this one", looks.dim).strip(looks.text)]
    letter = scene.letter(fix.key)
    press = f"   press {letter}"
    line.add(" fix ", looks.good).add(f"{letter}: ", looks.good)
    title = clean(fix.title)
    title = fit(title, min(width_of(title), line.left - len(press)), scene.glyphs.more)
    return [line.add(title, looks.text).add(press, looks.good).strip(looks.text)]


def _on(scene: Scene, width: int, rows: int) -> list[Strip]:
    """What is on, and why it helps or does not, on so many rows: ` on  b: title`, `why`.

    Of several there are the titles; of a wrong one, if there is but a row, why it does not help.
    """
    looks = scene.looks
    fixes = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on][:rows]
    strips = []
    for fix in fixes:
        why = f"looks right, is not: {fix.why}" if fix.wrong else fix.why
        alone = len(fixes) == 1 and rows > 1
        text = fix.title if alone or not fix.wrong else why
        letter = scene.letter(fix.key)
        line = Line(width).add(" on  ", looks.good).add(f"{letter}: ", looks.good)
        text = fit(clean(text), width - 9, scene.glyphs.more)
        strips.append(line.add(text, looks.text).strip(looks.text))
        if alone:
            style = looks.warm if fix.wrong else looks.dim
            lines = _last_cut(wrap(clean(why), width - 9), rows - 1, width - 9, scene)
            strips += [
                Line(width).to(8, style).add(said, style).strip(looks.text) for said in lines
            ]
    return strips


def _last_cut(lines: list[str], rows: int, width: int, scene: Scene) -> list[str]:
    """At most `rows` of the lines; what does not fit is cut off the last one."""
    if len(lines) <= rows or rows < 1:
        return lines[: max(0, rows)]
    last = fit(" ".join(lines[rows - 1 :]), width, scene.glyphs.more)
    return [*lines[: rows - 1], last.rstrip()]


def _lesson(text: str, width: int, rows: int, scene: Scene) -> list[Strip]:
    """On as many rows as there are; its end is cut."""
    head = " lesson "
    lines = wrap(text, width - len(head) - 1)
    if len(lines) > rows and width_of(text) < width:
        head, lines = " ", [text]
    strips = []
    for i, said in enumerate(_last_cut(lines, rows, width - len(head) - 1, scene)):
        line = Line(width).add(head if i == 0 else " " * len(head), scene.looks.accent)
        strips.append(line.add(said, scene.looks.dim).strip(scene.looks.text))
    return strips


def _looks(scene: Scene, width: int, rows: int) -> list[Strip]:
    """What to look at, as much of it as is whole on so many rows; the first in any case."""
    strips: list[Strip] = []
    for text in scene.scenario.look:
        lines = wrap(clean(text), width - 7)
        if strips and len(strips) + len(lines) > rows:
            continue
        for i, said in enumerate(_last_cut(lines, rows - len(strips), width - 7, scene)):
            line = Line(width).add("      " if i else " look ", scene.looks.accent)
            strips.append(line.add(said, scene.looks.dim).strip(scene.looks.text))
    return strips


def paragraph(text: str, style: Style, width: int, scene: Scene, rows: int = 3) -> list[Strip]:
    """Cleaned text, wrapped, at most `rows` rows, one cell in from the left."""
    lines = wrap(clean(text), width - 3)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"{lines[rows - 1]}{scene.glyphs.more}"]
    return [Line(width).add(f"  {line}", style).strip(scene.looks.text) for line in lines]
