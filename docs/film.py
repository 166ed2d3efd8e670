"""Makes one animated SVG of a screen's frames: CSS only, no script, nothing fetched.

Only changes are stored: the file has a row once for each period in which it looks the same. Where
nothing is animated (an image viewer, `prefers-reduced-motion`) the first frame is shown.
"""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.tui.draw.svg import StyleSheet, svg_document

Frame = tuple[float, Sequence[Strip]]
"""The time at which it appears, in seconds, and its rows."""


def film(frames: Sequence[Frame], lasts_s: float, text: str, ground: str) -> str:
    """The SVG that shows the frames in turn, for `lasts_s` seconds, and repeats."""
    sheet = StyleSheet(text, ground)
    times = [at_s for at_s, _ in frames] + [lasts_s]
    names: dict[tuple[int, int], str] = {}
    body = []
    rows = max(len(strips) for _, strips in frames)
    for y in range(rows):
        drawn = [sheet.row(strips[y], y) for _, strips in frames]
        first = 0
        for last in range(1, len(drawn) + 1):
            if last < len(drawn) and drawn[last] == drawn[first]:
                continue
            row = "".join(drawn[first])
            if row:
                whole = (first, last) == (0, len(drawn))
                name = "" if whole else names.setdefault((first, last), f"f{len(names)}")
                body.append(f'<g class="{name}">{row}</g>' if name else row)
            first = last
    style = "".join(
        _shown(name, times[a] / lasts_s, times[b] / lasts_s, lasts_s, first=a == 0)
        for (a, b), name in names.items()
    )
    still = "@media (prefers-reduced-motion:reduce){g{animation:none!important}}"
    wide = max(strip.cell_length for strip in frames[0][1])
    return svg_document(sheet, f"<style>{style}{still}</style>\n" + "\n".join(body), wide, rows)


def _shown(name: str, begin: float, end: float, lasts_s: float, *, first: bool) -> str:
    """The style of rows that are visible from `begin` to `end`, fractions of the whole time."""
    steps = (
        "0%{visibility:visible}"
        if first
        else f"0%{{visibility:hidden}}{begin:.2%}{{visibility:visible}}"
    )
    steps += "" if end >= 1 else f"{end:.2%}{{visibility:hidden}}"
    at_first = "" if first else "visibility:hidden;"
    return (
        f"@keyframes {name}{{{steps}}}"
        f".{name}{{{at_first}animation:{name} {lasts_s:g}s step-end infinite}}"
    )
