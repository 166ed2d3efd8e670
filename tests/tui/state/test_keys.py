"""Keys of the person's own: they work, and everything on the screen shows them."""

import string
from dataclasses import replace

import pytest
from textual.keys import _character_to_key

from loopviz.tui.state.keys import Keymap, as_read, as_textual, known_key
from tests.tui.stage import Stage, drive

OWN = {"fix-a": ["x"], "suggested": ["f2"], "help": ["f1"], "down": ["n"], "next-incident": ["z"]}
OWN |= {"view-tasks": ["f6"], "back": ["f10", "esc"], "restart": ["f5"], "filter": []}


@pytest.mark.parametrize("sign", string.punctuation)
def test_signs_are_called_as_textual_calls_them(sign):
    assert as_textual(sign) == _character_to_key(sign)
    assert as_read(_character_to_key(sign)) == sign
    assert as_read(f"ctrl+{_character_to_key(sign)}") == f"ctrl+{sign}"


@pytest.mark.parametrize(
    ("written", "textual", "read"),
    [
        ("esc", "escape", "esc"),
        ("escape", "escape", "esc"),
        ("enter", "enter", "enter"),
        ("return", "enter", "enter"),
        ("pgdn", "pagedown", "pgdn"),
        ("shift+tab", "shift+tab", "shift+tab"),
        ("ctrl++", "ctrl+plus", "ctrl++"),
        ("G", "G", "G"),
        ("f12", "f12", "f12"),
    ],
)
def test_names_of_keys(written, textual, read):
    assert (as_textual(written), as_read(written), known_key(written)) == (textual, read, True)


@pytest.mark.parametrize("written", ["", " ", "ab", "hyper+a", "ctrl", "f13", "\n"])
def test_what_is_no_key(written):
    assert not known_key(written)


def test_keys_as_they_are_told():
    keys = Keymap({"one": "1", "two": "2", "three": "3", "four": "4", "go": ["g"], "none": []})
    assert keys.label("one", "two") == "1 2"
    assert keys.label("one", "two", "three", "four") == "1-4"
    assert keys.label("one", "two", "go", "four") == "1 2 g 4"
    assert (keys.label("none"), keys.label("none", "go"), keys.label("other")) == ("", "g", "")


def test_own_keys_work_and_the_old_ones_do_not():
    async def play(stage: Stage) -> None:
        await stage.press("x", "a")
        assert stage.run.calls == [("toggle", "to_thread")]
        await stage.press("f6")
        assert stage.app.controller.view_state.view == "tasks"
        await stage.press("f10")
        assert stage.app.controller.view_state.view == "live"
        await stage.press("slash")
        assert not stage.app.controller.view_state.typing
        await stage.press("f1", "n", "f10")
        assert not stage.app.screen.is_modal

    drive(play, stage=Stage(keys=OWN))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_the_whole_screen_shows_them(size):
    async def play(stage: Stage) -> None:
        text = stage.text()
        lines = text.split("\n")
        assert " x to_thread  b plain_def  c async_library " in lines[0]
        footer = lines[size[1] - 1]
        assert "x b c fixes" in footer
        assert "f2 apply" in footer
        assert "f1 help" in footer
        assert "? help" not in text
        assert "press x" in text
        assert "press a" not in text
        if size[1] > 30:
            assert "f6 Tasks" in lines[1]
        await stage.press("f1", *["n"] * 12)
        text = stage.text()
        assert "n k" in text
        assert "f10 goes back" in text

    drive(play, size, Stage(keys=OWN))


def test_a_dead_target_names_the_own_key():
    async def play(stage: Stage) -> None:
        dead = {"phase": "target-died", "why": "The target was killed."}
        stage.run.status = replace(stage.run.status, **dead)
        await stage.play(0.1)
        assert "f5 restart" in stage.lines()[1]

    drive(play, stage=Stage(keys=OWN))
