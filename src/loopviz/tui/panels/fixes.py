"""Rows about the fixes: the one to try, with its key, and those that are on."""

from textual.strip import Strip

from loopviz.lab.catalogue import FixInfo
from loopviz.tui.draw.shorten import shortened
from loopviz.tui.draw.text import Line, cell_width, clean, fit
from loopviz.tui.panels.scene import Scene

__all__ = ["fix_line", "fixes_on", "tick", "why_text"]


def fix_line(scene: Scene, width: int) -> list[Strip]:
    """` fix a: await asyncio.to_thread(...)   press a`; none if it is on."""
    theme = scene.theme
    fix = scene.suggested_fix
    line = Line(width)
    if fix is None:
        finding = scene.finding
        if finding is None or scene.fix(finding.suggested_fix) or scene.status.fixes_on:
            return []
        advice = clean(finding.advice).replace("`", "")
        if not advice:
            return [line.add(" no fix is known for this one", theme.dim).strip(theme.text)]
        line.add(" fix ", theme.good)
        return [line.add(fit(advice, line.left, scene.glyphs.more), theme.text).strip(theme.text)]
    letter = scene.letter(fix.key)
    press = f"   press {letter}"
    line.add(" fix ", theme.good).add(f"{letter}: ", theme.good)
    title = clean(fix.title)
    title = fit(title, min(cell_width(title), line.left - len(press)), scene.glyphs.more)
    return [line.add(title, theme.text).add(press, theme.good).strip(theme.text)]


def fixes_on(scene: Scene, width: int, rows: int) -> list[Strip]:
    """The fixes that are on, and why they help or do not: ` on  b: title`, `why`.

    Of several there are the titles; of a wrong one, if there is but a row, that it does not help.
    """
    theme = scene.theme
    fixes = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on][:rows]
    room = width - 9
    strips = []
    for fix in fixes:
        alone = len(fixes) == 1 and rows > 1
        line = Line(width).add(" on  ", theme.good).add(f"{scene.letter(fix.key)}: ", theme.good)
        text = clean(fix.title) if alone or not fix.wrong else _in_a_row(fix, room)
        strips.append(line.add(fit(text, room, scene.glyphs.more), theme.text).strip(theme.text))
        if alone:
            style = theme.warm if fix.wrong else theme.dim
            strips += [
                Line(width).to(8, style).add(row, style).strip(theme.text)
                for row in shortened(why_text(fix), rows - 1, room, scene.glyphs.more)
            ]
    return strips


def tick(fix: FixInfo, scene: Scene) -> str:
    """`x` for a fix that is on, `-` for one that cannot be, else a space."""
    return "-" if fix.unavailable else "x" if fix.key in scene.status.fixes_on else " "


def why_text(fix: FixInfo) -> str:
    """The reason why the fix helps, or why it does not."""
    return f"looks right but is not: {clean(fix.why)}" if fix.wrong else clean(fix.why)


def _in_a_row(fix: FixInfo, room: int) -> str:
    """One row about a wrong fix."""
    why, title = why_text(fix), clean(fix.title)
    return why if cell_width(why) <= room else f"looks right but is not: {title}"
