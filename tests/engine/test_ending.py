"""The end of a program: the signals in time, and what is said of it."""

import pytest

from loopviz.engine import ending as module
from loopviz.engine.blocker_words import blocker_words
from loopviz.engine.ending import Ending
from loopviz.model.names import Naming
from loopviz.wire.blocker import CONNECTION, LIFESPAN, REQUEST, RUNS, TASK, THREAD, Blocker

LINES = {("/app/shop.py", 41): "    await queue.get()\n"}
NAMING = Naming([("/app", "")], lambda path, line: LINES.get((path, line), ""))
PLACE = "\t/app/shop.py\t41\tconsume"


class Process:
    pid, code = 0, None

    def __init__(self):
        self.got = []

    def interrupt(self):
        self.got.append("SIGINT")

    def reap(self, timeout_s):
        self.got.append("SIGKILL")


class Workers:
    running = seen = open = 1
    said = "the lifespan at shop.py:41"

    def waited_for(self):
        return self.said

    def interrupt(self, session):
        pass

    def kill(self):
        pass


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def pass_time(clock, ending, until, since=0):
    for tenth in range(round(since * 10), round(until * 10)):
        clock[0] = 100 + tenth / 10
        ending.follow()


def test_one_sigint_is_enough_for_most(clock):
    process, workers = Process(), Workers()
    ending = Ending("app", process, workers)
    pass_time(clock, ending, 1)
    assert "Shutdown waits for the lifespan at shop.py:41." in ending.sentence()
    process.code = workers.running = 0
    ending.follow()
    assert (ending.over, process.got, ending.farewell()) == (True, ["SIGINT"], "")


def test_a_second_one_is_told_with_what_it_waited_for_then(clock):
    process, workers = Process(), Workers()
    ending = Ending("app", process, workers)
    pass_time(clock, ending, 3.3)
    workers.said = "something else"
    process.code = workers.running = 0
    ending.follow()
    assert process.got == ["SIGINT", "SIGINT"]
    assert ending.farewell() == (
        "app ended 3.2 s after SIGINT, and only after a second one: "
        "its shutdown waited for the lifespan at shop.py:41."
    )


def test_what_does_not_end_is_killed_and_told(clock):
    process = Process()
    ending = Ending("app", process, Workers())
    pass_time(clock, ending, 5.3)
    assert process.got == ["SIGINT", "SIGINT", "SIGKILL"]
    assert ending.farewell() == (
        "app was killed, 5.1 s after SIGINT: its shutdown waited for the lifespan at shop.py:41."
    )


def test_while_no_loop_is_open_it_has_more_time(clock):
    process, workers = Process(), Workers()
    workers.said, workers.open = "", 0
    ending = Ending("celery", process, workers)
    pass_time(clock, ending, 9.9)
    assert process.got == ["SIGINT"]
    assert ending.sentence().startswith("SIGINT 10 s ago, SIGKILL in 5 s (q: now).")
    pass_time(clock, ending, 14.9, since=9.9)
    assert process.got == ["SIGINT", "SIGINT"]
    pass_time(clock, ending, 15.3, since=14.9)
    assert process.got == ["SIGINT", "SIGINT", "SIGKILL"]


def test_a_loop_that_opens_late_has_as_much_time_as_any(clock):
    process, workers = Process(), Workers()
    workers.open = 0
    ending = Ending("celery", process, workers)
    pass_time(clock, ending, 7)
    workers.open = 1
    pass_time(clock, ending, 9.8, since=7)
    assert process.got == ["SIGINT"]
    pass_time(clock, ending, 11.7, since=9.8)
    assert process.got == ["SIGINT", "SIGINT"]
    pass_time(clock, ending, 12.2, since=11.7)
    assert process.got == ["SIGINT", "SIGINT", "SIGKILL"]


@pytest.mark.parametrize(
    ("blockers", "words"),
    [
        ([], ""),
        ([Blocker(TASK, "consume", PLACE)], "the task consume at shop.py:41 `await queue.get()`"),
        ([Blocker(RUNS, "", "\t/app/shop.py\t7\tload")], "shop.py:7, which blocks the loop"),
        ([Blocker(THREAD, "io_0", "\t/app/shop.py\t7\tjob")], "the thread io_0 at shop.py:7"),
        ([Blocker(CONNECTION, "", "")] * 3, "a connection that its client keeps open (3 times)"),
        (
            [Blocker(LIFESPAN, "", "\t/app/shop.py\t7\tlife"), Blocker(TASK, "job", "", 1)],
            "the lifespan at shop.py:7, which awaits the task job",
        ),
        (
            [Blocker(REQUEST, name, "") for name in "abcd"],
            "a request in a, a request in b and 2 more",
        ),
    ],
)  # fmt: skip
def test_words(blockers, words):
    assert blocker_words(blockers, NAMING) == words
