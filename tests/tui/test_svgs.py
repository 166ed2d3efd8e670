"""How it looks: ten pictures, and what a picture is made of.

`LOOPVIZ_GOLDENS=write pytest tests/tui/test_svgs.py` makes them anew: open them in a browser.
"""

import os
import re
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from loopviz.tui.draw.svg import svg_picture
from loopviz.tui.screenshot import screenshot_svg
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

SVGS = Path(__file__).parent / "svgs"

PICTURES = {
    # scenario, size, theme, keys with the seconds between them
    "block": ("block", (80, 24), "dark", ()),
    "block-fixed": ("block", (160, 50), "dark", ("a", 6)),
    "block-loop": ("block", (80, 24), "light", ("4",)),
    "block-diagnose": ("block", (80, 24), "dark", ("5",)),
    "block-compare": ("block", (80, 24), "dark", ("a", 6, "6")),
    "dbpool": ("dbpool", (160, 50), "light", ()),
    "dbpool-tasks": ("dbpool", (80, 24), "dark", ("2",)),
    "dbpool-resources": ("dbpool", (80, 24), "light", ("3",)),
    "race": ("race", (80, 24), "light", ()),
    "race-help": ("race", (80, 24), "dark", ("question_mark",)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name):
    scenario, size, theme, keys = PICTURES[name]
    made = []

    async def play(stage: Stage) -> None:
        for key in keys:
            if isinstance(key, str):
                await stage.press(key)
            await stage.play(0 if isinstance(key, str) else key)
        made.append(screenshot_svg(stage.app, stage.app.controller.theme))

    drive(play, size, Stage(FakeRun(scenario), theme_name=theme))
    (svg,) = made
    assert len(svg.encode()) < (25_000 if size[0] == 80 else 90_000)
    path = SVGS / f"{name}.svg"
    if os.environ.get("LOOPVIZ_GOLDENS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
    assert path.exists(), f"no picture {name}; LOOPVIZ_GOLDENS=write makes it"
    assert svg == path.read_text(encoding="utf-8")


def drawn(text, style=None):
    segments = [Segment(text, style or Style())]
    return svg_picture([Strip(segments)], text="#cccccc", ground="#000000")


def test_words_stand_in_their_cells():
    svg = drawn("  a < b    c日d ")
    assert re.findall(r'<text x="(\d+)" y="12" textLength="(\d+)">(.*?)</text>', svg) == [
        ("16", "40", "a &lt; b"),
        ("88", "32", "c日d"),
    ]


def test_shapes_touch_and_are_joined():
    red = Style.parse("#ff0000")
    assert 'd="M0 8h24"' in drawn("███", red)
    assert 'd="M0 8h4m4 0h8"' in drawn("▌█", red)
    assert 'd="M0 14h8v2h-8zM8 0h8v16h-8z"' not in drawn("▁▇", red)
    assert "M0 14h8v2h-8z" in drawn("▁▇", red)
    assert "M8 2h8v14h-8z" in drawn("▁▇", red)
    assert "<text" not in drawn("█▌▁▓│═╭", red)
    assert 'd="M0 0h16v16h-16z"' in drawn("▒▒", red)
    assert drawn("▒▓░").count("<pattern") == 3


def test_a_ground_is_drawn_once():
    assert 'd="M0 8h32"' in drawn("a  b", Style.parse("red on #123456"))
    assert "stroke" not in drawn("a  b", Style.parse("red on #000000"))
    svg = drawn("abc", Style.parse("#ff0000 on #123456 reverse bold underline"))
    assert "fill:#123456;font-weight:700;text-decoration:underline" in svg
    assert ".b{stroke:#ff0000;stroke-width:16}" in svg


def test_nothing_is_fetched_and_nothing_changes():
    svg = drawn("hello ▒ world")
    assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert svg == drawn("hello ▒ world")


def test_spaces_stay_without_css():
    """Renderers that know no CSS would make one of several (librsvg, resvg, an editor)."""
    assert drawn("a  b").startswith('<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve"')


def test_the_sixteen_colours_of_a_terminal_can_be_read():
    """Its blue is #0000ff by the letter, and black on black here."""
    assert "#0000ff" not in drawn("a", Style(color="bright_blue"))
