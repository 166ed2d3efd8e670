"""Whatever was sent to the terminal, it shows what the screen's rows say."""

import pytest
from rich.color import ColorSystem
from textual.app import App

from loopviz.clock import SECOND
from loopviz.tui._textual import DEPTHS, CellsUpdate
from tests.tui.emulator import Emulator, textuals_own
from tests.tui.stage import Stage, drive

DEPTH = ColorSystem.TRUECOLOR


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """What Textual would write goes to an emulator."""
    terminal = Emulator(80, 24)
    terminal.bytes = 0

    def display(app, screen, update):
        if isinstance(update, CellsUpdate):
            sent = update.render_segments(app.console)
            terminal.bytes += len(sent.encode())
            terminal.feed(sent)

    monkeypatch.setattr(App, "_display", display)
    for depth in DEPTHS:
        monkeypatch.setitem(DEPTHS, depth, DEPTH)
    return terminal


def shown(stage: Stage) -> list[list[tuple]]:
    """The rows, each sent whole."""
    size = stage.app.size
    terminal = Emulator(*size)
    terminal.feed(textuals_own([(0, y, row) for y, row in enumerate(stage.strips())], DEPTH))
    return terminal.cells


@pytest.mark.parametrize(
    ("size", "options"),
    [((80, 24), {}), ((80, 24), {"ascii_only": True}), ((160, 50), {"theme_name": "light"})],
)
def test_frame_after_frame(terminal, size, options):
    terminal.resize(*size)

    async def play(stage: Stage) -> None:
        for _ in range(16):
            stage.now += SECOND // 30
            stage.app.tick()
        assert terminal.cells == shown(stage)

    drive(play, size, Stage(**options))


def test_views_boxes_and_sizes(terminal):
    async def play(stage: Stage) -> None:
        for keys in (("a", "2"), ("3", "6", "1"), ("j", "enter", "space", "h"), ("0", "T")):
            await stage.press(*keys)
            await stage.play(0.1)
            assert terminal.cells == shown(stage), keys
        for key in ("?", "escape", "s", "down", "escape"):
            await stage.press(key)
            await stage.play(0.1)
            await stage.pilot.pause(0.05)
            assert terminal.cells == shown(stage), key
        for size in ((40, 12), (80, 24)):
            terminal.resize(*size)
            await stage.resize(*size)
            await stage.play(0.1)
            assert terminal.cells == shown(stage), size

    drive(play)


def test_a_key_is_answered_before_anything_else_happens(terminal):
    """Textual's own timer would do so up to 30 ms later."""

    async def play(stage: Stage) -> None:
        stage.app.act("freeze")
        words = "".join(cell[0] for cell in terminal.cells[0])
        assert "FROZEN" in words

    drive(play)


def test_a_second_of_lanes_is_a_few_kilobytes(terminal):
    async def play(stage: Stage) -> None:
        terminal.bytes = 0
        for _ in range(30):
            stage.now += SECOND // 30
            stage.app.tick()
        assert 0 < terminal.bytes < 30_000

    drive(play)


def test_behind_a_box_only_what_changes_is_sent_four_times_a_second(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")  # in few colours a box has nothing behind it
    monkeypatch.setenv("COLORTERM", "truecolor")
    terminal.resize(160, 50)

    async def play(stage: Stage) -> None:
        await stage.press("?")
        await stage.play(0.1)
        await stage.pilot.pause(0.05)
        terminal.bytes = drawn = 0
        for _ in range(30):
            stage.now += SECOND // 15
            before = stage.app.scene
            stage.app.tick()
            drawn += stage.app.scene is not before
            await stage.pilot.pause(0.02)
        await stage.pilot.pause(0.05)
        assert terminal.cells == shown(stage)
        assert 6 <= drawn <= 8
        assert 0 < terminal.bytes < 5_000 * drawn, "all of it takes 20,000"

    drive(play, (160, 50))
