"""The finding: what is wrong, who suffers, and the key that fixes it."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import Finding
from loopviz.tui.draw.shorten import shortened, wrap_within
from loopviz.tui.draw.text import Line, cell_width, clean, duration, elapsed, fill_rows, wrap
from loopviz.tui.panels.fixes import FixRow, advice_line, compact_fixes, fix_list
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.places import file_line, place_of, without_folders
from loopviz.tui.panels.scene import Scene

__all__ = [
    "advice_text",
    "consequences_rows",
    "draw_finding",
    "evidence",
    "finding_rows",
    "finding_title",
    "heading_line",
    "nothing_found",
    "paragraph",
    "times_text",
]


def heading_line(width: int, scene: Scene, title: str, style: Style, note: str = "") -> Strip:
    """`── TITLE ─ note ─────`."""
    theme, rule = scene.theme, scene.glyphs.rule
    line = Line(width).add(rule * 2 + " ", theme.faint).add(title, style)
    if note:
        line.add(f" {rule} ", theme.faint).add(note, theme.dim)
    line.add(" ", theme.faint)
    return line.add(rule * line.left, theme.faint).strip(theme.text)


def finding_title(scene: Scene, finding: Finding) -> tuple[str, Style, str]:
    """Title, its style and the note beside it; calm when it was not seen lately."""
    findings = scene.snapshot.findings if scene.snapshot else ()
    place = f"{findings.index(finding) + 1}/{len(findings)}"
    title = clean(finding.title).upper()
    if scene.is_stale(finding):
        seen = f"ended {elapsed(scene.end_ns - finding.last_ns)} ago"
        return f"FINDING {place}  {title}", scene.theme.dim, seen
    style = scene.theme.alarm if finding.severity == "error" else scene.theme.warm
    return f"FINDING {place}  {title}", style, evidence(finding)


def evidence(finding: Finding) -> str:
    """The number of victims and their delay, in one phrase."""
    if not finding.victims:
        return f"seen {finding.count}×"
    who = "1 victim" if finding.victims == 1 else f"{finding.victims} victims"
    if not finding.victim_wait_ns:
        return who
    return f"{who} waited {duration(finding.victim_wait_ns, ' ')}"


def times_text(finding: Finding) -> str:
    """`31 times, worst 62 ms, 1.7 s in total`; `7.0 s without a break`."""
    if finding.count > 1 and finding.total_ns == finding.worst_ns > 0:
        return f"{duration(finding.total_ns, ' ')} without a break"
    times = "once" if finding.count == 1 else f"{finding.count:,} times"
    if finding.worst_ns:
        times += f", worst {duration(finding.worst_ns, ' ')}"
        if finding.count > 1:
            times += f", {duration(finding.total_ns, ' ')} in total"
    return times


def consequences_rows(finding: Finding, scene: Scene, width: int, most: int) -> list[Strip]:
    """`and so 39 tasks queued for Lock`: what follows from it, the worst first."""
    return [
        row
        for one in finding.consequences[:most]
        for row in paragraph(f"and so {one.sentence}", scene.theme.dim, width, scene, 2)
    ]


def advice_text(finding: Finding) -> str:
    """What to do about it; the marks around code are for plain text."""
    return finding.advice.replace("`", "")


def draw_finding(scene: Scene, plan: Plan) -> list[Strip]:
    """The panel of narrow terminals: title, sentence, fixes; the lesson gets what they leave."""
    width, height = plan.size("finding")
    strips = [row.strip for row in finding_rows(scene, plan)]
    return fill_rows(strips, width, height, scene.theme.text)


def finding_rows(scene: Scene, plan: Plan) -> list[FixRow]:
    """The rows of the panel, and which fix each is about."""
    width, height = plan.size("finding")
    theme = scene.theme
    finding = scene.finding
    if in_full := _in_full(scene, width):
        rows = [heading_line(width, scene, "WHY", theme.warm)]
        rows += paragraph(in_full, theme.strong, width, scene, rows=height - 1)
        return _plain(rows)
    calm = finding is None or scene.is_stale(finding)
    title, style, note = nothing_found(scene) if finding is None else finding_title(scene, finding)
    fixes = _fixes(scene, width, height - 1, calm=calm)
    room = height - 1 - len(fixes)
    told = []
    if finding is not None:
        told = _sentence(scene, finding, width, rows=room, calm=calm and bool(fixes))
    elif not scene.status.fixes_on:
        told = _hints(scene, width, room)
    rows = [heading_line(width, scene, title, style, note), *told]
    text = clean(scene.scenario.lesson)
    lesson = _lesson(text, width, room - len(told), scene) if text else []
    blank = [Line(width).strip(theme.text)] * (room - len(told) - len(lesson))
    return [*_plain(rows), *fixes, *_plain([*lesson, *blank])]


def _fixes(scene: Scene, width: int, rows: int, *, calm: bool) -> list[FixRow]:
    """What to do, in words if no fix answers it, and the fixes.

    The sentence keeps two rows, or one beside advice or a reason; what is over gives way to that.
    """
    advice = advice_line(scene, width)
    keep = min(rows - 1, int(not calm) if scene.status.fixes_on or advice else 2)
    most = rows - keep - len(advice)
    fixes = fix_list(scene, width, most) or compact_fixes(scene, width, most)
    return [*_plain(advice), *fixes]


def _plain(strips: Sequence[Strip]) -> list[FixRow]:
    return [FixRow(strip) for strip in strips]


def _in_full(scene: Scene, width: int) -> str:
    """The banner's text, or an answer to a key, if it is too long for its row; else empty."""
    if scene.status.phase in ("starting", "ending", "failed"):
        return scene.status.why if cell_width(clean(scene.status.why)) > width - 24 else ""
    return scene.notice if cell_width(clean(scene.notice)) > width - 2 else ""


def _sentence(scene: Scene, finding: Finding, width: int, *, rows: int, calm: bool) -> list[Strip]:
    """The line of code first, since it is what people came for; then what it did.

    Too long, it loses folders, then clauses; one that is calm is whole or not there.
    """
    theme = scene.theme
    room = width - 3  # two cells between place and text
    place = place_of(finding.location)
    sentence = clean(finding.sentence)
    place = "" if place in sentence else place
    if not wrap_within(f"{place}  {sentence}", rows, room):
        place, sentence = file_line(finding.location), without_folders(sentence)
    text = f"{place}  {sentence}"
    lines = (
        wrap_within(text, rows, room) if calm else shortened(text, rows, room, scene.glyphs.more)
    )
    strips = []
    for i, text in enumerate(lines):
        line = Line(width).add(" ", theme.text)
        rest = text
        if i == 0 and place and text.startswith(place):
            line.add(place, theme.accent)
            rest = f" {text[len(place) :]}"
        strips.append(line.add(rest, theme.dim if calm else theme.strong).strip(theme.text))
    return strips


def nothing_found(scene: Scene) -> tuple[str, Style, str]:
    """Title, style and note when no rule has found anything; a counter may know better."""
    counter = scene.rising_counter
    if counter is None:
        return f"NO FINDING{scene.here.upper()} {scene.when.upper()}", scene.theme.dim, ""
    title = f"{clean(counter.title).upper()}: {counter.value:,}"
    return title, scene.theme.alarm, "no rule sees it; the endpoints count it"


def _lesson(text: str, width: int, rows: int, scene: Scene) -> list[Strip]:
    """Whole, or not there."""
    head = " lesson "
    lines = wrap_within(text, rows, width - len(head) - 1)
    if not lines:
        head, lines = " ", wrap_within(text, rows, width - 2)
    return _headed(head, lines, width, scene)


def _hints(scene: Scene, width: int, rows: int) -> list[Strip]:
    """Rows of what to watch: each hint that fits as a whole."""
    strips: list[Strip] = []
    for text in scene.scenario.watch_for:
        lines = wrap_within(clean(text), rows - len(strips), width - 8)
        strips += _headed(" watch ", lines, width, scene)
    return strips


def _headed(head: str, lines: Sequence[str], width: int, scene: Scene) -> list[Strip]:
    """The first row begins with the head."""
    strips = []
    for i, text in enumerate(lines):
        line = Line(width).add(" " * len(head) if i else head, scene.theme.accent)
        strips.append(line.add(text, scene.theme.dim).strip(scene.theme.text))
    return strips


def paragraph(text: str, style: Style, width: int, scene: Scene, rows: int = 3) -> list[Strip]:
    """Cleaned text, wrapped, at most `rows` rows, one cell in from the left."""
    lines = wrap(clean(text), width - 3)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"{lines[rows - 1]}{scene.glyphs.more}"]
    return [Line(width).add(f"  {line}", style).strip(scene.theme.text) for line in lines]
