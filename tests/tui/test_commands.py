"""Keys: each one asks the run for what the table says."""

import pytest

from loopviz.clock import SECOND
from loopviz.tui.app import LoopvizApp
from loopviz.tui.commands import COMMANDS
from loopviz.tui.panels.footer import Offer, fitting_offers
from loopviz.tui.state.action import GROUPS
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.key_help import TITLES, key_help
from loopviz.tui.state.keys import key_variants, known_key
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def asked(*keys, stage=None):
    async def play(stage: Stage) -> None:
        await stage.press(*keys)

    return drive(play, stage=stage).run.calls


@pytest.mark.parametrize(
    ("keys", "calls"),
    [
        ("a", [("toggle", "to_thread")]),
        ("b", [("toggle", "plain_def")]),
        ("c", [("toggle", "async_library")]),
        ("d", []),
        ("F", [("toggle", "to_thread")]),
        ("ab", [("toggle", "to_thread"), ("toggle", "plain_def")]),
        ("FF", [("toggle", "to_thread")]),
        (["right_square_bracket"], [("set_rate", 1.5)]),
        (["right_square_bracket"] * 5, [("set_rate", x) for x in (1.5, 2, 3, 4)]),
        (["left_square_bracket"] * 3, [("set_rate", 0.5), ("set_rate", 0.25)]),
        ("R", [("restart",)]),
        (["s", "down", "enter"], [("switch", "dbpool")]),
        (["s", "down", "up", "enter"], [("switch", "block")]),
        (["s", "escape"], []),
        (["s", "end", "enter"], []),
        (["question_mark", "a", "escape"], []),
        (["right_curly_bracket"], [("switch", "dbpool")]),
        (["right_curly_bracket"] * 3, [("switch", x) for x in ("dbpool", "race", "block")]),
        (["left_curly_bracket"], [("switch", "race")]),
        (["i", "a", "b", "i"], [("toggle", "to_thread"), ("toggle", "plain_def")]),
        (["i", "F"], [("toggle", "to_thread")]),
        (["i", "right_curly_bracket"], [("switch", "dbpool")]),
        (["j", "k", "escape"], []),
    ],
)
def test_key_asks_the_run(keys, calls):
    assert asked(*keys) == calls


def test_quit_closes_the_run():
    run = FakeRun()
    stage = Stage(run)

    async def press_q(pilot):
        await pilot.press("q")

    import asyncio

    asyncio.run(stage.app.run_async(headless=True, size=(80, 24), auto_pilot=press_q))
    assert run.calls == [("close",)]


def test_freeze_holds_the_picture_while_recording_goes_on():
    async def play(stage: Stage) -> None:
        await stage.press("space")
        await stage.play(1)  # what was sent by then, and seen by the loop only now
        before = stage.lines()
        await stage.play(5)
        await stage.play(6)
        after = stage.lines()
        assert "FROZEN" in after[0]
        assert "+12 s behind" in after[0]
        assert after[2:20] == before[2:20]
        assert stage.run.polls[-1][0] == stage.now
        await stage.press("space")
        assert "LIVE" in stage.lines()[0]
        assert stage.lines()[2:20] != before[2:20]

    drive(play)


def test_a_fix_while_frozen_shows_in_the_header():
    async def play(stage: Stage) -> None:
        await stage.press("space", "a")
        assert "[a to_thre…]" in stage.lines()[0]
        assert "FROZEN" in stage.lines()[0]

    drive(play)


def test_another_fix_takes_the_place_of_the_one_that_is_on():
    async def play(stage: Stage) -> None:
        await stage.press("a")
        await stage.play(4)
        await stage.press("b")
        await stage.play(0.5)
        assert stage.app.scene.status.fixes_on == {"plain_def"}
        comparison = stage.app.scene.snapshot.comparison
        assert (comparison.before_fixes, comparison.after_fixes) == (("to_thread",), ("plain_def",))
        (axis,) = [line for line in stage.lines() if "/column" in line]
        assert "plain_def on" in axis
        assert "to_thread off" not in axis, "it made way: that is told by the other"
        await stage.press("b")
        await stage.play(0.5)
        assert stage.app.scene.status.fixes_on == frozenset()

    drive(play)


def test_back_before_there_is_more_than_the_window_stays_frozen():
    """It went live again in the first seconds, when all that is kept is in sight."""

    async def play(stage: Stage) -> None:
        await stage.press("R")
        await stage.play(2)
        await stage.press("space")
        end_ns = stage.app.controller.view_state.end_ns
        await stage.press("h")
        assert "FROZEN" in stage.lines()[0]
        assert stage.app.controller.view_state.end_ns == end_ns
        assert "No more is kept than the last" in stage.lines()[-1]

    drive(play)


@pytest.mark.parametrize("view", "1236")
def test_the_answer_to_a_key_is_in_the_last_row_and_moves_nothing(view):
    async def play(stage: Stage) -> None:
        await stage.press(view, "space")
        before = stage.lines()
        await stage.press("o" if view == "1" else "v")
        stage.app.controller.notify("Saved loopviz-block.svg.")
        await stage.play()
        after = stage.lines()
        assert after[-1] == " Saved loopviz-block.svg."
        assert after[-4:-1] == before[-4:-1]
        await stage.play(7)
        assert "help" in stage.lines()[-1]

    drive(play)


@pytest.mark.parametrize("box", ["question_mark", "s", "ctrl+p"])
def test_a_box_can_be_saved_too(box, monkeypatch):
    saved = []
    monkeypatch.setattr("loopviz.tui.app.save_svg", lambda svg, name: saved.append(svg) or "Saved.")

    async def play(stage: Stage) -> None:
        await stage.press(box, "ctrl+s")
        assert type(stage.app.screen).__name__ != "MainScreen"

    drive(play)
    (svg,) = saved
    assert any(title in svg for title in ("HELP", "SCENARIOS", "COMMANDS"))


def test_switching_goes_live():
    async def play(stage: Stage) -> None:
        await stage.press("space", "s", "down", "enter")
        assert "FROZEN" not in stage.lines()[0]
        assert "dbpool" in stage.lines()[0]

    drive(play)


def test_the_history_asked_for_covers_the_window():
    stage = drive(lambda stage: stage.play(1), (160, 50))
    assert all(window >= 6 * SECOND for _, window in stage.run.polls)


def test_every_action_has_its_command_and_every_key_one_meaning():
    keys = [sent for action in ACTIONS for key in action.keys for sent in key_variants(key)]
    assert len(keys) == len(set(keys))
    names = [action.name for action in ACTIONS]
    assert len(names) == len(set(names))
    assert all(known_key(key) for action in ACTIONS for key in action.keys)
    for action in ACTIONS:
        command = action.command
        assert command in COMMANDS or hasattr(LoopvizApp, f"do_{command}"), action.name
        assert action.help or not action.word
        assert action.group in GROUPS


def test_the_table_of_keys_goes_by_what_they_are_for():
    groups = [row.group for row in key_help()]
    assert tuple(dict.fromkeys(groups)) == GROUPS == tuple(TITLES)
    assert groups == sorted(groups, key=GROUPS.index)


def test_what_is_told_is_told_once():
    """Every action has its help, or stands in that of one other."""
    names = [name for row in key_help() for name in row.names]
    assert sorted(names) == sorted(action.name for action in ACTIONS)


def test_ctrl_c_quits_from_everywhere():
    for keys in ([], ["question_mark"], ["s"], ["ctrl+p", "x"], ["2", "slash"]):
        stage = Stage()

        async def play(stage: Stage, keys=keys) -> None:
            await stage.press(*keys, "ctrl+c")
            await stage.pilot.pause()

        drive(play, stage=stage)
        assert stage.app._exit, keys


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, "a b c fixes  F apply"),
        (80, "a b c fixes F apply"),
        (60, "a b c fixes"),
    ],
)
def test_the_footer_leaves_whole_words_out(width, shown):
    async def play(stage: Stage) -> None:
        words = stage.lines()[-1].split()
        assert stage.lines()[-1].startswith(f" {shown}")
        assert " ".join(words).endswith("? help q quit")
        assert len(stage.lines()[-1]) <= width

    drive(play, (width, 24))


def test_what_may_go_goes_in_order():
    given = [("a", "fixes", 0), ("b", "rare", 9), ("c", "some", 3), ("q", "quit", 0)]
    offers = [Offer(*each) for each in given]
    assert fitting_offers(offers, 80) == (offers, 2)
    assert fitting_offers(offers, 28) == (offers, 1)
    assert [offer.word for offer in fitting_offers(offers, 23)[0]] == ["fixes", "some", "quit"]
    assert [offer.word for offer in fitting_offers(offers, 15)[0]] == ["fixes", "quit"]
    assert fitting_offers(offers, 0)[0] == []


@pytest.mark.parametrize(("height", "rows"), [(24, 0), (30, 1), (50, 1)])
def test_tabs_have_a_row_where_there_is_one(height, rows):
    async def play(stage: Stage) -> None:
        assert ("[1 Live] 2 Tasks" in stage.lines()[1]) is bool(rows)
        assert ("1-7 views" in stage.lines()[-1]) is not bool(rows)
        await stage.press("3")
        assert "[3 Resources]" in stage.lines()[1]
        assert "1-7 views" not in stage.lines()[-1]
        await stage.press("tab")
        assert "[4 Loop]" in stage.lines()[1]
        await stage.press("shift+tab", "shift+tab")
        assert "[2 Tasks]" in stage.lines()[1]
        await stage.press("i")
        assert stage.lines()[1].endswith("[i Lesson]")

    drive(play, (100, height))


@pytest.mark.parametrize(
    ("environment", "palette"),
    [
        ({}, "dark"),
        ({"COLORFGBG": "15;0"}, "dark"),
        ({"COLORFGBG": "0;15"}, "light"),
        ({"COLORFGBG": "0;default;7"}, "light"),
        ({"COLORFGBG": "default"}, "dark"),
    ],
)
def test_the_ground_that_the_terminal_tells(environment, palette, monkeypatch):
    monkeypatch.delenv("COLORFGBG", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Stage().app.controller.theme.palette.name == palette
    assert Stage(theme_name="contrast").app.controller.theme.palette.name == "contrast"


def test_themes_go_round():
    async def play(stage: Stage) -> None:
        seen = []
        for _ in range(4):
            seen.append(stage.app.controller.theme.palette.name)
            await stage.press("T")
        assert seen == ["dark", "light", "contrast", "dark"]

    drive(play)


def test_without_colours_there_is_no_theme_to_choose(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(stage: Stage) -> None:
        await stage.press("T")
        assert "Colours can be chosen" in stage.text()

    drive(play)
