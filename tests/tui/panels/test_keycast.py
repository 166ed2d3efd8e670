"""Presenter's mode: the key that was pressed and what it did, strong colours, fewer figures."""

import pytest

from loopviz.tui.state.actions import ACTIONS
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def presented(play, size=(80, 24), **options):
    drive(play, size, Stage(FakeRun(), present=True, **options))


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("a", "a   await asyncio.to_thread(...): on"),
        ("aa", "a   await asyncio.to_thread(...): off"),
        ("F", "F   await asyncio.to_thread(...): on"),
        ("3", "3   the view Resources"),
        (["space"], "space   the picture stands still, the app goes on"),
        (["space", "space"], "space   live again"),
        (["right_square_bracket"], "]   the load is ×1.5 of the scenario's own"),
        (["less_than_sign"], "<   slow motion: 0.1×"),
        (["space", "plus"], "+   zoom in"),
        ("i", "i   lesson"),
    ],
)
def test_the_key_and_what_it_did_are_shown_for_a_moment(keys, shown):
    async def play(stage: Stage) -> None:
        assert "q quit" in stage.lines()[-1]
        await stage.press(*keys)
        await stage.play(0.1)
        assert " ".join(shown.split()) == " ".join(stage.lines()[-1].split())
        await stage.play(3)
        assert "q quit" in stage.lines()[-1]

    presented(play)


def test_each_action_has_words():
    async def play(stage: Stage) -> None:
        for action in ACTIONS:
            stage.app.controller.show_pressed(action.name)
            await stage.play(0.01)
            label = stage.app.controller.keys.label(action.name)
            assert stage.lines()[-1].partition(label)[2].strip(), action.name

    presented(play)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_there_are_fewer_figures_and_the_strongest_colours(size):
    async def play(stage: Stage) -> None:
        assert stage.app.controller.theme.palette.name == "contrast"
        text = stage.text()
        assert " p99 " in text
        assert "rps" not in stage.lines()[0]
        assert "p50" not in text.partition("LAG")[2].partition("\n")[0].partition("│")[0]
        await stage.press("a")
        await stage.play(6)
        assert "(n " not in stage.text()

    presented(play, size)


def test_its_key_turns_it_on_and_off_and_the_colours_come_back():
    async def play(stage: Stage) -> None:
        names = []
        for _ in range(3):
            names.append((stage.app.controller.present, stage.app.controller.theme.palette.name))
            await stage.press("P")
        assert names == [(False, "light"), (True, "contrast"), (False, "light")]

    drive(play, stage=Stage(theme_name="light"))


def test_colours_that_were_asked_for_stay():
    async def play(stage: Stage) -> None:
        assert stage.app.controller.theme.palette.name == "light"

    presented(play, theme_name="light")


def test_no_keys_are_shown_otherwise():
    async def play(stage: Stage) -> None:
        await stage.press("a")
        await stage.play(0.1)
        assert "q quit" in stage.lines()[-1]

    drive(play)
