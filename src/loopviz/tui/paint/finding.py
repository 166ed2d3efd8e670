"""The finding: what is wrong, who suffers, and the key that fixes it."""

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, duration, width_of, wrap

__all__ = ["evidence", "paint_finding", "rule_line", "suggestion"]


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


def suggestion(scene: Scene, finding: Finding) -> tuple[str, str, bool]:
    """A fix's letter, its title, and whether it is on: the one suggested, or one that is on.

    Empty strings if there is neither.
    """
    on = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on]
    fix = scene.fix(finding.suggested_fix) or (on[0] if on else None)
    if fix is None:
        return "", "", False
    return scene.letter(fix.key), clean(fix.title), fix in on


def paint_finding(scene: Scene, plan: Plan) -> list[Strip]:
    """Three or four rows for narrow terminals: title, sentence, fix, lesson."""
    width, height = plan.size("finding")
    looks = scene.looks
    lesson = clean(scene.scenario.lesson)
    finding = scene.finding
    if finding is None:
        strips = [rule_line(width, scene, "NO FINDING SO FAR", looks.dim)]
        strips += [_said("look", look, width, scene) for look in scene.scenario.look[: height - 2]]
        strips += _lesson(lesson, width, height - len(strips), scene)
    else:
        calm = scene.stale(finding)
        title, style, note = finding_title(scene, finding)
        strips = [rule_line(width, scene, title, style, note)]
        strips += _sentence(scene, finding, width, rows=max(1, height - 3), calm=calm)
        strips.append(fix_line(scene, finding, width))
        strips += _lesson(lesson, width, height - len(strips), scene)
    blank = Line(width).strip(looks.text)
    return (strips + [blank] * height)[:height]


def _sentence(scene: Scene, finding: Finding, width: int, *, rows: int, calm: bool) -> list[Strip]:
    """The line of code first, since it is what people came for; then what it did."""
    looks = scene.looks
    where = finding.location
    place = clean(f"{where.file}:{where.line}") if where else ""
    lines = wrap(f"{place}  {clean(finding.sentence)}" if place else finding.sentence, width - 2)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], " ".join(lines[rows - 1 :])]
    strips = []
    for i, text in enumerate(lines):
        line = Line(width).add(" ", looks.text)
        said = text
        if i == 0 and place and text.startswith(place):
            line.add(place, looks.accent)
            said = f" {text[len(place) :]}"
        strips.append(line.add(said, looks.dim if calm else looks.strong).strip(looks.text))
    return strips


def fix_line(scene: Scene, finding: Finding, width: int) -> Strip:
    """` a: await asyncio.to_thread(...)   press a`, or that it is on."""
    looks = scene.looks
    letter, title, on = suggestion(scene, finding)
    line = Line(width)
    if not letter:
        return line.add(" no fix is known for this one", looks.dim).strip(looks.text)
    if on:
        line.add(" on  ", looks.good).add(f"{letter}: {title}", looks.text)
        return line.add(f"   press {letter} to take it off", looks.dim).strip(looks.text)
    line.add(" fix ", looks.good).add(f"{letter}: ", looks.good).add(title, looks.text)
    return line.add(f"   press {letter}", looks.good).strip(looks.text)


def _lesson(text: str, width: int, rows: int, scene: Scene) -> list[Strip]:
    """On as many rows as there are; its end is cut."""
    head = " lesson "
    lines = wrap(text, width - len(head) - 1)
    if len(lines) > rows and width_of(text) < width:
        head, lines = " ", [text]
    if len(lines) > rows > 0:
        lines = [*lines[: rows - 1], " ".join(lines[rows - 1 :])]
    strips = []
    for i, said in enumerate(lines[: max(0, rows)]):
        line = Line(width).add(head if i == 0 else " " * len(head), scene.looks.accent)
        strips.append(line.add(said, scene.looks.dim).strip(scene.looks.text))
    return strips


def _said(what: str, text: str, width: int, scene: Scene) -> Strip:
    line = Line(width).add(f" {what} ", scene.looks.accent)
    return line.add(clean(text), scene.looks.dim).strip(scene.looks.text)


def paragraph(text: str, style: Style, width: int, scene: Scene, rows: int = 3) -> list[Strip]:
    """Cleaned text, wrapped, at most `rows` rows, one cell in from the left."""
    lines = wrap(clean(text), width - 3)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"{lines[rows - 1]}{scene.glyphs.more}"]
    return [Line(width).add(f"  {line}", style).strip(scene.looks.text) for line in lines]
