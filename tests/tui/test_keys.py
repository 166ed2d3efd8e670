"""Keys: each one asks the controller for what the table says."""

import pytest

from loopviz.clock import SECOND
from loopviz.tui.actions import ACTIONS, GROUPS
from loopviz.tui.app import LoopvizApp
from loopviz.tui.commands import COMMANDS

from .builders import BlockWorld, FakeController
from .conftest import Stage, drive


def asked(*keys, stage=None):
    async def play(stage: Stage) -> None:
        await stage.press(*keys)

    return drive(play, stage=stage).controller.calls


@pytest.mark.parametrize(
    ("keys", "calls"),
    [
        ("a", [("toggle", "to_thread")]),
        ("b", [("toggle", "plain_def")]),
        ("c", [("toggle", "async_sleep")]),
        ("d", []),
        ("F", [("toggle", "to_thread")]),
        ("FF", [("toggle", "to_thread")]),
        (["right_square_bracket"], [("set_rate", 1.5)]),
        (["right_square_bracket"] * 5, [("set_rate", x) for x in (1.5, 2, 3, 4)]),
        (["left_square_bracket"] * 3, [("set_rate", 0.5), ("set_rate", 0.25)]),
        ("R", [("restart",)]),
        (["s", "j", "enter"], [("switch", "cpu")]),
        (["s", "down", "up", "enter"], [("switch", "block")]),
        (["s", "escape"], []),
        (["s", "G", "enter"], []),
        (["question_mark", "a", "escape"], []),
        (["right_curly_bracket"], [("switch", "cpu")]),
        (["right_curly_bracket"] * 3, [("switch", x) for x in ("cpu", "threads", "block")]),
        (["left_curly_bracket"], [("switch", "threads")]),
        (["i", "a", "b", "i"], [("toggle", "to_thread"), ("toggle", "plain_def")]),
        (["i", "F"], [("toggle", "to_thread")]),
        (["i", "right_curly_bracket"], [("switch", "cpu")]),
        (["j", "k", "escape"], []),
    ],
)
def test_key_asks_the_controller(keys, calls):
    assert asked(*keys) == calls


def test_quit_closes_the_controller():
    controller = FakeController(BlockWorld())
    stage = Stage(controller)

    async def press_q(pilot):
        await pilot.press("q")

    import asyncio

    asyncio.run(stage.app.run_async(headless=True, size=(80, 24), auto_pilot=press_q))
    assert controller.calls == [("close",)]


def test_freeze_holds_the_picture_while_recording_goes_on():
    async def play(stage: Stage) -> None:
        await stage.press("space")
        before = stage.lines()
        await stage.play(6)
        await stage.play(6)
        after = stage.lines()
        assert "FROZEN" in after[0]
        assert "+12 s behind" in after[0]
        assert after[2:20] == before[2:20]
        assert stage.controller.polls[-1][0] == stage.now
        await stage.press("space")
        assert "LIVE" in stage.lines()[0]
        assert stage.lines()[2:20] != before[2:20]

    drive(play)


def test_a_fix_while_frozen_shows_in_the_header():
    async def play(stage: Stage) -> None:
        await stage.press("space", "a")
        assert "a[x]" in stage.lines()[0]
        assert "FROZEN" in stage.lines()[0]

    drive(play)


def test_switching_goes_live():
    async def play(stage: Stage) -> None:
        await stage.press("space", "s", "j", "enter")
        assert "FROZEN" not in stage.lines()[0]
        assert "cpu" in stage.lines()[0]

    drive(play)


def test_the_history_asked_for_covers_the_window():
    stage = drive(lambda stage: stage.play(1), (160, 50))
    assert all(window >= 6 * SECOND for _, window in stage.controller.polls)


def test_every_action_has_its_command_and_every_key_one_meaning():
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    names = [action.name for action in ACTIONS]
    assert len(names) == len(set(names))
    for action in ACTIONS:
        command = action.command.partition("(")[0]
        assert command in COMMANDS or hasattr(LoopvizApp, f"do_{command}"), action.name
        assert action.help or not action.word
        assert action.group in GROUPS


def test_help_names_every_key():
    async def play(stage: Stage) -> None:
        await stage.press("question_mark")
        text = stage.text()
        for action in ACTIONS:
            if action.help and action.name != "fix":
                assert action.shown in text
                assert action.help[:30] in text

    drive(play, (100, 40))
