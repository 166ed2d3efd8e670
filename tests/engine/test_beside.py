"""A lesson beside a program of the user's own: the program goes on, and is come back to."""

from pathlib import Path

import pytest

from loopviz.engine import session
from loopviz.engine.session import Session
from loopviz.options import RunOptions
from loopviz.program import Program


class StandIn:
    """A run without processes; `did` is what was asked of it."""

    def __init__(self, info, _folder, _guard, options):
        self.scenario, self.options, self.did = info, options, []
        self.farewell = ""

    def poll(self):
        self.did.append("poll")

    def quit(self):
        self.did.append("quit")

    def reap(self, _timeout_s):
        self.did.append("reap")


@pytest.fixture
def opened(monkeypatch):
    monkeypatch.setattr(session, "_kind_of", lambda _info: StandIn)
    program = Program(id="shop.main:app", path=Path.cwd(), command=("python",))
    made = Session(program, RunOptions(port=8000))
    yield made
    made.close()


def test_the_program_goes_on_and_is_the_run_again(opened):
    program = opened.run
    opened.visit("block")
    lesson = opened.run
    assert (lesson.scenario.id, lesson.options.port) == ("block", 0)
    opened.poll()
    assert (program.did, lesson.did) == (["poll"], ["poll"])
    opened.switch("dbpool")
    assert "quit" in lesson.did
    assert (opened.run.scenario.id, opened.run.options.port) == ("dbpool", 0)
    opened.switch("shop.main:app")
    assert opened.run is program
    assert program.did == ["poll"]
    opened.visit("block")
    opened.close()
    assert program.did[1:] == ["quit", "reap"]


def test_without_such_a_lesson_it_goes_back_to_the_program_as_ever(opened):
    opened.switch("block")
    other = opened.run
    opened.visit("dbpool")
    assert "quit" in other.did
    opened.switch("shop.main:app")
    assert opened.run.did == []
