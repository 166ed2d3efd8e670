"""Several keys in one write: each has its effect before the next one is looked at.

`at_once` puts keys into the app's queue together, as the terminal's driver does with all that it
has read; `Stage.press` waits after each.
"""

import asyncio
import os
import random

import pytest
from textual import events
from textual.geometry import Size

from loopviz.tui.screens.command_palette import CommandPaletteScreen
from loopviz.tui.screens.help import HelpScreen
from loopviz.tui.screens.main import MainScreen
from loopviz.tui.screens.picker import PickerScreen
from loopviz.tui.state.double_press import REPEAT_S, DoublePress
from tests.tui.stage import Stage, drive

CHARACTERS = {"question_mark": "?", "slash": "/", "space": " "}


async def at_once(stage: Stage, *keys: str, after_s: float = 0.0, apart_s: float = 0.0) -> None:
    """Post all of them in one go, pressed `after_s` from now and `apart_s` after each other."""
    for place, key in enumerate(keys):
        event = events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None))
        event.time += after_s + place * apart_s
        stage.app.post_message(event)
    await stage.pilot.pause()


def outcomes(rows) -> None:
    """Of each row: the keys, the screens that are open after them, and what was asked for."""

    async def play(stage: Stage) -> None:
        app, run = stage.app, stage.run
        app.do_quit = lambda: run.calls.append(("quit",))
        for place, (keys, screens, calls, *apart_s) in enumerate(rows):
            await at_once(stage, *keys, after_s=10 * place, apart_s=sum(apart_s))
            assert app._exception is None
            assert [type(screen) for screen in app.screen_stack] == screens, keys
            assert run.calls == calls, keys
            while len(app.screen_stack) > 1:
                await app.screen.dismiss(None)
            run.switch("block")
            run.calls.clear()

    drive(play)


MAIN, PICKER, HELP, PALETTE = MainScreen, PickerScreen, HelpScreen, CommandPaletteScreen
FIX_A, FIX_B = ("toggle", "to_thread"), ("toggle", "plain_def")


def test_a_double_press_closes_the_box_and_no_more():
    outcomes(
        [
            (["s", *"qqq"], [MAIN, PICKER], []),  # letters of what is searched
            (["s", *["escape"] * 3], [MAIN], []),
            (["s", *["enter"] * 3], [MAIN], [("switch", "block")]),
            (["question_mark", *"qqq"], [MAIN], []),
            (["question_mark"] * 3, [MAIN], []),
            (["question_mark", *["enter"] * 3], [MAIN], []),
            (["ctrl+p", *["escape"] * 3], [MAIN], []),
            (["ctrl+p", *["enter"] * 3], [MAIN], [FIX_A]),
            (["ctrl+p", *"qqq"], [MAIN, PALETTE], []),  # there they are letters
        ]
    )


def test_what_was_pressed_goes_to_what_is_open_by_then():
    outcomes(
        [
            (["s", "question_mark"], [MAIN, PICKER], []),
            (["question_mark", "ctrl+p", "s"], [MAIN, HELP], []),
            (["question_mark", "question_mark", "s"], [MAIN, PICKER], []),
            (["s", "escape", "question_mark"], [MAIN, HELP], []),
            (["s", "escape", "a"], [MAIN], [FIX_A]),
            (["s", "down", "enter"], [MAIN], [("switch", "dbpool")]),
            (["s", *"race", "enter"], [MAIN], [("switch", "race")]),
            (["ctrl+p", *"fix", "space", "b", "enter"], [MAIN], [FIX_B]),
            (["ctrl+p", *"scenarios", "enter", "down", "enter"], [MAIN], [("switch", "dbpool")]),
            (["ctrl+p", *"help", "enter", "escape", "s"], [MAIN, PICKER], []),
        ]
    )


def test_loopviz_ends_if_that_was_meant():
    end = [("quit",)]
    outcomes(
        [
            (["q"], [MAIN], end),
            (["s", "escape", "q"], [MAIN], end),
            (["question_mark", "q", "down", "q"], [MAIN], end),
            (["question_mark", "q", "q"], [MAIN], end, REPEAT_S + 0.1),
            (["s", "ctrl+c"], [MAIN, PICKER], end),
            (["question_mark", "ctrl+q"], [MAIN, HELP], end),
            (["ctrl+p", *"quit", "enter", "enter"], [MAIN], end),
        ]
    )


def test_nothing_is_begun_after_the_end():
    async def play(stage: Stage) -> None:
        await at_once(stage, *"qsaR", "right_curly_bracket", "question_mark", "q")
        assert stage.app._exit
        assert stage.run.calls in ([], [("close",)])
        assert stage.app.screen_stack in ([], [stage.app._main])

    drive(play)


def test_keys_in_one_write_do_what_they_do_one_by_one():
    """Whatever they are: the same boxes, the same view, the same was asked for."""
    keys = [*"sssjkGq2ainopv0", "question_mark", "ctrl+p", "escape", "enter", "slash", "down", "up"]
    choices = random.Random(5)
    plays = [choices.choices(keys, k=choices.randint(2, 7)) for _ in range(12)]

    def states(quick: bool) -> list[tuple]:
        seen = []

        async def play(stage: Stage) -> None:
            app = stage.app
            app.do_quit = lambda: stage.run.calls.append(("quit",))
            for one in plays:
                if quick:
                    await at_once(stage, *one)
                else:
                    await stage.press(*one)
                boxes = [(type(box), getattr(box, "text", "")) for box in app.screen_stack]
                seen.append(
                    (one, boxes, app.controller.view_state, app.screen.__dict__.get("cursor"))
                )
            seen.append(tuple(stage.run.calls))

        drive(play)
        return seen

    assert states(quick=True) == states(quick=False)


def test_a_box_closes_once():
    async def play(stage: Stage) -> None:
        app = stage.app
        answers = []
        below, above = HelpScreen(app.controller), HelpScreen(app.controller)
        await app.push_screen(below, answers.append)
        await app.push_screen(above)
        await below.dismiss(None)  # not on top: what is above stays
        assert app.screen_stack[1:] == [below, above]
        await above.dismiss(None)
        for _ in range(2):
            await below.dismiss(None)
        await above.dismiss(None)
        await stage.pilot.pause()
        assert len(app.screen_stack) == 1
        assert answers == [None]

    drive(play)


def test_a_box_may_be_asked_to_close_while_the_app_ends():
    async def play(stage: Stage) -> None:
        await stage.press("s")
        box = stage.app.screen
        stage.app.exit()
        await stage.app._close_all()  # Textual's part of the end: no screen is left
        await box.dismiss(None)

    drive(play)


def test_a_click_from_before_a_box_opened_does_nothing_behind_it():
    async def play(stage: Stage) -> None:
        app = stage.app
        app.post_message(events.Key("s", "s"))
        app.post_message(MainScreen.Pointed("help"))
        app.post_message(MainScreen.Pointed("quit"))
        await stage.pilot.pause()
        assert [type(screen) for screen in app.screen_stack] == [MAIN, PICKER]
        assert not app._exit

    drive(play)


def test_pasted_text_keeps_its_place_among_the_keys():
    async def play(stage: Stage) -> None:
        await stage.press("2")
        stage.app.post_message(events.Key("slash", "/"))
        stage.app.post_message(events.Paste("pi\nng"))
        stage.app.post_message(events.Key("enter", "\r"))
        await stage.pilot.pause()
        assert stage.app.controller.view_state.filters["tasks"] == "ping"
        assert not stage.app.controller.view_state.typing

    drive(play)


def test_resizes_reach_boxes_that_open_and_close():
    async def play(stage: Stage) -> None:
        sizes = random.Random(3)
        for key in ["s", "question_mark", "ctrl+p"]:
            width, height = sizes.randint(1, 200), sizes.randint(1, 60)
            stage.app.post_message(events.Key(key, None))
            await stage.pilot.resize_terminal(width, height)
            stage.app.screen.post_message(events.Resize(stage.app.size, stage.app.size))
            stage.app.post_message(events.Key("escape", None))
        await stage.pilot.pause()
        assert stage.app._exception is None
        assert len(stage.app.screen_stack) == 1

    drive(play)


def test_a_size_that_is_reported_late_is_not_believed(monkeypatch):
    """The handler of one signal is interrupted by the next one, and reports the older size last."""

    async def play(stage: Stage) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(type(stage.app._driver), "is_headless", False)
            patch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((100, 30)))
            for size in [Size(100, 30), Size(70, 20)]:
                stage.app.post_message(events.Resize(size, size))
            await stage.pilot.pause()
            while stage.app._resize_event is not None:
                await asyncio.sleep(0.002)
            await stage.play()
        assert stage.app.size == stage.app.screen.size == Size(100, 30)

    drive(play)


@pytest.mark.parametrize(
    ("presses", "repeated"),
    [
        ([("q", 0.1)], [True]),
        ([("q", REPEAT_S)], [False]),
        ([("escape", 0.1)], [False]),
        ([("q", 0.4), ("q", 0.8), ("q", 1.2)], [True, True, True]),  # it is kept down
        ([("q", 0.1), ("j", 0.2), ("q", 0.3)], [True, False, False]),
        ([("q", 0.1), ("q", 0.7), ("q", 0.8)], [True, False, False]),
    ],
)
def test_a_double_press(presses, repeated):
    double = DoublePress()
    double.closed("q", 0.0)
    assert [double.repeats(key, time_s) for key, time_s in presses] == repeated


def test_no_box_no_double_press():
    assert not DoublePress().repeats("q", 0.0)
