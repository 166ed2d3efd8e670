"""Every view as text and style names, over scenarios that the real model was told of.

`LOOPVIZ_GOLDENS=write pytest tests/tui/test_goldens.py` writes them anew: look at the diff first.
"""

import pytest

from loopviz.tui.look import VIEWS

from .conftest import Stage, drive
from .styles import StyleNames
from .worlds import PLAYS, WorldController

NAMES = [name for name, _ in VIEWS]


def each_view(scenario, size, see, *, keys=(), seconds=0.0, **options):
    """What `see(stage)` says of each view, by its name."""
    found = {}

    async def play(stage: Stage) -> None:
        if keys:
            await stage.press(*keys)
        for _ in range(4):
            await stage.play(seconds / 4)
        for place, name in enumerate(NAMES, 1):
            await stage.press(str(place))
            await stage.play()
            found[name] = see(stage)

    drive(play, size, Stage(WorldController(scenario), **options))
    return found


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
@pytest.mark.parametrize("scenario", PLAYS)
def test_every_view(golden, scenario, size):
    for view, dump in each_view(scenario, size, Stage.dump).items():
        golden(f"{scenario}-{view}-{size[0]}x{size[1]}", dump)


@pytest.mark.parametrize("size", [(120, 40), (200, 60)], ids=str)
def test_more_sizes(golden, size):
    for view, text in each_view("dbpool", size, Stage.text).items():
        golden(f"dbpool-{view}-{size[0]}x{size[1]}", text)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_after_a_fix(golden, size):
    found = each_view("block", size, Stage.dump, keys=["a"], seconds=6)
    for view in ("live", "loop", "diagnose", "compare"):
        golden(f"block-{view}-fixed-{size[0]}x{size[1]}", found[view])


def test_ascii(golden):
    for view, text in each_view("dbpool", (80, 24), Stage.text, ascii_only=True).items():
        golden(f"dbpool-{view}-ascii-80x24", text)
        odd = {c for c in text if ord(c) > 126} - set("–×·…→")
        assert not odd, view


def test_no_color(golden, monkeypatch):
    """No colour at all; and as text the same as with sixteen of them."""
    with monkeypatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        found = each_view("block", (80, 24), lambda stage: (stage.text(), stage.styles()))
    for view, (text, styles) in found.items():
        assert not [style for style in styles if style.color or style.bgcolor], view
        golden(f"block-{view}-nocolor-80x24", text)
    sixteen = each_view("block", (80, 24), Stage.text, theme_name="sixteen")
    assert sixteen == {view: text for view, (text, _) in found.items()}


@pytest.mark.parametrize("scenario", PLAYS)
def test_light_is_dark_in_other_colours(scenario):
    """The same text; and each cell has the same name in both."""

    def see(stage):
        names = StyleNames(stage.app.desk.looks)
        cells = []
        for strip in stage.strips():
            for segment in strip:
                known = frozenset(names.all_of(segment.style)) if segment.style else frozenset("-")
                cells += [(char, known) for char in segment.text]
        return cells

    dark = each_view(scenario, (160, 50), see)
    light = each_view(scenario, (160, 50), see, theme_name="light")
    for view, cells in dark.items():
        assert len(cells) == len(light[view])
        for place, ((a, named), (b, other)) in enumerate(zip(cells, light[view], strict=True)):
            assert a == b, f"{view}: row {place // 160 + 1}"
            assert named & other, f"{view}: row {place // 160 + 1}: {set(named)} and {set(other)}"
