"""The finding: what is wrong, who suffers, and the key that fixes it."""

import re
from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.draw.shorten import shortened, whole
from loopviz.tui.draw.text import Line, clean, duration, width_of, wrap
from loopviz.tui.panels.fixes import fix_line, fixes_on
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

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
        strips = [rule_line(width, scene, title, style, note), *fixes_on(scene, width, height - 1)]
        fix = fix_line(scene, width)
        room = height - len(strips) - len(fix)
        strips += [*_looks(scene, width, room), *fix]
    else:
        calm = scene.stale(finding)
        title, style, note = finding_title(scene, finding)
        strips = [rule_line(width, scene, title, style, note)]
        fix = fix_line(scene, width)
        room = height - 1 - len(fix)
        on = fixes_on(scene, width, room) if calm else []
        least = 0 if on else 1  # what is over gives way to what was done about it
        rows = max(least, min(3, room - (len(on) or bool(scene.status.fixes_on))))
        strips += [*_sentence(scene, finding, width, rows=rows, calm=bool(on)), *fix]
        strips += on or fixes_on(scene, width, height - len(strips))
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
    """The line of code first, since it is what people came for; then what it did.

    Too long, it loses folders, then clauses; one that is calm is whole or not there.
    """
    looks = scene.looks
    where, room = finding.location, width - 3  # two cells between place and text
    place = clean(f"{where.file}:{where.line}") if where else ""
    said = clean(finding.sentence)
    place = "" if place in said else place
    if not whole(f"{place}  {said}", rows, room):
        place, said = place.rpartition("/")[2], FOLDERS.sub("", said)
    text = f"{place}  {said}"
    shown = whole(text, rows, room) if calm else shortened(text, rows, room, scene.glyphs.more)
    strips = []
    for i, text in enumerate(shown):
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


def _lesson(text: str, width: int, rows: int, scene: Scene) -> list[Strip]:
    """Whole, or not there."""
    head = " lesson "
    lines = whole(text, rows, width - len(head) - 1)
    if not lines:
        head, lines = " ", whole(text, rows, width - 2)
    return _headed(head, lines, width, scene)


def _looks(scene: Scene, width: int, rows: int) -> list[Strip]:
    """What to look at, as much of it as is whole on so many rows."""
    strips: list[Strip] = []
    for text in scene.scenario.watch_for:
        lines = whole(clean(text), rows - len(strips), width - 7)
        strips += _headed(" look ", lines, width, scene)
    return strips


def _headed(head: str, lines: Sequence[str], width: int, scene: Scene) -> list[Strip]:
    """The first row begins with the head."""
    strips = []
    for i, said in enumerate(lines):
        line = Line(width).add(" " * len(head) if i else head, scene.looks.accent)
        strips.append(line.add(said, scene.looks.dim).strip(scene.looks.text))
    return strips


def paragraph(text: str, style: Style, width: int, scene: Scene, rows: int = 3) -> list[Strip]:
    """Cleaned text, wrapped, at most `rows` rows, one cell in from the left."""
    lines = wrap(clean(text), width - 3)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"{lines[rows - 1]}{scene.glyphs.more}"]
    return [Line(width).add(f"  {line}", style).strip(scene.looks.text) for line in lines]
