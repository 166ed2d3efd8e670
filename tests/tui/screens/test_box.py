"""What is typed: the filter in the footer's place, the palette, the picker's search."""

from typing import ClassVar

import pytest

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.tui.draw.text import Line
from loopviz.tui.state.action import Action
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.line_edit import edited
from loopviz.tui.views.view import View
from tests.tui.fake_run import ENTRIES
from tests.tui.stage import Stage, drive


class Fruit(View):
    """Rows to filter and to sort."""

    NAME: ClassVar[str] = "tasks"
    FILTERS: ClassVar[bool] = True
    ORDERS: ClassVar = ("name", "length")
    ROWS = ("apple", "banana", "cherry", "grape")

    def keys(self, scene):
        rows = [row for row in self.ROWS if scene.view_state.filter in row]
        return sorted(rows, key=(None, len)[scene.view_state.order])

    def draw(self, scene, width, height):
        rows = [Line(width).add(row, scene.theme.text) for row in self.keys(scene)]
        blank = [Line(width)] * (height - len(rows))
        return [line.strip(scene.theme.text) for line in (*rows, *blank)]


def fruit(play, size=(80, 24)):
    async def begin(stage: Stage) -> None:
        stage.app.controller.views["tasks"] = Fruit()
        await stage.press("2")
        await play(stage)

    return drive(begin, size)


@pytest.mark.parametrize(
    ("before", "key", "character", "after"),
    [
        ("ab", "c", "c", "abc"),
        ("ab", "space", " ", "ab "),
        ("ab", "backspace", "\x08", "a"),
        ("", "backspace", "\x08", ""),
        ("ab cd", "ctrl+w", "\x17", "ab"),
        ("ab cd", "ctrl+u", "\x15", ""),
        ("ab", "up", None, None),
        ("ab", "enter", "\r", None),
        ("ab", "escape", "\x1b", None),
    ],
)
def test_typing(before, key, character, after):
    assert edited(before, key, character) == after


def test_the_filter_narrows_as_one_types_and_data_goes_on():
    async def play(stage: Stage) -> None:
        await stage.press("slash", "A", "p")
        assert stage.lines()[-1].startswith(" / Ap")
        assert "2 matches" in stage.lines()[-1]
        assert "apple" in stage.text()
        assert "grape" in stage.text()
        assert "cherry" not in stage.text()
        polls = len(stage.run.polls)
        await stage.play(1)
        assert len(stage.run.polls) > polls
        await stage.press("p")
        assert "1 match " in stage.lines()[-1]
        await stage.press("backspace", "down", "enter")
        assert stage.app.controller.view_state.row == "apple"
        assert "matches" not in stage.lines()[-1]
        assert "cherry" not in stage.text()
        assert stage.run.calls == []

    fruit(play)


def test_esc_drops_the_filter():
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"q", "escape")
        assert "cherry" in stage.text()
        assert stage.app.controller.view_state.filter == ""
        await stage.press("slash", *"an", "enter")
        assert "cherry" not in stage.text()
        await stage.press("escape")
        assert "cherry" in stage.text()
        assert stage.app.controller.view_state.view == "tasks"
        await stage.press("escape")
        assert stage.app.controller.view_state.view == "live"

    fruit(play)


def test_letters_that_are_keys_are_letters_while_one_types():
    async def play(stage: Stage) -> None:
        await stage.press("slash", "a", "q", "0", "question_mark", "left_square_bracket")
        assert stage.app.controller.view_state.filters["tasks"] == "aq0?["
        assert stage.run.calls == []
        assert stage.app.is_running

    fruit(play)


def test_a_view_without_rows_says_so():
    async def play(stage: Stage) -> None:
        await stage.press("4", "slash", "o")
        assert not stage.app.controller.view_state.typing
        await stage.press("4", "slash")
        assert "no rows to filter" in stage.text()

    drive(play)


def test_order_and_pin():
    async def play(stage: Stage) -> None:
        assert "o order" in stage.lines()[-1]
        await stage.press("p")
        assert "Nothing is chosen to pin" in stage.text()
        await stage.press("o")
        assert "Sorted by length." in stage.text()
        assert stage.app.controller.view_state.order == 1
        await stage.press("o", "j", "j", "p")
        assert stage.app.controller.view_state.order == 0
        assert stage.app.controller.view_state.pins == {"banana"}
        await stage.press("p")
        assert stage.app.controller.view_state.pins == frozenset()

    fruit(play, (120, 24))


def test_the_palette_has_the_fixes_every_action_and_the_scenarios():
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+p")
        screen = stage.app.screen
        actions = [e.value.name for e in screen.entries if isinstance(e.value, Action)]
        assert actions[:3] == ["fix-a", "fix-b", "fix-c"]
        shown = {action.name for action in ACTIONS} - {"palette", "up", "down"}
        assert set(actions) >= {name for name in shown if not name.startswith("fix-")}
        scenarios = [e.value for e in screen.entries if isinstance(e.value, ScenarioInfo)]
        assert scenarios == [entry for entry in ENTRIES if not entry.error]
        assert all(entry.text for entry in screen.entries)

    drive(play)


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("fix a", [("toggle", "to_thread")]),
        ("THREAD fix", [("toggle", "to_thread")]),
        ("more load", [("set_rate", 1.5)]),
        ("scenario dbpool", [("switch", "dbpool")]),
        ("no such thing", []),
    ],
)
def test_the_palette_does_what_is_found(words, calls):
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+p", *("space" if c == " " else c for c in words), "enter")
        assert stage.run.calls == calls

    drive(play)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_palette_stays_and_data_goes_on(ascii_only):
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+p", "x", "backspace", "down", "down", "up")
        assert stage.app.screen.chosen == 1
        polls = len(stage.run.polls)
        await stage.play(1)
        assert len(stage.run.polls) > polls
        assert "COMMANDS" in stage.text()
        await stage.press("escape")
        assert "COMMANDS" not in stage.text()

    drive(play, stage=Stage(ascii_only=ascii_only))


def test_the_picker_finds():
    async def play(stage: Stage) -> None:
        await stage.press("s", *"whole request")
        assert f"1 of {len(ENTRIES)}" in stage.text()
        await stage.press("x")
        assert "None has these words" in stage.text()
        await stage.press("backspace", "enter")
        assert stage.run.calls == [("switch", "dbpool")]
        await stage.press("s", *"whole request", "escape")
        assert not stage.app.screen.is_modal

    drive(play)
