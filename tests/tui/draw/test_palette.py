"""Colours can be told from their ground, and the states from each other (WCAG 2.1)."""

from itertools import combinations

import pytest
from rich.color import Color

from loopviz.model.snapshot import State
from loopviz.tui.draw.glyphs import BLOCKS
from loopviz.tui.draw.palette import CONTRAST, DARK, LIGHT, Theme

OURS = (DARK, LIGHT, CONTRAST)
"""The palettes with colours of their own; those of SIXTEEN are the terminal's."""

TEXT, GRAPHIC = 4.5, 3.0
"""The least contrast of normal text (1.4.3), and of what has a meaning otherwise (1.4.11)."""

TEXT_STYLES = (
    *("text", "strong", "dim", "accent", "title", "good", "worse", "alarm", "warm", "mark"),
    *("bar", "bar_dim", "bar_brand", "bar_strong", "bar_good", "bar_alarm"),
    *("alarm_fill", "badge_live", "badge_frozen", "badge_waiting", "bang", "cursor"),
    *("lit", "lit_edge"),
)
GRAPHIC_STYLES = ("faint", "run", "waiting", "orphan", "thread", "calm", "mark_line")
MEANS = ("ready_mean", "block_mean", "resource_mean", "gil_mean")
RAMPS = ("ramp", "amber_ramp", "alarm_ramp")
EXEMPT = {
    "grid": "lines behind the picture, which carry no meaning",
    "ready": "a pattern: what counts is its mean",
    "blocking": "a pattern: what counts is its mean",
    "resource": "a pattern: what counts is its mean",
    "gil": "a pattern: what counts is its mean",
}

COVERED = {"ready": 0.5, "block": 0.75, "resource": 0.25, "gil": 0.5}
"""How much of its cell the glyph of a state covers, by the name of its colour."""

DISTINCT = 35.0
"""The least distance (CIE 1976) of two states from afar; for some, about 2 can just be seen."""


def linear(color: str) -> list[float]:
    shares = [part / 255 for part in Color.parse(color).triplet or ()]
    return [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]


def luminance(color: str) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(light: list[float]) -> tuple[float, float, float]:
    red, green, blue = light
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    a, b, c = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def distance(one: list[float], other: list[float]) -> float:
    return sum((p - q) ** 2 for p, q in zip(lab(one), lab(other), strict=True)) ** 0.5


def colours(style) -> tuple[str, str]:
    return style.color.name, style.bgcolor.name


@pytest.mark.parametrize("palette", OURS, ids=lambda palette: palette.name)
def test_contrast(palette):
    theme = Theme(palette)
    pairs = [(name, *colours(getattr(theme, name)), TEXT) for name in TEXT_STYLES]
    pairs += [(name, *colours(getattr(theme, name)), GRAPHIC) for name in GRAPHIC_STYLES]
    pairs += [(name, getattr(palette, name), palette.ground, GRAPHIC) for name in MEANS]
    pairs += [(name, *colours(step), GRAPHIC) for name in RAMPS for step in getattr(theme, name)]
    low = {
        f"{name} {front} on {back}: {contrast(front, back):.2f}, not {least}"
        for name, front, back, least in pairs
        if contrast(front, back) < least
    }
    assert not low


def test_every_style_is_judged():
    named = {name for name in vars(Theme(DARK)) if name[0] != "_"} - {"palette", "edges"}
    assert named == {*TEXT_STYLES, *GRAPHIC_STYLES, *RAMPS, *EXEMPT}


@pytest.mark.parametrize("palette", OURS, ids=lambda palette: palette.name)
def test_from_afar_a_pattern_is_its_mean(palette):
    for name, share in COVERED.items():
        ink, ground = linear(getattr(palette, name)), linear(getattr(palette, f"{name}_ground"))
        light = [share * a + (1 - share) * b for a, b in zip(ink, ground, strict=True)]
        assert distance(light, linear(getattr(palette, f"{name}_mean"))) < 9, name


@pytest.mark.parametrize("palette", OURS, ids=lambda palette: palette.name)
def test_from_afar_states_are_told_apart(palette):
    names = ("run", "thread", "ready_mean", "block_mean", "resource_mean")
    for one, other in combinations(names, 2):
        apart = distance(linear(getattr(palette, one)), linear(getattr(palette, other)))
        assert apart > DISTINCT, (one, other)


def test_there_are_as_many_steps_as_shades():
    for palette in OURS:
        assert {len(getattr(palette, name)) for name in RAMPS} == {len(BLOCKS.shades) - 1}
    assert len(State) == len(COVERED) + 3, "running, waiting and a thread are no patterns"
