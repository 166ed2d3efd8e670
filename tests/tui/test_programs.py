"""A program of the user's own: the screen says nothing of a lesson, of fixes or of a scenario."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from loopviz.engine.session import Status
from loopviz.lab.catalogue import LoadInfo
from loopviz.program import Program
from loopviz.tui._textual import has_exited
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

URL = "http://127.0.0.1:8000"
LOAD = (LoadInfo("GET /report", 2), LoadInfo("GET /ping", 20))
SIZES = [(80, 24), (120, 35), (160, 50)]
BESIDE = re.compile("I its lesson|I opens the lesson (block; your program goes on|that teaches it)")
"""The lesson that teaches its finding runs beside it."""
FALSE = re.compile(
    r"\blesson\b|this scenario|scenario's|press [a-f]\b|what to watch|→ +scenarios/", re.IGNORECASE
)


def program(*, load=(), **given):
    """A run of a program; without a load and a server it has no requests."""
    run = FakeRun()
    info = Program(id="shop.main:app", path=Path.cwd(), load=load, command=("python",), **given)
    run.scenario, run.catalogue = info, (info,)
    run.status = Status("running", url=URL if given.get("serves") or load else "")
    if not load:
        run.made = lambda snapshot: replace(snapshot, requests=(), routes=(), comparison=None)
    return run


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("load", [(), LOAD], ids=["no load", "load"])
def test_no_view_speaks_of_what_a_program_has_not(size, load):
    async def play(stage):
        for key in ("1", "2", "3", "4", "5", "6", "7"):
            await stage.press(key)
            await stage.play(0.5)
            said = BESIDE.sub("", stage.text())
            assert not (found := FALSE.search(said)), (key, found, said)

    drive(play, size, Stage(program(load=load, serves=True)))


def test_tasks_lead_where_no_requests_are_served_until_a_view_is_chosen():
    async def play(stage):
        await stage.play(0.1)
        assert "[2 Tasks]" in stage.text()
        stage.run.status = Status("running", url=URL)  # it serves after all
        await stage.play(0.1)
        assert "[1 Live]" in stage.text()
        await stage.press("4")
        stage.run.status = Status("running")
        await stage.play(0.1)
        assert "[4 Loop]" in stage.text()

    drive(play, (120, 35), Stage(program()))


def test_before_the_first_event_it_is_not_said_that_nothing_is_wrong():
    async def play(stage):
        stage.run.made = lambda _snapshot: None
        stage.run.status = Status("starting", why="python x.py runs trio's loop.")
        await stage.press("1")
        await stage.play(0.1)
        assert "Nothing is known yet." in stage.text()
        await stage.press("5")
        assert "nothing is known yet" in stage.text()
        assert "othing is wrong" not in stage.text()

    drive(play, (120, 35), Stage(program()))


def test_where_requests_may_be_sent_is_in_sight():
    async def play(stage):
        await stage.play(0.1)
        said = stage.text()
        assert URL in said.splitlines()[0]
        assert f"send requests to {URL}" in said
        assert '--load "GET / @' in said

    drive(play, (120, 35), Stage(program(serves=True)))


@pytest.mark.parametrize("key", ["i", "a", "["])
def test_keys_of_a_lesson_say_why_they_do_nothing(key):
    async def play(stage):
        await stage.press(key)
        assert re.search("A program of your own has no|There is no load", stage.text())

    drive(play, (120, 35), Stage(program(serves=True)))


def test_the_last_seconds_of_a_program_that_has_ended_stay():
    async def play(stage):
        stage.run.status = Status("ended", why="python x.py has ended with exit code 0.")
        await stage.play(0.1)
        await stage.play(5)
        lines = stage.lines()
        assert re.search(r"ENDED +\+5 s behind", lines[0])
        assert "python x.py has ended with exit code 0." in "\n".join(lines)

    drive(play, (120, 35), Stage(program(load=LOAD)))


def test_what_was_attached_to_and_has_ended_is_not_offered_to_be_started_again():
    async def play(stage):
        stage.run.status = Status("ended", why="4711 worker.py has ended.")
        await stage.play(0.1)
        said = stage.text()
        assert "4711 worker.py has ended." in said
        assert "next  q quits, s goes to another scenario" in said
        assert "R restart" not in said

    drive(play, (120, 35), Stage(program(pid=4711)))


def test_a_program_that_fails_shows_what_it_said():
    async def play(stage):
        stage.run.blank = True
        why = "shop.main:app ended with exit code 1. Its last words: ZeroDivisionError"
        stage.run.status = Status("failed", why=why, output=("Traceback (most", "\x1b[31m1 / 0"))
        await stage.play(0.1)
        said = stage.text()
        assert "FAILED" in said
        assert "LAST OUTPUT" in said
        assert "1 / 0" in said
        assert "Nothing is wrong" not in said

    drive(play, (120, 35), Stage(program(serves=True)))


def test_the_tour_does_not_end_a_program():
    async def play(stage):
        await stage.press("w")
        assert "The tour would end your program" in stage.text()
        assert not any(call[0] == "switch" for call in stage.run.calls)

    drive(play, (120, 35), Stage(program(serves=True)))


@pytest.mark.parametrize("by", ["its end", "a second q"])
def test_the_end_of_a_program_is_shown_while_it_lasts(by):
    async def play(stage):
        await stage.press("q")
        await stage.play(0.3)
        said = stage.text()
        assert " ENDING " in said
        assert "Shutdown waits for the lifespan at shop.py:9." in said
        assert "q kills it and leaves" in said
        assert not has_exited(stage.app)
        if by == "its end":
            stage.run.over = True
            await stage.play(0.1)
        else:
            await stage.press("q")
        assert has_exited(stage.app)

    drive(play, (120, 35), Stage(program(serves=True)))
