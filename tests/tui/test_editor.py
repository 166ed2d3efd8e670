"""What reaches beyond the screen: clipboard, editor, screenshot."""

import stat
import sys
from pathlib import Path

import pytest

from loopviz.model.snapshot import Location
from loopviz.tui.editor import Editor, openable_place, save_svg
from tests.support.waiting import wait_until
from tests.tui.fake_run import BLOCKING_LINE, SCENARIO
from tests.tui.stage import Stage, drive


class Here:
    """A view's answer to what the chosen row is about."""

    def __init__(self, location):
        self.location = location

    def __call__(self, scene):
        return self.location


def at(stage, location, monkeypatch):
    monkeypatch.setattr(stage.app.controller.view, "location", Here(location))


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """A function: make a program of that name the editor; it writes down what it was given."""
    received = tmp_path / "told"
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)

    def make(name):
        path = tmp_path / name
        path.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f'open({str(received)!r}, "w").write(repr(sys.argv[1:]))\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("EDITOR", f"{path} --flag")
        return received

    return make


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("vim", ["vim", "+7", "/a b.py"]),
        ("/usr/bin/nano -w", ["/usr/bin/nano", "-w", "+7", "/a b.py"]),
        ("emacsclient -nw", ["emacsclient", "-nw", "+7", "/a b.py"]),
        ("code --wait", ["code", "--wait", "-g", "/a b.py:7"]),
        ("hx", ["hx", "/a b.py:7"]),
        ("pycharm", ["pycharm", "--line", "7", "/a b.py"]),
        ("'/opt/my editor/ed'", ["/opt/my editor/ed", "/a b.py"]),
        ("it's", ["it's", "/a b.py"]),
    ],
)
def test_how_editors_are_told_the_line(setting, command):
    assert Editor({"EDITOR": setting}).command("/a b.py", 7) == command
    assert Editor({"EDITOR": "other", "VISUAL": setting}).command("/a b.py", 7) == command


def test_which_editors_have_a_window():
    assert Editor({"EDITOR": "code -w"}).window
    assert not Editor({"EDITOR": "vim"}).window
    assert Editor({}).name == ""
    assert Editor({"VISUAL": "", "EDITOR": " "}).name == ""


def test_a_place_is_short_if_it_can_be(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    inside = Location(file="x/app.py", line=3, function="f", path=str(tmp_path / "src" / "app.py"))
    assert openable_place(inside) == f"{Path('src') / 'app.py'}:3"
    assert (
        openable_place(Location(file="x/app.py", line=3, function="f", path="/elsewhere/app.py"))
        == "/elsewhere/app.py:3"
    )
    assert openable_place(Location(file="x/app.py", line=3, function="f")) == "x/app.py:3"


def test_copy_says_what_was_copied(monkeypatch):
    async def play(stage: Stage) -> None:
        copied = []
        monkeypatch.setattr(stage.app, "copy_to_clipboard", copied.append)
        at(stage, BLOCKING_LINE, monkeypatch)
        await stage.press("y")
        assert copied == [openable_place(BLOCKING_LINE)]
        assert f"Copied {openable_place(BLOCKING_LINE)}, " in stage.text()

    drive(play, (160, 24))


def test_without_a_line_it_says_what_to_do(monkeypatch):
    async def play(stage: Stage) -> None:
        at(stage, None, monkeypatch)
        await stage.press("y")
        assert "No line to copy: go to a row that has one, with j." in stage.text()
        await stage.press("E")
        assert "No line to edit" in stage.text()

    drive(play)


def test_without_an_editor_it_says_so(monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)

    async def play(stage: Stage) -> None:
        at(stage, BLOCKING_LINE, monkeypatch)
        await stage.press("E")
        assert "No editor is set" in stage.text()

    drive(play)


def test_an_editor_with_a_window_is_started_and_let_be(editor, monkeypatch):
    received = editor("code")

    async def play(stage: Stage) -> None:
        at(stage, BLOCKING_LINE, monkeypatch)
        await stage.press("E")
        assert "code opens " in stage.text()
        wait_until(lambda: received.exists() and received.read_text())
        assert received.read_text() == repr(
            ["--flag", "-g", f"{SCENARIO.path}:{BLOCKING_LINE.line}"]
        )

    drive(play)


def test_an_editor_that_is_not_there(monkeypatch):
    monkeypatch.setenv("VISUAL", "/nowhere/code")

    async def play(stage: Stage) -> None:
        at(stage, BLOCKING_LINE, monkeypatch)
        await stage.press("E")
        assert "code cannot be started (No such file or directory)" in stage.text()

    drive(play)


def test_a_terminal_editor_needs_a_terminal(editor, monkeypatch):
    """A test has none, as a browser has none."""
    received = editor("vim")

    async def play(stage: Stage) -> None:
        at(stage, BLOCKING_LINE, monkeypatch)
        await stage.press("E")
        await stage.app.workers.wait_for_complete()
        await stage.play()
        assert "An editor needs a terminal" in stage.text()
        assert not received.exists()

    drive(play, (160, 24))


def test_a_screenshot_is_saved_and_never_over_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def play(stage: Stage) -> None:
        await stage.press("S")
        (path,) = tmp_path.iterdir()
        assert path.name.startswith("loopviz-block-")
        assert path.suffix == ".svg"
        assert "BLOCKED" in path.read_text("utf-8") or "LIVE" in path.read_text("utf-8")
        assert f"Saved {tmp_path}" in stage.text()

    drive(play, (160, 24))


def test_screenshots_of_one_second(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save_svg("one", "name") == f"Saved {tmp_path / 'name.svg'}"
    assert save_svg("two", "name") == f"Saved {tmp_path / 'name-2.svg'}"
    assert (tmp_path / "name.svg").read_text() == "one"


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "open", refuse)
    assert (
        save_svg("x", "name")
        == f"No screenshot: {tmp_path} cannot be written to (Permission denied)."
    )
