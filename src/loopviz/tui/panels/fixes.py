"""The list of fixes: each with its key and state, the one that is on with its reason."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.strip import Strip

from loopviz.lab.catalogue import FixInfo
from loopviz.tui.draw.shorten import wrap_code
from loopviz.tui.draw.text import Line, cell_width, clean, fit, wrap
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import FIX_LETTERS

__all__ = [
    "FixRow",
    "advice_line",
    "box",
    "compact_fixes",
    "draw_fixes",
    "fix_action",
    "fix_at",
    "fix_list",
    "why_text",
]

BOX_CELLS = 6
"""Cells from a fix's key to its title: `a ( ) `."""

FORMS = ((3, 3), (2, 3), (1, 3), (1, 2), (1, 1), (1, 0))
"""Rows of a title and of a reason, fuller forms first."""


class FixRow(NamedTuple):
    """A row of a panel, and the key of the fix that it is about; empty: of none."""

    strip: Strip
    fix: str = ""


def fix_action(scene: Scene, fix_key: str) -> str:
    """The name of the action that switches to the fix; empty if there is none."""
    keys = [fix.key for fix in scene.scenario.fixes[: len(FIX_LETTERS)]]
    return f"fix-{FIX_LETTERS[keys.index(fix_key)]}" if fix_key in keys else ""


def fix_at(rows: Sequence[FixRow], row: int, scene: Scene) -> str:
    """The action that switches to the fix that was drawn there; else empty."""
    return fix_action(scene, rows[row].fix) if 0 <= row < len(rows) else ""


def fix_list(scene: Scene, width: int, most: int) -> list[FixRow]:
    """Every fix, on `most` rows at most, in the fullest form that fits; none if none does."""
    return _fullest(_with_keys(scene), scene, width, most, FORMS)


def draw_fixes(scene: Scene, width: int, most: int = 100, *, whole: bool = True) -> list[FixRow]:
    """The list below a heading that names the suggested one; `whole`: with nothing cut, or none."""
    fix = scene.suggested_fix
    line = Line(width).add("  FIXES", scene.theme.title)
    if fix is not None and (letter := scene.letter(fix.key)):
        hint = f"  {letter} is suggested: press it, or {scene.keys.label('suggested')}"
        line.add(hint if cell_width(hint) <= line.left else "", scene.theme.good)
    forms = FORMS[:1] if whole else FORMS
    rows = _fullest(_with_keys(scene), scene, width, most - 1, forms, indent=2)
    return [FixRow(line.strip(scene.theme.text)), *rows] if rows else []


def compact_fixes(scene: Scene, width: int, most: int) -> list[FixRow]:
    """The fix to try, and those that are on, where there is no room for all."""
    wanted, on = scene.suggested_fix, scene.status.fixes_on
    kept = [fix for fix in _with_keys(scene) if fix is wanted or fix.key in on]
    kept.sort(key=lambda fix: fix is not wanted)
    return next(
        (
            rows
            for count in range(len(kept), 0, -1)
            if (rows := _fullest(kept[:count], scene, width, most, FORMS))
        ),
        [],
    )


def _with_keys(scene: Scene) -> Sequence[FixInfo]:
    return scene.scenario.fixes[: len(scene.letters)]


def _fullest(
    fixes: Sequence[FixInfo],
    scene: Scene,
    width: int,
    most: int,
    forms: Sequence[tuple[int, int]],
    indent: int = 1,
) -> list[FixRow]:
    """The fixes in the first form in which they have `most` rows or fewer; none if in none."""
    for form in forms:
        rows = [row for fix in fixes for row in _entry(fix, scene, width, form, indent)]
        if len(rows) <= most:
            return rows
    return []


def _entry(
    fix: FixInfo, scene: Scene, width: int, form: tuple[int, int], indent: int
) -> list[FixRow]:
    """The rows of one fix: its title, and why it helps if it is on, or why it cannot be."""
    theme, glyphs = scene.theme, scene.glyphs
    titles, whys = form
    letter, on = scene.letter(fix.key), fix.key in scene.status.fixes_on
    start = indent + BOX_CELLS
    hint = ""
    if fix is scene.suggested_fix and indent == 1:  # there is no heading that says so
        hint = f"  {glyphs.here} press {letter}"
    title = f"+ {clean(fix.title)}" if fix.adds else clean(fix.title)
    style = theme.strong if on else theme.dim if fix.unavailable else theme.text
    strips: list[Strip] = []
    for text in wrap_code(title, titles, width - start - 1 - cell_width(hint), glyphs.more):
        line = Line(width)
        if not strips:
            line.to(indent, theme.text).add(f"{letter} ", theme.good)
            line.add(f"{box(fix, scene)} ", theme.good if on else theme.dim)
        line.to(start, theme.text).add(text, style).add(hint, theme.good)
        strips.append(line.strip(theme.text))
        hint = ""
    why = why_text(fix) if on else fix.unavailable if whys > 1 else ""
    style = theme.warm if on and fix.wrong else theme.dim
    strips += [
        Line(width).to(start, style).add(text, style).strip(theme.text)
        for text in _rows(clean(why), whys, width - start - 1, glyphs.more)
    ]
    return [FixRow(strip, fix.key) for strip in strips]


def _rows(text: str, most: int, width: int, more: str) -> list[str]:
    """The text on `most` rows at most; one that is cut says so, since no clause is left out."""
    lines = wrap(text, width)
    if len(lines) <= most or not most:
        return lines[:most]
    lines = wrap(text, width - cell_width(more))[:most]
    return [*lines[:-1], f"{lines[-1]}{more}"]


def advice_line(scene: Scene, width: int) -> list[Strip]:
    """` fix  await asyncio.to_thread(...)` in words for the line; none where a fix answers it."""
    theme, finding = scene.theme, scene.finding
    if finding is None or scene.fix(finding.suggested_fix) or scene.status.fixes_on:
        return []
    line = Line(width)
    advice = clean(finding.advice).replace("`", "")
    if advice:
        line.add(" fix ", theme.good).add(fit(advice, line.left, scene.glyphs.more), theme.text)
    elif not scene.scenario.fixes:
        line.add(" no fix is known for this one", theme.dim)
    return [line.strip(theme.text)] if line.used else []


def box(fix: FixInfo, scene: Scene) -> str:
    """`(•)` for a fix that is on, `[x]` for one that adds to others; `-` for one that cannot be."""
    on = fix.key in scene.status.fixes_on
    if fix.adds:
        return f"[{'-' if fix.unavailable else 'x' if on else ' '}]"
    return f"({'-' if fix.unavailable else scene.glyphs.chosen if on else ' '})"


def why_text(fix: FixInfo) -> str:
    """The reason why the fix helps, or why it does not."""
    return f"looks right but is not: {clean(fix.why)}" if fix.wrong else clean(fix.why)
