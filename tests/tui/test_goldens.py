"""The whole screen as text and style names, over scenarios that the real model was told of.

`LOOPVIZ_GOLDENS=write pytest tests/tui/test_goldens.py` writes them anew: look at the diff first.
A golden is there for what no sentence says: which panel stands where, in which words and styles.
"""

from functools import cache

import pytest

from loopviz.tui.state.view_state import VIEWS
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, beyond_ascii, drive
from tests.tui.style_names import StyleNames

NAMES = [name for name, _ in VIEWS]


def each_view(scenario, size, see, *, keys=(), seconds=0.0, views=NAMES, **options):
    """What `see(stage)` says of each view, by its name."""
    found = {}

    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        for _ in range(4):
            await stage.play(seconds / 4)
        for name in views:
            await stage.press(str(NAMES.index(name) + 1))
            await stage.play()
            found[name] = see(stage)

    drive(play, size, Stage(FakeRun(scenario), **options))
    return found


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
@pytest.mark.parametrize(
    ("scenario", "views"),
    [
        ("dbpool", NAMES),
        ("block", ["live", "loop", "diagnose"]),
        ("race", ["live", "diagnose"]),
    ],
)
def test_views(golden, scenario, views, size):
    for view, dump in each_view(scenario, size, Stage.dump, views=views).items():
        golden(f"{scenario}-{view}-{size[0]}x{size[1]}", dump)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_after_a_fix(golden, size):
    given = {"keys": ["a"], "seconds": 6, "views": ["live", "diagnose", "compare"]}
    for view, dump in each_view("block", size, Stage.dump, **given).items():
        golden(f"block-{view}-fixed-{size[0]}x{size[1]}", dump)


@pytest.mark.parametrize(
    ("size", "views"),
    [((60, 16), ["live"]), ((120, 40), ["live", "tasks"]), ((200, 60), ["live", "resources"])],
    ids=str,
)
def test_more_sizes(golden, size, views):
    for view, text in each_view("dbpool", size, Stage.text, views=views).items():
        golden(f"dbpool-{view}-{size[0]}x{size[1]}", text)


@pytest.mark.parametrize("size", [(80, 24), (120, 35), (160, 50)], ids=str)
def test_tree(golden, size):
    (dump,) = each_view("dbpool", size, Stage.dump, keys="2tj", views=["tasks"]).values()
    golden(f"dbpool-tree-{size[0]}x{size[1]}", dump)


def test_ascii(golden):
    found = each_view("dbpool", (80, 24), Stage.text, ascii_only=True)
    assert not {view: odd for view, text in found.items() if (odd := beyond_ascii(text))}
    for view in ("live", "tasks", "loop"):
        golden(f"dbpool-{view}-ascii-80x24", found[view])


def test_no_color(golden, monkeypatch):
    """No colour at all; and as text the same as with sixteen of them."""
    with monkeypatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        found = each_view("block", (80, 24), lambda stage: (stage.text(), stage.styles()))
    for view, (_, styles) in found.items():
        assert not [style for style in styles if style.color or style.bgcolor], view
    sixteen = each_view("block", (80, 24), Stage.text, theme_name="sixteen")
    assert sixteen == {view: text for view, (text, _) in found.items()}
    for view in ("live", "loop"):
        golden(f"block-{view}-nocolor-80x24", found[view][0])


@pytest.mark.parametrize("scenario", ["block", "dbpool", "race"])
def test_light_is_dark_in_other_colours(scenario):
    """The same text; and each cell has a name that it has in both."""

    async def play(stage: Stage) -> None:
        for place, view in enumerate(NAMES, 1):
            await stage.press(str(place))
            seen = []
            for _ in range(3):
                theme = stage.app.controller.theme
                seen.append((theme.palette.name, list(cells(stage.strips(), named_in(theme)))))
                await stage.press("T")
            (dark, first), (light, second), _ = seen
            assert (dark, light) == ("dark", "light")
            for at, ((a, named), (b, other)) in enumerate(zip(first, second, strict=True)):
                assert a == b, f"{view}: row {at // 160 + 1}"
                assert named & other, f"{view}: row {at // 160 + 1}: {set(named)} and {set(other)}"

    drive(play, (160, 50), Stage(FakeRun(scenario)))


named_in = cache(StyleNames)


def cells(strips, names):
    """Each character with every name of its style."""
    known = {}
    for strip in strips:
        for segment in strip:
            if segment.style not in known:
                found = names.all_of(segment.style) if segment.style else ["-"]
                known[segment.style] = frozenset(found)
            for char in segment.text:
                yield char, known[segment.style]


# ---- boxes


@pytest.mark.parametrize(
    ("name", "size", "keys"),
    [
        ("block-lesson-80x24", (80, 24), "i"),
        ("block-lesson-fixed-160x50", (160, 50), "ib"),
        ("block-help-80x24", (80, 24), ["question_mark"]),
        ("block-palette-80x24", (80, 24), ["ctrl+p", *"view"]),
        ("block-picker-80x24", (80, 24), "s"),
    ],
)
def test_boxes(golden, name, size, keys):
    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        await stage.play(0.5)
        golden(name, stage.dump())

    drive(play, size)
