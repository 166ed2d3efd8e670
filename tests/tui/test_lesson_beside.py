"""Beside a program of the user's own, the lesson that teaches a finding; and back."""

from pathlib import Path

import pytest

from loopviz.engine.session import Status
from loopviz.lab.catalogue import catalogue
from loopviz.model.findings.rules import RULE_INFOS
from loopviz.program import Program
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def a_program():
    """Its finding is that of `block`, which is a lesson, too."""
    run = FakeRun()
    program = Program(id="shop.main:app", path=Path.cwd(), command=("python",), serves=True)
    run.scenario, run.catalogue = program, (program, *run.catalogue)
    run.status = Status("running", url="http://127.0.0.1:8000")
    return run


def test_a_key_opens_the_lesson_and_comes_back_to_the_finding():
    async def play(stage):
        await stage.press("5")
        await stage.play(0.1)
        assert "I opens the lesson block; your program goes on meanwhile" in stage.text()
        await stage.press("j", "enter", "I")
        await stage.play(0.1)
        assert ("visit", "block") in stage.run.calls
        assert "[i Lesson]" in stage.text()
        assert "U your program" in stage.lines()[-1]
        await stage.press("1")
        await stage.play(0.5)
        assert "block" in stage.lines()[0]
        await stage.press("I")
        await stage.play(0.1)
        assert ("switch", "shop.main:app") in stage.run.calls
        assert "shop.main:app" in stage.lines()[0]
        assert "[5 Diagnose]" in stage.text()
        assert "U your program" not in stage.lines()[-1]
        assert stage.app.controller.view_state.detail

    drive(play, (120, 35), Stage(a_program()))


def test_of_a_program_that_has_ended_it_is_not_said_that_it_goes_on():
    async def play(stage):
        stage.run.status = Status("ended", why="The recording ends here.")
        await stage.press("5")
        await stage.play(0.1)
        assert "I opens the lesson block" in stage.text()
        assert "goes on" not in stage.text()

    drive(play, (120, 35), Stage(a_program()))


def test_where_there_is_no_way_it_is_said():
    async def play(stage):
        await stage.press("U")
        assert "No program of your own goes on beside this." in stage.text()
        await stage.press("I")
        assert "This is a lesson: i shows why it is as it is." in stage.text()

    drive(play, (120, 35), Stage())


TAUGHT = [(info.id, info.lesson) for info in RULE_INFOS.values() if info.lesson]


@pytest.mark.parametrize(
    ("rule", "lesson"), [*TAUGHT, ("pool-exhausted", "httppool"), ("slow-callback", "json")]
)
def test_the_lesson_of_a_rule_has_a_fix_for_it(rule, lesson):
    (entry,) = (entry for entry in catalogue() if entry.id == lesson)
    assert any(rule in fix.answers for fix in entry.fixes if not fix.wrong)
