"""The log view: what the app writes, the newest last."""

from pathlib import Path

import pytest

from loopviz.clock import SECOND
from loopviz.engine.output import OutputLine, Written
from loopviz.program import Program
from tests.tui.fake_run import T0, FakeRun
from tests.tui.stage import Stage, beyond_ascii, drive


def written(*lines, forgotten=0):
    """A line each tenth of a second; one that begins with `!` is on standard error."""
    return Written(
        T0,
        tuple(
            OutputLine(T0 + at * SECOND // 10, line.lstrip("!").encode(), line.startswith("!"))
            for at, line in enumerate(lines)
        ),
        forgotten,
    )


def numbered(first, last):
    return [f"line {number}" for number in range(first, last)]


def shown(stage):
    """The rows of the table, and of the whole line below it."""
    rows = stage.lines()
    title = next(at for at, row in enumerate(rows) if row.startswith("── LOG"))
    return [row for row in rows[title + 2 : -2] if row]


def see(play, *lines, size=(80, 24), forgotten=0, **options):
    """Run `play(stage)` in the view, over a run that has written these lines."""
    run = FakeRun()
    run.written = written(*lines, forgotten=forgotten)

    async def begin(stage):
        await stage.press("7")
        await stage.play(0.3)
        await play(stage)

    return drive(begin, size, Stage(run, **options))


def test_the_newest_line_is_last_and_followed():
    async def play(stage):
        assert shown(stage)[-1].split() == ["9.9", "s", "out", "line", "99"]
        stage.run.written = written(*numbered(0, 101))
        await stage.play(0.3)
        assert shown(stage)[-1].endswith("line 100")

    see(play, *numbered(0, 100))


def test_a_chosen_line_stays_while_others_come_and_go():
    async def play(stage):
        await stage.press("k", "k")
        assert "▶" in shown(stage)[-2]
        stage.run.written = written(*numbered(20, 150), forgotten=20)
        await stage.play(0.3)
        (chosen,) = (row for row in shown(stage) if "▶" in row)
        assert chosen.endswith("line 98")
        await stage.press("g")
        assert shown(stage)[0].endswith("line 20")
        await stage.press("G")
        assert shown(stage)[-1].endswith("line 149"), "it follows again"
        assert not [row for row in shown(stage) if "▶" in row]

    see(play, *numbered(0, 100))


@pytest.mark.parametrize("key", ["esc", "j"])
def test_below_the_last_line_the_newest_is_followed_again(key):
    async def play(stage):
        await stage.press("k")
        assert "▶" in shown(stage)[-1]
        await stage.press({"esc": "escape"}.get(key, key))
        assert "[7 Log]" in stage.text()
        assert not [row for row in shown(stage) if "▶" in row]

    see(play, *numbered(0, 100))


def test_standard_error_is_told_from_standard_output_without_colours_too():
    async def play(stage):
        rows = [row.split()[2:] for row in shown(stage)]
        assert rows == [["out", "ready"], ["err", "failed"]]
        assert "2 lines, 1 on standard error" in stage.text()

    see(play, "ready", "!failed")


def test_a_long_line_is_cut_and_whole_once_it_is_chosen():
    async def play(stage):
        assert "the end" not in stage.text()
        assert shown(stage)[-1].endswith("…")
        await stage.press("k")
        assert "── LINE" in stage.text()
        assert "the end" in stage.text()

    see(play, "word " * 40 + "the end")


def test_only_lines_with_the_text():
    async def play(stage):
        await stage.press("/", *"TWO", "enter")
        assert [row.split()[3:] for row in shown(stage)] == [["line", "two"]]
        assert "1 line of 3" in stage.text()

    see(play, "line one", "!line two", "line three")


def test_a_frozen_view_has_what_had_been_written_then():
    async def play(stage):
        await stage.press("space")
        stage.run.written = replaced = written(*numbered(0, 200))
        await stage.play(0.3)
        assert replaced.lines[-1].at_ns > stage.now
        assert "line 199" not in stage.text()
        assert "up to the moment that is shown" in stage.text()

    see(play, *numbered(0, 60))


def test_what_it_has_forgotten_is_said():
    async def play(stage):
        assert "3 lines, 1,234 older ones are forgotten" in stage.text()

    see(play, *numbered(0, 3), forgotten=1234)


def test_an_app_that_has_written_nothing():
    async def play(stage):
        assert "The app has written nothing so far." in " ".join(stage.text().split())

    see(play, size=(60, 16))


def test_a_program_that_ran_before_writes_elsewhere():
    async def play(stage):
        program = Program(id="17 python", path=Path.cwd(), pid=17)
        stage.run.scenario, stage.run.catalogue = program, (program,)
        await stage.play(0.3)
        await stage.press("7")
        await stage.play(0.3)
        assert "loopviz has not started this program" in stage.text()

    see(play)


def test_escape_sequences_are_text():
    async def play(stage):
        assert "\x1b" not in stage.text()
        assert "before \\x1b]0;title\\x07 after" in stage.text()

    see(play, "before \x1b]0;title\x07 after")


def test_ascii():
    async def play(stage):
        await stage.press("k")
        assert not beyond_ascii(stage.text())

    see(play, "!" + "long " * 60, "short", ascii_only=True)


def test_a_new_run_begins_with_an_empty_log():
    async def play(stage):
        await stage.press("k")
        stage.run.written = written("first")
        stage.app.controller.restarted()
        await stage.play(0.3)
        assert stage.app.controller.view_state.row is None
        assert [row.split()[3:] for row in shown(stage)] == [["first"]]

    see(play, *numbered(0, 9))
